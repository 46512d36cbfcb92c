/* SPDX-License-Identifier: Apache-2.0 */
/* -v, --mount and --tmpfs as mounts of the spec. */
#include "cmd/run/plan.h"

#include <string.h>
#include <sys/stat.h>

/* One mount as a flag says it; strings on the heap. */
struct request {
    char *type, *source, *destination;
    char *options; /* with commas */
    bool create_source;
};

static void request_done(struct request *request)
{
    free(request->type);
    free(request->source);
    free(request->destination);
    free(request->options);
}

static int no_memory(struct keg_err *err)
{
    return keg_fail(err, -ENOMEM, "out of memory");
}

static int set(char **field, char *value, struct keg_err *err)
{
    free(*field);
    *field = value;
    return value ? 0 : no_memory(err);
}

static int add_option(struct request *request, const char *option, struct keg_err *err)
{
    if (!request->options)
        return set(&request->options, keg_strdup(option), err);
    char *joined = keg_asprintf("%s,%s", request->options, option);
    return set(&request->options, joined, err);
}

static int check_destination(const char *flag, const char *text, const char *destination,
                             const struct run_spec *spec, size_t defaults, struct keg_err *err)
{
    if (!destination || destination[0] != '/')
        return keg_fail(err, -EINVAL, "%s '%s': the path in the container must be absolute", flag,
                        text);
    if (destination[strspn(destination, "/")] == '\0')
        return keg_fail(err, -EINVAL, "%s '%s': the container's '/' cannot be a mount", flag, text);
    for (size_t i = defaults; i < spec->mounts_count; i++)
        if (keg_streq(spec->mounts[i].destination, destination))
            return keg_fail(err, -EINVAL, "%s '%s': '%s' is mounted twice", flag, text,
                            destination);
    return 0;
}

/* Bind sources are looked at now, so that the message can name the flag. */
static int resolve_source(const char *flag, const char *text, struct request *request,
                          struct keg_err *err)
{
    if (request->create_source && access(request->source, F_OK) < 0) {
        int r = keg_mkdirs(AT_FDCWD, request->source, 0755);
        if (r < 0)
            return keg_fail(err, r, "%s '%s': make '%s': %s", flag, text, request->source,
                            keg_errno_text(r));
    }
    char *resolved = realpath(request->source, NULL);
    if (!resolved && errno == ENOENT)
        return keg_fail(err, -ENOENT,
                        "%s '%s': '%s' does not exist on the host; make it, or use "
                        "--mount type=bind,source=…,target=…,bind-create-src",
                        flag, text, request->source);
    if (!resolved)
        return keg_fail_errno(err, "%s '%s': '%s'", flag, text, request->source);
    return set(&request->source, resolved, err);
}

static int add_request(const char *flag, const char *text, struct request *request,
                       struct run_spec *spec, size_t defaults, struct keg_err *err)
{
    int r = check_destination(flag, text, request->destination, spec, defaults, err);
    if (r == 0 && keg_streq(request->type, "bind"))
        r = resolve_source(flag, text, request, err);
    if (r < 0)
        return r;
    return run_spec_add_mount(spec, request->destination, request->type,
                              request->source ? request->source : request->type, request->options,
                              err);
}

/* -------------------------------------------------------------------------------------------- -v
 */

/* What stands behind the second colon; each is an option of the mount but for those that need
 * SELinux. */
static const char *const volume_options[] = {
    "ro",     "rw",   "rbind",  "bind", "private", "rprivate", "shared", "rshared", "slave",
    "rslave", "exec", "noexec", "suid", "nosuid",  "dev",      "nodev",  "idmap"};

static bool is_volume_option(const char *option)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(volume_options); i++)
        if (keg_streq(option, volume_options[i]))
            return true;
    return false;
}

static bool is_propagation(const char *option)
{
    return strstr(option, "private") || strstr(option, "shared") || strstr(option, "slave");
}

static int add_bind_defaults(struct request *request, bool propagation, bool nonrecursive,
                             struct keg_err *err)
{
    int r = nonrecursive ? add_option(request, "bind", err) : add_option(request, "rbind", err);
    return r == 0 && !propagation ? add_option(request, "rprivate", err) : r;
}

