/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the parent: folders of resctrl. */
#include "run/intel_rdt.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef RDTGROUP_SUPER_MAGIC
#define RDTGROUP_SUPER_MAGIC 0x7655821
#endif

#define ROOT "/sys/fs/resctrl"

/* A line for each resource, a number for each of its domains. */
#define SCHEMATA_MAX_BYTES (64u * 1024)

int intel_rdt_open(struct keg_err *err)
{
    struct statfs fs;
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, ROOT, O_PATH | O_DIRECTORY, 0);
    if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != RDTGROUP_SUPER_MAGIC)
        return keg_fail(err, -ENOTSUP,
                        "intelRdt: resctrl is not mounted at '" ROOT
                        "' (mount -t resctrl resctrl " ROOT
                        ", where the kernel and the processor have it)");
    return TAKE_FD(fd);
}

/* ---- schemata */

/* "0=00ff" of ${length} bytes: where the number begins that counts, and its length. */
static const char *skip_zeros(const char *text, size_t *length)
{
    while (*length > 1 && *text == '0') {
        text++;
        (*length)--;
    }
    return text;
}

static bool same_share(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t a_key = strcspn(a, "="), b_key = strcspn(b, "=");
    if (a_key >= a_length || a_key != b_key || strncmp(a, b, a_key) != 0)
        return false;
    size_t a_rest = a_length - a_key - 1, b_rest = b_length - b_key - 1;
    const char *a_value = skip_zeros(a + a_key + 1, &a_rest);
    const char *b_value = skip_zeros(b + b_key + 1, &b_rest);
    return a_rest == b_rest && strncasecmp(a_value, b_value, a_rest) == 0;
}

/* Whether one of the shares of ${line} ("0=f;1=f", up to its end) is ${share}. */
static bool has_share(const char *line, const char *share, size_t length)
{
    for (const char *at = line;;) {
        size_t item = strcspn(at, ";\n");
        if (same_share(at, item, share, length))
            return true;
        at += item;
        if (*at != ';')
            return false;
        at++;
    }
}

/* The shares of the resource "L3:" in ${schemata}, or NULL. */
static const char *find_resource(const char *schemata, const char *name, size_t length)
{
    for (const char *line = schemata; *line; line += *line == '\n') {
        line += strspn(line, " ");
        if (strncmp(line, name, length) == 0)
            return line + length;
        line += strcspn(line, "\n");
    }
    return NULL;
}

bool intel_rdt_matches(const char *schemata, const char *wanted)
{
    size_t name = strcspn(wanted, ":");
    if (wanted[name] != ':')
        return false;
    const char *line = find_resource(schemata, wanted, name + 1);
    for (const char *at = wanted + name + 1; line;) {
        size_t length = strcspn(at, ";");
        if (!has_share(line, at, length))
            return false;
        at += length;
        if (!*at++)
            return true;
    }
    return false;
}

/* What goes into the file: runtime-spec wants no "MB:" line of the cache's where the bandwidth has
 * one of its own. NULL: out of memory; "" nothing. */
static char *schemata_of(const struct run_intel_rdt *rdt)
{
    _cleanup_buf_ struct keg_buf text = keg_buf_init(SCHEMATA_MAX_BYTES);
    keg_buf_str(&text, "");
    for (const char *at = rdt->l3_cache_schema; at && *at;) {
        size_t length = strcspn(at, "\n");
        if (length > 0 && !(rdt->memory_bandwidth_schema && keg_starts_with(at, "MB:"))) {
            keg_buf_add(&text, at, length);
            keg_buf_str(&text, "\n");
        }
        at += length + (at[length] == '\n');
    }
    if (rdt->memory_bandwidth_schema) {
        keg_buf_str(&text, rdt->memory_bandwidth_schema);
        keg_buf_str(&text, "\n");
    }
    return text.failed ? NULL : keg_strdup(text.data ? text.data : "");
}

static int compare_schemata(int folder_fd, const char *wanted, struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf held = {0};
    int r = keg_read_file(folder_fd, "schemata", SCHEMATA_MAX_BYTES, &held, err);
    if (r < 0)
        return r;
    for (const char *at = wanted; *at;) {
        size_t length = strcspn(at, "\n");
        _cleanup_free_ char *line = keg_strndup(at, length);
        if (!line)
            return keg_fail(err, -ENOMEM, "out of memory");
        if (!intel_rdt_matches(held.data ? held.data : "", line))
            return keg_fail(err, -EEXIST, "it is there, and has not '%s'", line);
        at += length + (at[length] == '\n');
    }
    return 0;
}

