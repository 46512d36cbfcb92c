/* SPDX-License-Identifier: Apache-2.0 */
/* A plan becomes writes to the folders' files. */
#include "run/cgroup_internal.h"
#include "run/device_bpf.h"
#include "run/systemd.h"

#include <inttypes.h>
#include <string.h>

/* A list of CPUs; one line of each device. */
#define OLD_VALUE_MAX_BYTES 16384

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

/* ---- what stood there before */

/* Files with one line for each device, by the line's first word. */
static bool is_keyed(const struct cgroup_write *write)
{
    size_t key = strcspn(write->value, " ");
    return memchr(write->value, ':', key) || strcmp(write->file, "net_prio.ifpriomap") == 0 ||
           strcmp(write->file, "rdma.max") == 0;
}

/* What means "no limit" where the file has no line for the device. */
static const char *unset_value(const struct cgroup *cgroup, const struct cgroup_write *write)
{
    if (strcmp(write->file, "io.max") == 0)
        return "rbps=max wbps=max riops=max wiops=max";
    return cgroup->v2 ? "default" : "0";
}

static char *keyed_line(const struct cgroup *cgroup, const struct cgroup_write *write,
                        const char *text)
{
    size_t key = strcspn(write->value, " ");
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, write->value, key) == 0 && line[key] == ' ')
            return keg_strndup(line, strcspn(line, "\n"));
    }
    return keg_asprintf("%.*s %s", (int)key, write->value, unset_value(cgroup, write));
}

/* The file's value as it can be written again, on the heap; NULL where it has none (lists of device
 * rules) or out of memory: then it is not put back. */
static char *read_old(const struct cgroup *cgroup, const struct cgroup_write *write)
{
    char text[OLD_VALUE_MAX_BYTES];
    int folder = cgroup_folder_fd(cgroup, write->controller);
    if (write->controller == CGROUP_DEVICES || folder < 0)
        return NULL;
    ssize_t length = cgroup_read_text(folder, write->file, text, sizeof(text));
    if (length == -ENOENT && write->other_file)
        length = cgroup_read_text(folder, write->other_file, text, sizeof(text));
    if (length < 0)
        return NULL;
    if (is_keyed(write))
        return keyed_line(cgroup, write, text);
    /* "oom_kill_disable 0": the number alone is what it takes. */
    const char *value = strcmp(write->file, "memory.oom_control") == 0 && strchr(text, ' ')
                            ? strchr(text, ' ') + 1
                            : text;
    return keg_strndup(value, *value == '\n' ? 1 : strcspn(value, "\n"));
}

/* ---- all of them */

struct application {
    struct writer writer;
    const struct cgroup_plan *plan;
    bool *done;
    char **old; /* of a living container; else NULL */
};

/* One write: 1 done, 0 to be tried again when others are, or -errno. */
static int apply_one(struct application *a, size_t i)
{
    const struct cgroup_write *write = &a->plan->writes[i];
    if (a->old && !a->old[i])
        a->old[i] = read_old(a->writer.cgroup, write);
    int result = write_one(&a->writer, write);
    if (result == -EINVAL)
        return 0;
    if (result < 0 && !may_fail(write, result))
        return result;
    a->done[i] = true;
    return 1;
}

/* Write what is not written yet. Return the first that is invalid so far, or all; *ret_retry:
 * others were written behind it. */
static ssize_t apply_rest(struct application *a, bool *ret_retry, struct keg_err *err)
{
    size_t invalid = a->plan->count;
    *ret_retry = false;
    for (size_t i = 0; i < a->plan->count; i++) {
        if (a->done[i])
            continue;
        int result = apply_one(a, i);
        if (result < 0)
            return fail_write(a->writer.cgroup, &a->plan->writes[i], result, err);
        if (result > 0 && invalid < a->plan->count)
            *ret_retry = true;
        if (result == 0 && invalid == a->plan->count)
            invalid = i;
    }
    return (ssize_t)invalid;
}

/* Values that limit one another (memory and memory plus swap, quota and burst) can be raised in one
 * order and lowered in the other only: what the kernel calls invalid is tried again, as long as
 * others get written. */
static int apply_all(struct application *a, struct keg_err *err)
{
    bool retry = true;
    ssize_t invalid = 0;
    while (retry) {
        invalid = apply_rest(a, &retry, err);
        if (invalid < 0)
            return (int)invalid;
    }
    if ((size_t)invalid == a->plan->count)
        return 0;
    return fail_write(a->writer.cgroup, &a->plan->writes[invalid], -EINVAL, err);
}

/* Backwards; and twice, for those that limit one another. */
static void put_back(struct application *a)
{
    for (size_t i = 2 * a->plan->count; i-- > 0;) {
        struct cgroup_write write = a->plan->writes[i % a->plan->count];
        write.value = write.other_value = a->old[i % a->plan->count];
        if (write.value)
            (void)write_one(&a->writer, &write);
    }
}

static int write_limits(const struct cgroup *cgroup, const struct cgroup_plan *plan, char **old,
                        struct keg_err *err)
{
    _cleanup_free_ bool *done = calloc(plan->count + 1, sizeof(*done));
    struct application a = {
        .writer = {.cgroup = cgroup, .fd = -1}, .plan = plan, .done = done, .old = old};
    if (!done)
        return keg_fail(err, -ENOMEM, "out of memory");
    int result = apply_all(&a, err);
    if (result == 0 && old && cgroup->scope)
        result = systemd_set_limits(cgroup->scope, plan, err);
    if (result < 0 && old)
        put_back(&a);
    keg_cleanup_fd(&a.writer.fd);
    return result;
}