/* Read-only is meant for all below the folder, not for its uppermost mount alone (docker since 25).
 */
static int add_read_only(struct request *request, bool top_only, struct keg_err *err)
{
    return add_option(request, top_only ? "ro" : "rro", err);
}

static int take_volume_options(const char *text, const char *options, struct request *request,
                               struct keg_err *err)
{
    bool propagation = false, nonrecursive = false, read_only = false;
    _cleanup_free_ char *copy = keg_strdup(options);
    if (!copy)
        return no_memory(err);
    char *state = NULL;
    for (char *o = strtok_r(copy, ",", &state); o; o = strtok_r(NULL, ",", &state)) {
        if (keg_streq(o, "z") || keg_streq(o, "Z")) {
            /* Relabelling is for SELinux; where the host has none there is nothing to relabel. */
            if (access("/sys/fs/selinux/enforce", F_OK) == 0)
                return keg_fail(err, -EINVAL,
                                "--volume '%s': option '%s' (SELinux) is not supported", text, o);
            continue;
        }
        if (!is_volume_option(o))
            return keg_fail(err, -EINVAL, "--volume '%s': unknown option '%s'", text, o);
        propagation |= is_propagation(o);
        nonrecursive |= keg_streq(o, "bind");
        if (keg_streq(o, "ro") || keg_streq(o, "rw"))
            read_only = keg_streq(o, "ro");
        else if (!keg_streq(o, "bind") && !keg_streq(o, "rbind") && add_option(request, o, err) < 0)
            return -ENOMEM;
    }
    int r = read_only ? add_read_only(request, nonrecursive, err) : 0;
    return r == 0 ? add_bind_defaults(request, propagation, nonrecursive, err) : r;
}

/* "~" is the shell's to expand at the start of a word, but not behind "-v=". */
static char *expand_home(const char *source)
{
    const char *home = getenv("HOME");
    if (source[0] == '~' && (source[1] == '/' || !source[1]) && home)
        return keg_asprintf("%s%s", home, source + 1);
    return keg_strdup(source);
}

static int parse_volume(const char *text, struct request *request, struct keg_err *err)
{
    const char *colon = strchr(text, ':');
    if (!colon)
        return keg_fail(err, -EINVAL,
                        "--volume '%s': anonymous volumes are not supported; give HOST-PATH:%s",
                        text, text);
    if (!strchr("/.~", text[0]))
        return keg_fail(
            err, -EINVAL,
            "--volume '%s': named volumes are not supported; for a folder here write ./%.*s", text,
            (int)(colon - text), text);
    const char *second = strchr(colon + 1, ':');
    size_t length = second ? (size_t)(second - colon - 1) : strlen(colon + 1);
    _cleanup_free_ char *source = keg_strndup(text, (size_t)(colon - text));
    int r = set(&request->source, source ? expand_home(source) : NULL, err);
    if (r == 0)
        r = set(&request->destination, keg_strndup(colon + 1, length), err);
    if (r == 0)
        r = set(&request->type, keg_strdup("bind"), err);
    return r == 0 ? take_volume_options(text, second ? second + 1 : "", request, err) : r;
}

static int add_volume(const char *text, struct run_spec *spec, size_t defaults, struct keg_err *err)
{
    _cleanup_(request_done) struct request request = {0};
    int r = parse_volume(text, &request, err);
    return r == 0 ? add_request("--volume", text, &request, spec, defaults, err) : r;
}

/* ---------------------------------------------------------------------------------------- --mount
 */

/* What --mount knows, and what a key does to the request. */
enum mount_key {
    KEY_TYPE,
    KEY_SOURCE,
    KEY_TARGET,
    KEY_READONLY,
    KEY_PROPAGATION,
    KEY_RECURSIVE,
    KEY_NONRECURSIVE,
    KEY_CREATE,
    KEY_TMPFS_SIZE,
    KEY_TMPFS_MODE
};

struct mount_key_name {
    const char *name;
    enum mount_key key;
    bool is_flag; /* a key without a value is true */
};

