/* SPDX-License-Identifier: Apache-2.0 */
/* --device and --device-cgroup-rule: nodes of the container, and what it may do with them. */
#include "cmd/run/plan.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Of folders below a folder: /dev has two levels. */
#define DEPTH_MAX 8

/* One --device. */
struct request {
    const char *text; /* as it was given */
    char *host, *container;
    char access[4];
};

static void request_done(struct request *request)
{
    free(request->host);
    free(request->container);
}

static int no_memory(struct keg_err *err)
{
    return keg_fail(err, -ENOMEM, "out of memory");
}

/* One to three of "rwm", none twice. */
static bool is_access(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > 3 || strspn(text, "rwm") != length)
        return false;
    for (size_t i = 0; i + 1 < length; i++)
        if (strchr(text + i + 1, text[i]))
            return false;
    return true;
}

static int add_rule(const struct run_device_rule *rule, struct run_resources *resources,
                    struct keg_err *err)
{
    struct run_device_rule *grown =
        reallocarray(resources->devices, resources->devices_count + 1, sizeof(*grown));
    if (!grown)
        return no_memory(err);
    resources->devices = grown;
    grown[resources->devices_count++] = *rule;
    return 0;
}

/* A node of that path that is there already (--privileged has all) is replaced. */
static int put_device(struct run_spec *spec, const struct run_device *device, struct keg_err *err)
{
    struct run_device new = *device;
    new.path = keg_strdup(device->path);
    if (!new.path)
        return no_memory(err);
    for (size_t i = 0; i < spec->devices_count; i++) {
        if (!keg_streq(spec->devices[i].path, new.path))
            continue;
        free(spec->devices[i].path);
        spec->devices[i] = new;
        return 0;
    }
    struct run_device *grown = reallocarray(spec->devices, spec->devices_count + 1, sizeof(*grown));
    if (!grown) {
        free(new.path);
        return no_memory(err);
    }
    spec->devices = grown;
    grown[spec->devices_count++] = new;
    return 0;
}

static int add_node(const struct request *request, const char *path, const struct stat *st,
                    struct run_spec *spec, struct keg_err *err)
{
    _cleanup_free_ char *copy = keg_strdup(path);
    const struct run_device device = {
        .path = copy,
        .type = S_ISCHR(st->st_mode) ? 'c' : 'b',
        .major = major(st->st_rdev),
        .minor = minor(st->st_rdev),
        .mode = st->st_mode & 07777,
        .uid = st->st_uid,
        .gid = st->st_gid,
    };
    struct run_device_rule rule = {true, device.type, device.major, device.minor, ""};
    memcpy(rule.access, request->access, sizeof(rule.access));
    int r = copy ? put_device(spec, &device, err) : no_memory(err);
    return r == 0 ? add_rule(&rule, &spec->resources, err) : r;
}

static int add_folder(const struct request *request, const char *host, const char *container,
                      unsigned depth, struct run_spec *spec, struct keg_err *err);

/* What is neither a device nor a folder is left out, links too, as docker does. */
static int add_entry(const struct request *request, const char *host, const char *container,
                     unsigned depth, struct run_spec *spec, struct keg_err *err)
{
    struct stat st;
    if (lstat(host, &st) < 0)
        return 0; /* unplugged just now */
    if (S_ISDIR(st.st_mode))
        return depth < DEPTH_MAX ? add_folder(request, host, container, depth + 1, spec, err) : 0;
    return S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ? add_node(request, container, &st, spec, err)
                                                      : 0;
}

static int add_folder(const struct request *request, const char *host, const char *container,
                      unsigned depth, struct run_spec *spec, struct keg_err *err)
{
    _cleanup_dir_ DIR *dir = opendir(host);
    int r = 0;
    if (!dir)
        return keg_fail_errno(err, "--device '%s': open '%s'", request->text, host);
    for (struct dirent *entry; r == 0 && (entry = readdir(dir));) {
        if (keg_streq(entry->d_name, ".") || keg_streq(entry->d_name, ".."))
            continue;
        _cleanup_free_ char *below = keg_asprintf("%s/%s", host, entry->d_name);
        _cleanup_free_ char *inside = keg_asprintf("%s/%s", container, entry->d_name);
        r = below && inside ? add_entry(request, below, inside, depth, spec, err) : no_memory(err);
    }
    return r;
}