int cgroup_write_plan(const struct cgroup *cgroup, const struct cgroup_plan *plan,
                      struct keg_err *err)
{
    int result = write_limits(cgroup, plan, NULL, err);
    if (result < 0 || !plan->device_program || cgroup->count == 0)
        return result;
    result = device_bpf_attach(cgroup->folders[0].fd, plan->device_program,
                               plan->device_program_length, err);
    return plan->devices_optional ? 0 : result;
}

/* ---- a living container */

static int check_memory(const struct cgroup *cgroup, int64_t limit, struct keg_err *err)
{
    char text[64];
    uint64_t used;
    int folder = cgroup_folder_fd(cgroup, CGROUP_MEMORY);
    if (limit <= 0 || folder < 0)
        return 0;
    ssize_t length = cgroup_read_text(
        folder, cgroup->v2 ? "memory.current" : "memory.usage_in_bytes", text, sizeof(text));
    text[length < 0 ? 0 : strcspn(text, "\n")] = '\0';
    if (keg_parse_u64(text, 0, UINT64_MAX, &used) < 0 || used <= (uint64_t)limit)
        return 0;
    return keg_fail(err, -EBUSY,
                    "memory limit: %" PRIu64 " bytes are in use, more than %" PRId64 " bytes", used,
                    limit);
}

static int add_missing_folders(struct cgroup *cgroup, const struct cgroup_plan *plan,
                               struct keg_err *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        enum cgroup_controller controller = plan->writes[i].controller;
        if (cgroup_folder_fd(cgroup, controller) >= 0 || plan->writes[i].optional)
            continue;
        int result = cgroup_add_late(cgroup, controller, err);
        if (result < 0)
            return keg_wrap(err, "%s", plan->writes[i].limit);
    }
    return 0;
}

static bool plans_device_lines(const struct cgroup_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->writes[i].controller == CGROUP_DEVICES)
            return true;
    return false;
}

static int apply_limits(const struct cgroup *cgroup, const struct cgroup_plan *plan,
                        struct keg_err *err)
{
    char **old = calloc(plan->count + 1, sizeof(*old));
    if (!old)
        return keg_fail(err, -ENOMEM, "out of memory");
    int result = write_limits(cgroup, plan, old, err);
    for (size_t i = 0; i < plan->count; i++)
        free(old[i]);
    free(old);
    return result;
}

int cgroup_apply(struct cgroup *cgroup, const struct cgroup_plan *plan, struct keg_err *err)
{
    int result = check_memory(cgroup, plan->memory_check_before_bytes, err);
    if (result == 0)
        result = add_missing_folders(cgroup, plan, err);
    if (result < 0)
        return result;
    /* Between "deny all" and the last line nothing may look: no device would be there. */
    bool freeze = plans_device_lines(plan) && !cgroup_is_frozen(cgroup) &&
                  cgroup_freeze(cgroup, true, NULL) == 0;
    result = apply_limits(cgroup, plan, err);
    if (freeze)
        (void)cgroup_freeze(cgroup, false, NULL);
    if (result < 0 || !plan->device_program || cgroup->count == 0)
        return result;
    return device_bpf_replace(cgroup->folders[0].fd, plan->device_program,
                              plan->device_program_length, err);
}

/* ---- what one file holds together */

static int read_value(const struct cgroup *cgroup, enum cgroup_controller controller,
                      const char *file, char text[static 64])
{
    int folder = cgroup_folder_fd(cgroup, controller);
    ssize_t length = folder < 0 ? folder : cgroup_read_text(folder, file, text, 64);
    return length < 0 ? (int)length : 0;
}

/* "max 100000" */
static void complete_cpu(const struct cgroup *cgroup, struct run_resources *resources)
{
    char text[64], quota[32];
    uint64_t period;
    if (!cgroup->v2 || !resources->cpu_quota_us == !resources->cpu_period_us ||
        read_value(cgroup, CGROUP_CPU, "cpu.max", text) < 0 ||
        sscanf(text, "%31s %" SCNu64, quota, &period) != 2)
        return;
    if (!resources->cpu_period_us)
        resources->cpu_period_us = period;
    else if (keg_parse_i64(quota, 1, INT64_MAX, &resources->cpu_quota_us) < 0)
        resources->cpu_quota_us = -1;
}

static void complete_memory(const struct cgroup *cgroup, struct run_resources *resources)
{
    const char *file = cgroup->v2 ? "memory.max" : "memory.limit_in_bytes";
    char text[64];
    int64_t limit;
    if (resources->memory_swap_bytes <= 0 || resources->memory_limit_bytes ||
        read_value(cgroup, CGROUP_MEMORY, file, text) < 0)
        return;
    text[strcspn(text, "\n")] = '\0';
    if (keg_parse_i64(text, 1, CGROUP_V1_UNLIMITED - 1, &limit) == 0)
        resources->memory_limit_bytes = limit;
}

void cgroup_complete_update(const struct cgroup *cgroup, struct run_resources *resources)
{
    complete_cpu(cgroup, resources);
    complete_memory(cgroup, resources);
}
