/* SPDX-License-Identifier: Apache-2.0 */
/* state.json: written by the launcher, read by whoever looks after a container later. */
#include "run/state.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/syscall.h>

static const char *const status_names[] = {
    [RUN_CREATING] = "creating", [RUN_CREATED] = "created", [RUN_RUNNING] = "running",
    [RUN_PAUSED] = "paused",     [RUN_STOPPED] = "stopped",
};

const char *run_status_name(enum run_status status)
{
    return status_names[status];
}

static bool has_late_hooks(const struct run_spec *spec)
{
    return spec->hooks[RUN_HOOK_POSTSTART].count > 0 || spec->hooks[RUN_HOOK_POSTSTOP].count > 0;
}

/* A listener comes when the container is started, maybe by another process. */
static int fill_agent(const struct run_spec *spec, struct state *ret)
{
    const struct run_seccomp_profile *profile = spec->seccomp_profile;
    if (spec->seccomp != RUN_SECCOMP_CUSTOM || !profile->listener_path)
        return 0;
    ret->seccomp_agent = keg_strdup(profile->listener_path);
    ret->seccomp_metadata = keg_strdup(profile->listener_metadata);
    bool whole = ret->seccomp_agent && (ret->seccomp_metadata || !profile->listener_metadata);
    return whole ? 0 : -ENOMEM;
}

int state_fill(const struct run_spec *spec, const struct run_options *options, struct state *ret)
{
    *ret = (struct state){
        .id = keg_strdup(options->id),
        .bundle = keg_strdup(options->bundle),
        .rootfs = options->rootfs_fd < 0 ? keg_strdup(spec->root_path) : NULL,
        .status = RUN_CREATING,
        .annotations = spec->annotations ? keg_strv_copy(spec->annotations) : NULL,
        .address = options->network ? options->address : (struct in_addr){0},
        .created = keg_now(),
        .owner = getuid(),
        .callers_keyring = options->no_new_keyring,
        .has_hooks = has_late_hooks(spec),
    };
    bool whole =
        ret->id && (ret->bundle || !options->bundle) && (ret->annotations || !spec->annotations);
    return whole ? fill_agent(spec, ret) : -ENOMEM;
}

/* ---- writing */

