/* SPDX-License-Identifier: Apache-2.0 */
/* A plan becomes writes to the folders' files. */
#include "run/cgroup_internal.h"
#include "run/device_bpf.h"

#include <string.h>

static int fail_write(const struct cgroup *cgroup, const struct cgroup_write *write, int code,
                      struct keg_err *err)
{
    const char *folder = cgroup->paths[cgroup->folder_of[write->controller]];
    if (code == -ENOENT && strcmp(write->limit, "swap limit") == 0)
        return keg_fail(err, code, "%s: this kernel does not count swap (no '%s/%s')", write->limit,
                        folder, write->file);
    if (code == -ENOENT)
        return keg_fail(err, -ENOTSUP, "%s: this kernel does not have it (no '%s/%s'%s%s%s)",
                        write->limit, folder, write->file, write->other_file ? " nor '" : "",
                        write->other_file ? write->other_file : "", write->other_file ? "'" : "");
    return keg_fail(err, code, "%s: write '%s' to '%s/%s': %s", write->limit, write->value, folder,
                    write->file, keg_errno_text(code));
}

/* What nobody asked for is left where the kernel or the machine's owner says no. */
static bool may_fail(const struct cgroup_write *write, int code)
{
    return write->optional && (code == -ENOENT || code == -EACCES || code == -EPERM ||
                               code == -EROFS || code == -EOPNOTSUPP);
}

/* The fd of the last file stays open: a list of device rules is a row of writes to one file. */
struct writer {
    const struct cgroup *cgroup;
    int fd;
    const char *file;
    int folder;
};

static int writer_open(struct writer *writer, int folder, const char *file)
{
    if (writer->fd >= 0 && writer->folder == folder && strcmp(writer->file, file) == 0)
        return 0;
    keg_cleanup_fd(&writer->fd);
    writer->fd = keg_openat(folder, file, O_WRONLY, 0);
    writer->folder = folder;
    writer->file = file;
    return writer->fd < 0 ? writer->fd : 0;
}

static int write_one(struct writer *writer, const struct cgroup_write *write)
{
    int folder = cgroup_folder_fd(writer->cgroup, write->controller);
    const char *value = write->value;
    if (folder < 0)
        return -ENOENT;
    int result = writer_open(writer, folder, write->file);
    if (result == -ENOENT && write->other_file) {
        result = writer_open(writer, folder, write->other_file);
        value = write->other_value;
    }
    return result < 0 ? result : keg_write_all(writer->fd, value, strlen(value));
}

static int write_limits(const struct cgroup *cgroup, const struct cgroup_plan *plan,
                        struct keg_err *err)
{
    struct writer writer = {.cgroup = cgroup, .fd = -1};
    int result = 0;
    for (size_t i = 0; result == 0 && i < plan->count; i++) {
        result = write_one(&writer, &plan->writes[i]);
        if (result < 0)
            result = may_fail(&plan->writes[i], result)
                         ? 0
                         : fail_write(cgroup, &plan->writes[i], result, err);
    }
    keg_cleanup_fd(&writer.fd);
    return result;
}

int cgroup_write_plan(const struct cgroup *cgroup, const struct cgroup_plan *plan,
                      struct keg_err *err)
{
    int result = write_limits(cgroup, plan, err);
    if (result < 0 || !plan->device_program || cgroup->count == 0)
        return result;
    result = device_bpf_attach(cgroup->folders[0].fd, plan->device_program,
                               plan->device_program_length, err);
    return plan->devices_optional ? 0 : result;
}