/* The kernel says in a file of its own what it does not like. */
static int explain_schemata(int root_fd, int code, struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf words = {0};
    if (keg_read_file(root_fd, "info/last_cmd_status", 4096, &words, NULL) < 0 || words.length == 0)
        return keg_fail(err, code, "write 'schemata': %s", keg_errno_text(code));
    words.data[strcspn(words.data, "\n")] = '\0';
    return keg_fail(err, code, "write 'schemata': %s", words.data);
}

/* resctrl has the files in every folder; O_CREAT changes nothing there. */
static int write_schemata(int root_fd, int folder_fd, const char *schemata, struct keg_err *err)
{
    if (!*schemata)
        return 0;
    _cleanup_fd_ int fd = keg_openat(folder_fd, "schemata", O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
    int r = fd < 0 ? fd : keg_write_all(fd, schemata, strlen(schemata));
    return r < 0 ? explain_schemata(root_fd, r, err) : 0;
}

/* ---- folders */

static int fill(int root_fd, const char *name, const char *schemata, bool made, struct keg_err *err)
{
    _cleanup_fd_ int fd = keg_open_beneath(root_fd, name, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return keg_fail(err, fd, "open: %s", keg_errno_text(fd));
    return made ? write_schemata(root_fd, fd, schemata, err) : compare_schemata(fd, schemata, err);
}

static int make(int root_fd, const char *name, bool must_be_there, bool *ret_made,
                struct keg_err *err)
{
    *ret_made = false;
    if (must_be_there)
        return faccessat(root_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0
                   ? 0
                   : keg_fail(err, -ENOENT, "there is none, and no schema to make one with");
    if (mkdirat(root_fd, name, 0755) == 0)
        *ret_made = true;
    else if (errno == ENOSPC)
        return keg_fail(err, -ENOSPC, "all classes of service are in use");
    else if (errno != EEXIST)
        return keg_fail_errno(err, "make");
    return 0;
}

int intel_rdt_create(int root_fd, const char *id, const struct run_intel_rdt *rdt,
                     struct intel_rdt_group *ret, struct keg_err *err)
{
    const char *name = rdt->clos_id ? rdt->clos_id : id;
    _cleanup_free_ char *schemata = schemata_of(rdt);
    struct intel_rdt_group group = {.name = keg_strdup(name)};
    int r = schemata && group.name ? 0 : keg_fail(err, -ENOMEM, "out of memory");
    if (r == 0 && (!*name || strchr(name, '/') || *name == '.'))
        r = keg_fail(err, -EINVAL, "it is no name of a folder");
    if (r == 0)
        r = make(root_fd, name, rdt->clos_id && !*schemata, &group.made, err);
    if (r == 0)
        r = fill(root_fd, name, schemata, group.made, err);
    if (r == 0) {
        *ret = group;
        return 0;
    }
    (void)keg_wrap(err, "intelRdt: '%s'", name);
    if (group.name)
        (void)intel_rdt_destroy(root_fd, &group);
    free(group.name);
    return r;
}

int intel_rdt_tasks(int root_fd, const char *name, struct keg_err *err)
{
    _cleanup_free_ char *path = keg_asprintf("%s/tasks", name);
    if (!path)
        return keg_fail(err, -ENOMEM, "out of memory");
    int fd = keg_open_beneath(root_fd, path, O_WRONLY, 0);
    return fd < 0 ? keg_fail(err, fd, "intelRdt: '%s': %s", path, keg_errno_text(fd)) : fd;
}

int intel_rdt_destroy(int root_fd, const struct intel_rdt_group *group)
{
    if (!group->made || unlinkat(root_fd, group->name, AT_REMOVEDIR) == 0)
        return 0;
    return errno == ENOENT ? 0 : -errno;
}

int intel_rdt_release(const struct intel_rdt_group *group, struct keg_err *err)
{
    if (!group->made)
        return 0;
    _cleanup_fd_ int root_fd = keg_openat(AT_FDCWD, ROOT, O_PATH | O_DIRECTORY, 0);
    int r = root_fd < 0 ? root_fd : intel_rdt_destroy(root_fd, group);
    return r < 0 && r != -ENOENT
               ? keg_fail(err, r, "remove '" ROOT "/%s': %s", group->name, keg_errno_text(r))
               : 0;
}