/* "key=value" strings as an object, or NULL. */
static json_t *annotations_json(char *const *annotations)
{
    json_t *object = json_object();
    for (; object && annotations && *annotations; annotations++) {
        const char *equals = strchr(*annotations, '=');
        _cleanup_free_ char *key =
            equals ? keg_strndup(*annotations, (size_t)(equals - *annotations)) : NULL;
        if (!key || json_object_set_new(object, key, json_string(equals + 1)) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* What is there of it; a NULL would be written as null. */
static void set_text(json_t *json, const char *key, const char *value)
{
    if (value)
        (void)json_object_set_new(json, key, json_string(value));
}

static json_t *public_json(const struct state *state, enum run_status status, pid_t pid)
{
    char created[40];
    keg_format_time(state->created, created);
    json_t *json = json_pack("{s:s, s:s, s:s}", "ociVersion", RUN_OCI_VERSION, "id", state->id,
                             "status", run_status_name(status));
    if (!json)
        return NULL;
    if (pid > 0)
        (void)json_object_set_new(json, "pid", json_integer(pid));
    set_text(json, "bundle", state->bundle ? state->bundle : "/");
    set_text(json, "rootfs", state->rootfs);
    set_text(json, "created", created);
    if (state->annotations)
        (void)json_object_set_new(json, "annotations", annotations_json(state->annotations));
    return json;
}

char *state_text(const struct state *state, enum run_status status, pid_t pid)
{
    _cleanup_json_ json_t *json = public_json(state, status, pid);
    return json ? keg_json_dump(json, false) : NULL;
}

static json_t *state_json(const struct state *state)
{
    char address[INET_ADDRSTRLEN] = "";
    if (state->address.s_addr != 0)
        (void)inet_ntop(AF_INET, &state->address, address, sizeof(address));
    json_t *json = public_json(state, state->status, state->pid);
    if (!json)
        return NULL;
    set_text(json, "scope", state->scope);
    set_text(json, "seccomp_agent", state->seccomp_agent);
    set_text(json, "seccomp_metadata", state->seccomp_metadata);
    if (!state->bundle)
        (void)json_object_del(json, "bundle");
    _cleanup_json_ json_t *more =
        json_pack("{s:I, s:o, s:s, s:I, s:b}", "pid_start", (json_int_t)state->pid_start_ticks,
                  "cgroups", keg_json_strv_new(state->cgroups), "address", address, "owner",
                  (json_int_t)state->owner, "hooks", (int)state->has_hooks);
    if (more && state->network_pid > 0) {
        (void)json_object_set_new(more, "network_pid", json_integer(state->network_pid));
        (void)json_object_set_new(more, "network_pid_start",
                                  json_integer((json_int_t)state->network_pid_start_ticks));
    }
    if (more && state->callers_keyring)
        (void)json_object_set_new(more, "callers_keyring", json_true());
    if (more && state->rdt.name) {
        set_text(more, "rdt", state->rdt.name);
        (void)json_object_set_new(more, "rdt_made", json_boolean(state->rdt.made));
    }
    if (more && json_object_update(json, more) == 0)
        return json;
    json_decref(json);
    return NULL;
}

int state_write(int rundir_fd, const struct state *state, struct keg_err *err)
{
    _cleanup_json_ json_t *json = state_json(state);
    _cleanup_free_ char *text = json ? keg_json_dump(json, false) : NULL;
    if (!text)
        return keg_fail(err, -ENOMEM, "state: out of memory");
    int r = keg_replace_file(rundir_fd, STATE_FILE, text, strlen(text), 0600, false);
    return r < 0 ? keg_fail(err, r, "write '" STATE_FILE "': %s", keg_errno_text(r)) : 0;
}

/* ---- reading */

static int read_number(const json_t *json, const char *key, json_int_t max, json_int_t *ret,
                       struct keg_err *err)
{
    int r = keg_json_int(json, key, ret, err);
    if (r >= 0 && (*ret < 0 || *ret > max))
        return keg_fail(err, -EPROTO, "'%s' is out of range", key);
    return r;
}

static int read_numbers(const json_t *json, struct state *ret, struct keg_err *err)
{
    json_int_t pid = 0, start = 0, owner = 0;
    int r = read_number(json, "pid", INT32_MAX, &pid, err);
    if (r >= 0)
        r = keg_json_require(read_number(json, "pid_start", INT64_MAX, &start, err), "pid_start",
                             err);
    if (r >= 0)
        r = read_number(json, "owner", UINT32_MAX, &owner, err);
    ret->pid = (pid_t)pid;
    ret->pid_start_ticks = (uint64_t)start;
    ret->owner = (uid_t)owner;
    if (r >= 0)
        r = keg_json_bool(json, "callers_keyring", &ret->callers_keyring, err);
    return r < 0 ? r : keg_json_bool(json, "hooks", &ret->has_hooks, err);
}

static int read_network_process(const json_t *json, struct state *ret, struct keg_err *err)
{
    json_int_t pid = 0, start = 0;
    int r = read_number(json, "network_pid", INT32_MAX, &pid, err);
    if (r >= 0)
        r = read_number(json, "network_pid_start", INT64_MAX, &start, err);
    ret->network_pid = (pid_t)pid;
    ret->network_pid_start_ticks = (uint64_t)start;
    return r;
}

static int read_status(const json_t *json, struct state *ret, struct keg_err *err)
{
    const char *name = "";
    int r = keg_json_string(json, "status", &name, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(status_names); i++)
        if (keg_streq(name, status_names[i])) {
            ret->status = (enum run_status)i;
            return 0;
        }
    return keg_fail(err, -EPROTO, "'status' is none that is known");
}

static int read_text(const json_t *json, const char *key, char **ret, struct keg_err *err)
{
    const char *text = NULL;
    int r = keg_json_string(json, key, &text, err);
    if (r <= 0)
        return r;
    *ret = keg_strdup(text);
    return *ret ? 1 : keg_fail(err, -ENOMEM, "out of memory");
}

static int read_texts(const json_t *json, struct state *ret, struct keg_err *err)
{
    int r = keg_json_require(read_text(json, "id", &ret->id, err), "id", err);
    if (r >= 0)
        r = read_text(json, "bundle", &ret->bundle, err);
    if (r >= 0)
        r = read_text(json, "rootfs", &ret->rootfs, err);
    if (r >= 0)
        r = read_text(json, "scope", &ret->scope, err);
    if (r >= 0)
        r = read_text(json, "seccomp_agent", &ret->seccomp_agent, err);
    if (r >= 0)
        r = read_text(json, "seccomp_metadata", &ret->seccomp_metadata, err);
    if (r >= 0)
        r = read_text(json, "rdt", &ret->rdt.name, err);
    if (r >= 0)
        r = keg_json_bool(json, "rdt_made", &ret->rdt.made, err);
    return r >= 0 ? keg_json_strv(json, "cgroups", &ret->cgroups, err) : r;
}

static int read_annotations(const json_t *json, struct state *ret, struct keg_err *err)
{
    const json_t *object = NULL;
    int r = keg_json_object(json, "annotations", &object, err);
    if (r <= 0)
        return r;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        const char *text = json_string_value(value);
        _cleanup_free_ char *pair = text ? keg_asprintf("%s=%s", key, text) : NULL;
        if (!pair || keg_strv_add(&ret->annotations, pair) < 0)
            return keg_fail(err, text ? -ENOMEM : -EPROTO, "'annotations' cannot be read");
    }
    return 0;
}

static int read_times(const json_t *json, struct state *ret, struct keg_err *err)
{
    const char *address = "", *created = "";
    int r = keg_json_string(json, "address", &address, err);
    if (r >= 0)
        r = keg_json_string(json, "created", &created, err);
    if (r < 0)
        return r;
    if (*address && inet_pton(AF_INET, address, &ret->address) != 1)
        return keg_fail(err, -EPROTO, "'address' is no IPv4 address");
    if (*created && keg_parse_time(created, &ret->created) < 0)
        return keg_fail(err, -EPROTO, "'created' is no time");
    return 0;
}

static int read_members(const json_t *json, struct state *ret, struct keg_err *err)
{
    int r = read_numbers(json, ret, err);
    if (r >= 0)
        r = read_network_process(json, ret, err);
    if (r >= 0)
        r = read_status(json, ret, err);
    if (r >= 0)
        r = read_texts(json, ret, err);
    if (r >= 0)
        r = read_annotations(json, ret, err);
    return r >= 0 ? read_times(json, ret, err) : r;
}

int state_read(int rundir_fd, struct state *ret, struct keg_err *err)
{
    struct keg_err unheard = KEG_ERR_INIT;
    err = err ? err : &unheard;
    *ret = (struct state){0};
    _cleanup_json_ json_t *json = keg_json_read(rundir_fd, STATE_FILE, KEG_SPEC_MAX_BYTES, err);
    if (!json)
        return err->code;
    int r = read_members(json, ret, err);
    if (r < 0) {
        state_done(ret);
        return keg_wrap(err, STATE_FILE);
    }
    return 0;
}

void state_done(struct state *state)
{
    free(state->id);
    free(state->bundle);
    free(state->rootfs);
    free(state->scope);
    free(state->seccomp_agent);
    free(state->seccomp_metadata);
    free(state->rdt.name);
    keg_strv_free(state->cgroups);
    keg_strv_free(state->annotations);
    *state = (struct state){0};
}

int state_open_process(const struct state *state)
{
    uint64_t start;
    if (state->pid <= 0)
        return -ESRCH;
    long fd = syscall(SYS_pidfd_open, state->pid, 0);
    if (fd < 0)
        return -errno;
    _cleanup_fd_ int pidfd = (int)fd;
    /* Looked at after the pidfd was opened: what it names now, it names for good. */
    if (keg_pid_start_time(state->pid, &start) < 0 || start != state->pid_start_ticks)
        return -ESRCH;
    return TAKE_FD(pidfd);
}