static const struct mount_key_name mount_keys[] = {
    {"type", KEY_TYPE, false},
    {"src", KEY_SOURCE, false},
    {"source", KEY_SOURCE, false},
    {"dst", KEY_TARGET, false},
    {"dest", KEY_TARGET, false},
    {"target", KEY_TARGET, false},
    {"destination", KEY_TARGET, false},
    {"ro", KEY_READONLY, true},
    {"readonly", KEY_READONLY, true},
    {"bind-propagation", KEY_PROPAGATION, false},
    {"bind-recursive", KEY_RECURSIVE, false},
    {"bind-nonrecursive", KEY_NONRECURSIVE, true},
    {"bind-create-src", KEY_CREATE, true},
    {"tmpfs-size", KEY_TMPFS_SIZE, false},
    {"tmpfs-mode", KEY_TMPFS_MODE, false},
};

struct mount_parse {
    struct request request;
    bool propagation, nonrecursive, readonly;
    bool submounts_writable;  /* bind-recursive=writable */
    bool bind_key, tmpfs_key; /* a key of that type was used */
};

static const struct mount_key_name *find_key(const char *name)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(mount_keys); i++)
        if (keg_streq(name, mount_keys[i].name))
            return &mount_keys[i];
    return NULL;
}

static int parse_flag(const char *text, const char *key, const char *value, bool *ret,
                      struct keg_err *err)
{
    if (!value || keg_streq(value, "true") || keg_streq(value, "1"))
        *ret = true;
    else if (keg_streq(value, "false") || keg_streq(value, "0"))
        *ret = false;
    else
        return keg_fail(err, -EINVAL, "--mount '%s': '%s' is true or false, not '%s'", text, key,
                        value);
    return 0;
}

static int take_tmpfs_size(const char *text, const char *value, struct mount_parse *parse,
                           struct keg_err *err)
{
    uint64_t bytes;
    char option[40];
    if (keg_parse_size(value, &bytes) < 0)
        return keg_fail(err, -EINVAL, "--mount '%s': '%s' is no size", text, value);
    (void)snprintf(option, sizeof(option), "size=%llu", (unsigned long long)bytes);
    return add_option(&parse->request, option, err);
}

static int take_tmpfs_mode(const char *text, const char *value, struct mount_parse *parse,
                           struct keg_err *err)
{
    char option[24];
    if (!*value || strspn(value, "01234567") != strlen(value) || strlen(value) > 4)
        return keg_fail(err, -EINVAL, "--mount '%s': '%s' is no octal mode", text, value);
    (void)snprintf(option, sizeof(option), "mode=%s", value);
    return add_option(&parse->request, option, err);
}

static int take_propagation(const char *text, const char *value, struct mount_parse *parse,
                            struct keg_err *err)
{
    if (!is_volume_option(value) || !is_propagation(value))
        return keg_fail(err, -EINVAL, "--mount '%s': unknown propagation '%s'", text, value);
    parse->propagation = true;
    return add_option(&parse->request, value, err);
}

static int take_recursive(const char *text, const char *value, struct mount_parse *parse,
                          struct keg_err *err)
{
    parse->nonrecursive = keg_streq(value, "disabled");
    parse->submounts_writable = keg_streq(value, "writable");
    if (!parse->nonrecursive && !parse->submounts_writable && !keg_streq(value, "enabled") &&
        !keg_streq(value, "readonly"))
        return keg_fail(err, -EINVAL,
                        "--mount '%s': bind-recursive is enabled, disabled, writable or readonly, "
                        "not '%s'",
                        text, value);
    return 0;
}

static int take_key(const char *text, const struct mount_key_name *key, const char *value,
                    struct mount_parse *parse, struct keg_err *err)
{
    parse->bind_key |= keg_starts_with(key->name, "bind-");
    parse->tmpfs_key |= keg_starts_with(key->name, "tmpfs-");
    switch (key->key) {
    case KEY_TYPE:
        return set(&parse->request.type, keg_strdup(value), err);
    case KEY_SOURCE:
        return set(&parse->request.source, expand_home(value), err);
    case KEY_TARGET:
        return set(&parse->request.destination, keg_strdup(value), err);
    case KEY_READONLY:
        return parse_flag(text, key->name, value, &parse->readonly, err);
    case KEY_PROPAGATION:
        return take_propagation(text, value, parse, err);
    case KEY_RECURSIVE:
        return take_recursive(text, value, parse, err);
    case KEY_NONRECURSIVE:
        return parse_flag(text, key->name, value, &parse->nonrecursive, err);
    case KEY_CREATE:
        return parse_flag(text, key->name, value, &parse->request.create_source, err);
    case KEY_TMPFS_SIZE:
        return take_tmpfs_size(text, value, parse, err);
    case KEY_TMPFS_MODE:
        return take_tmpfs_mode(text, value, parse, err);
    }
    return 0;
}