/* "HOST[:CONTAINER][:rwm]"; what stands behind the only colon may be either. */
static int parse_device(const char *text, struct request *ret, struct keg_err *err)
{
    const char *first = strchr(text, ':'), *second = first ? strchr(first + 1, ':') : NULL;
    size_t host = first ? (size_t)(first - text) : strlen(text);
    const char *container = text, *access = second ? second + 1 : NULL;
    size_t length = host;
    if (first && !second && is_access(first + 1)) {
        access = first + 1;
    } else if (first) {
        container = first + 1;
        length = second ? (size_t)(second - container) : strlen(container);
    }
    *ret = (struct request){.text = text, .access = "rwm"};
    if (access && !is_access(access))
        return keg_fail(err, -EINVAL, "--device '%s': '%s' is not an access such as rwm", text,
                        access);
    if (access)
        (void)snprintf(ret->access, sizeof(ret->access), "%s", access);
    ret->host = keg_strndup(text, host);
    ret->container = keg_strndup(container, length);
    return ret->host && ret->container ? 0 : no_memory(err);
}

static int check_request(const struct request *request, struct keg_err *err)
{
    if (request->host[0] != '/' && strchr(request->host, '='))
        return keg_fail(err, -EINVAL,
                        "--device '%s': devices by name (CDI) are not supported; give the path of "
                        "a device, such as /dev/dri",
                        request->text);
    if (request->host[0] != '/')
        return keg_fail(err, -EINVAL, "--device '%s': the path on the host must be absolute",
                        request->text);
    if (!keg_starts_with(request->container, "/dev/") || strstr(request->container, ".."))
        return keg_fail(err, -EINVAL, "--device '%s': the path in the container must be below /dev",
                        request->text);
    return 0;
}

static int add_device(const char *text, struct run_spec *spec, struct keg_err *err)
{
    _cleanup_(request_done) struct request request = {.text = text};
    struct stat st;
    int r = parse_device(text, &request, err);
    if (r == 0)
        r = check_request(&request, err);
    if (r < 0)
        return r;
    if (stat(request.host, &st) < 0)
        return keg_fail_errno(err, "--device '%s': '%s'", text, request.host);
    if (S_ISDIR(st.st_mode))
        return add_folder(&request, request.host, request.container, 0, spec, err);
    if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
        return keg_fail(err, -ENODEV,
                        "--device '%s': '%s' is not a device; for files and folders use -v", text,
                        request.host);
    return add_node(&request, request.container, &st, spec, err);
}

/* "10" or "*". */
static bool take_number(const char **at, int64_t *ret)
{
    size_t digits = strspn(*at, "0123456789");
    uint64_t value = 0;
    if (**at == '*') {
        (*at)++;
        *ret = -1;
        return true;
    }
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (uint64_t)((*at)[i] - '0');
    *at += digits;
    *ret = (int64_t)value;
    return digits > 0 && digits <= 9;
}

/* "c 10:200 rwm" */
static bool parse_rule(const char *text, struct run_device_rule *ret)
{
    const char *at = text;
    *ret = (struct run_device_rule){.allow = true, .type = *at};
    if (!*at || !strchr("abc", *at) || at[1] != ' ')
        return false;
    at += 2;
    if (!take_number(&at, &ret->major) || *at++ != ':' || !take_number(&at, &ret->minor) ||
        *at++ != ' ' || !is_access(at))
        return false;
    (void)snprintf(ret->access, sizeof(ret->access), "%s", at);
    return true;
}

int plan_devices(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err)
{
    int r = 0;
    for (char *const *d = flags->devices; r == 0 && d && *d; d++)
        r = add_device(*d, spec, err);
    for (char *const *d = flags->device_rules; r == 0 && d && *d; d++) {
        struct run_device_rule rule;
        if (!parse_rule(*d, &rule))
            return keg_fail(err, -EINVAL,
                            "--device-cgroup-rule '%s': not TYPE MAJOR:MINOR ACCESS, such as "
                            "'c 10:200 rwm'",
                            *d);
        r = add_rule(&rule, &spec->resources, err);
    }
    return r;
}