static int take_field(const char *text, char *field, struct mount_parse *parse, struct keg_err *err)
{
    char *value = strchr(field, '=');
    if (value)
        *value++ = '\0';
    const struct mount_key_name *key = find_key(field);
    if (!key)
        return keg_fail(err, -EINVAL, "--mount '%s': unknown key '%s'", text, field);
    if (!value && !key->is_flag)
        return keg_fail(err, -EINVAL, "--mount '%s': '%s' wants a value", text, field);
    return take_key(text, key, value, parse, err);
}

static int finish_mount(const char *text, struct mount_parse *parse, struct keg_err *err)
{
    struct request *request = &parse->request;
    const char *type = request->type ? request->type : "volume";
    bool bind = keg_streq(type, "bind"), tmpfs = keg_streq(type, "tmpfs");
    if (!bind && !tmpfs)
        return keg_fail(err, -EINVAL, "--mount '%s': type '%s' is not supported; use bind or tmpfs",
                        text, type);
    if (bind && !request->source)
        return keg_fail(err, -EINVAL, "--mount '%s': a bind mount wants source=", text);
    if (tmpfs && request->source)
        return keg_fail(err, -EINVAL, "--mount '%s': a tmpfs has no source", text);
    if ((bind && parse->tmpfs_key) || (tmpfs && parse->bind_key))
        return keg_fail(err, -EINVAL, "--mount '%s': a key of another type than %s", text, type);
    bool top_only = tmpfs || parse->nonrecursive || parse->submounts_writable;
    int r = parse->readonly ? add_read_only(request, top_only, err) : 0;
    if (r == 0 && bind)
        r = add_bind_defaults(request, parse->propagation, parse->nonrecursive, err);
    if (r == 0 && tmpfs)
        r = add_option(request, "nosuid,nodev,noexec", err);
    return r;
}

static int add_mount(const char *text, struct run_spec *spec, size_t defaults, struct keg_err *err)
{
    struct mount_parse parse = {.propagation = false};
    _cleanup_free_ char *copy = keg_strdup(text);
    int r = copy ? 0 : no_memory(err);
    char *state = NULL;
    for (char *f = copy ? strtok_r(copy, ",", &state) : NULL; f && r == 0;
         f = strtok_r(NULL, ",", &state))
        r = take_field(text, f, &parse, err);
    if (r == 0)
        r = finish_mount(text, &parse, err);
    if (r == 0)
        r = add_request("--mount", text, &parse.request, spec, defaults, err);
    request_done(&parse.request);
    return r;
}

/* ---------------------------------------------------------------------------------------- --tmpfs
 */

static int add_tmpfs(const char *text, struct run_spec *spec, size_t defaults, struct keg_err *err)
{
    _cleanup_(request_done) struct request request = {0};
    size_t length = strcspn(text, ":");
    int r = set(&request.destination, keg_strndup(text, length), err);
    if (r == 0)
        r = set(&request.type, keg_strdup("tmpfs"), err);
    if (r == 0)
        r = set(&request.options, keg_strdup("noexec,nosuid,nodev"), err);
    if (r == 0 && text[length] && text[length + 1])
        r = add_option(&request, text + length + 1, err);
    return r == 0 ? add_request("--tmpfs", text, &request, spec, defaults, err) : r;
}

int plan_mounts(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err)
{
    size_t defaults = spec->mounts_count;
    int r = 0;
    for (char *const *v = flags->volumes; r == 0 && v && *v; v++)
        r = add_volume(*v, spec, defaults, err);
    for (char *const *m = flags->mounts; r == 0 && m && *m; m++)
        r = add_mount(*m, spec, defaults, err);
    for (char *const *t = flags->tmpfs; r == 0 && t && *t; t++)
        r = add_tmpfs(*t, spec, defaults, err);
    return r;
}
