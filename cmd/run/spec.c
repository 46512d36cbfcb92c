/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI runtime spec of one container: defaults, then the image's config, then flags. */
#include "cmd/run/plan.h"

#include <string.h>
#include <sys/utsname.h>

static int no_memory(struct keg_err *err)
{
    return keg_fail(err, -ENOMEM, "out of memory");
}

static int inner_config(const json_t *config, const json_t **ret, struct keg_err *err)
{
    *ret = NULL;
    int r = keg_json_object(config, "config", ret, err);
    return r < 0 ? keg_wrap(err, "image config") : 0;
}

static int inner_string(const json_t *config, const char *key, const char **ret,
                        struct keg_err *err)
{
    const json_t *inner;
    *ret = "";
    int r = inner_config(config, &inner, err);
    if (r == 0 && inner)
        r = keg_json_string(inner, key, ret, err);
    return r < 0 ? keg_wrap(err, "image config") : 0;
}

int plan_image_user(const struct plan_flags *flags, const json_t *config, const char **ret,
                    struct keg_err *err)
{
    if (flags->user) {
        *ret = flags->user;
        return 0;
    }
    return inner_string(config, "User", ret, err);
}

static int append(char ***args, char *const *more, struct keg_err *err)
{
    for (char *const *m = more; m && *m; m++)
        if (keg_strv_add(args, *m) < 0)
            return no_memory(err);
    return 0;
}

int plan_args(const struct plan_flags *flags, const json_t *config, char *const *arguments,
              char ***ret, struct keg_err *err)
{
    _cleanup_strv_ char **args = NULL, **entrypoint = NULL, **command = NULL;
    const json_t *inner;
    int r = inner_config(config, &inner, err);
    if (r == 0 && inner && !flags->entrypoint)
        r = keg_json_strv(inner, "Entrypoint", &entrypoint, err);
    if (r >= 0 && inner && !flags->entrypoint && !arguments[0])
        r = keg_json_strv(inner, "Cmd", &command, err);
    if (r < 0)
        return keg_wrap(err, "image config");
    if (flags->entrypoint && *flags->entrypoint && keg_strv_add(&args, flags->entrypoint) < 0)
        return no_memory(err);
    r = append(&args, entrypoint, err);
    if (r == 0)
        r = append(&args, arguments[0] ? arguments : command, err);
    if (r < 0)
        return r;
    if (!keg_strv_length(args))
        return keg_fail(err, -EINVAL, "%s",
                        flags->rootfs ? "no command given; put one behind the options"
                                      : "no command given, and the image names none; put one "
                                        "behind the image's name");
    *ret = TAKE_PTR(args);
    return 0;
}

static int apply_names(uint64_t *set, char *const *names, bool add, uint64_t all,
                       struct keg_err *err)
{
    for (char *const *n = names; n && *n; n++) {
        int number;
        int r = run_capability_parse(*n, &number, err);
        if (r < 0)
            return r;
        uint64_t mask = number < 0 ? all : 1ull << number;
        *set = add ? *set | mask : *set & ~mask;
    }
    return 0;
}

/* ALL is taken first, so that `--cap-drop NET_RAW --cap-add ALL` keeps NET_RAW out (docker's rule).
 */
static bool names_all(char *const *names)
{
    int number = 0;
    for (char *const *n = names; n && *n; n++)
        if (run_capability_parse(*n, &number, NULL) == 0 && number < 0)
            return true;
    return false;
}

int plan_capabilities(const struct plan_flags *flags, uint64_t base, uid_t uid,
                      struct run_capabilities *ret, struct keg_err *err)
{
    uint64_t all = run_capabilities_bounding();
    bool add_all = names_all(flags->cap_add), drop_all = names_all(flags->cap_drop);
    uint64_t set = add_all ? all : drop_all ? 0 : base;
    int r = drop_all ? 0 : apply_names(&set, flags->cap_drop, false, all, err);
    if (r == 0 && !add_all)
        r = apply_names(&set, flags->cap_add, true, all, err);
    if (r < 0)
        return r;
    *ret = (struct run_capabilities){.bounding = set};
    if (uid == 0)
        ret->effective = ret->permitted = set;
    return 0;
}

char *plan_hostname(const struct plan_flags *flags, const struct plan_context *context)
{
    struct utsname names;
    struct plan_ns uts = {0}, network = {0};
    (void)plan_namespace(flags, RUN_NS_UTS, &uts, NULL);
    (void)plan_namespace(flags, RUN_NS_NETWORK, &network, NULL);
    const char *joined = uts.kind == PLAN_NS_CONTAINER ? context->joined[RUN_NS_UTS].hostname
                         : network.kind == PLAN_NS_CONTAINER
                             ? context->joined[RUN_NS_NETWORK].hostname
                             : flags->hostname;
    if (joined)
        return keg_strdup(joined);
    if ((uts.kind == PLAN_NS_HOST || network.kind == PLAN_NS_HOST) && uname(&names) == 0)
        return keg_strdup(names.nodename);
    return keg_strndup(context->id, 12);
}

static int set_process(const struct plan_flags *flags, const struct plan_context *context,
                       struct run_spec *spec, struct keg_err *err)
{
    struct run_process *process = &spec->process;
    const char *cwd = flags->workdir;
    int r = cwd ? 0 : inner_string(context->config, "WorkingDir", &cwd, err);
    if (r < 0)
        return r;
    if (*cwd && *cwd != '/')
        return keg_fail(err, -EBADMSG, "image config: WorkingDir '%s' is not absolute", cwd);
    process->terminal = flags->tty;
    free(process->cwd);
    process->cwd = keg_strdup(*cwd ? cwd : "/");
    keg_strv_free(process->args);
    process->args = NULL;
    keg_strv_free(process->env);
    process->env = NULL;
    if (!process->cwd)
        return no_memory(err);
    r = plan_args(flags, context->config, context->arguments, &process->args, err);
    return r == 0 ? plan_env(flags, context, &process->env, err) : r;
}

static int set_user(const struct run_user *user, struct run_process *process, struct keg_err *err)
{
    free(process->user.additional_gids);
    process->user = *user;
    process->user.additional_gids = NULL;
    if (!user->additional_gids_count)
        return 0;
    size_t size = user->additional_gids_count * sizeof(gid_t);
    process->user.additional_gids = malloc(size);
    if (!process->user.additional_gids)
        return no_memory(err);
    memcpy(process->user.additional_gids, user->additional_gids, size);
    return 0;
}

/* A profile is compiled for the capabilities that the container will have. */
static int set_confinement(const struct plan_flags *flags, struct run_spec *spec,
                           struct keg_err *err)
{
    int r = flags->privileged ? run_spec_privileged(spec, err) : 0;
    if (r == 0)
        r = plan_capabilities(flags, spec->process.capabilities.bounding, spec->process.user.uid,
                              &spec->process.capabilities, err);
    if (r == 0)
        r = plan_security(flags, spec, err);
    if (r == 0)
        r = plan_devices(flags, spec, err);
    spec->root_readonly = flags->read_only;
    return r;
}

static int set_limits(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err)
{
    int r = plan_limits(flags, spec, err);
    if (r == 0)
        r = plan_rlimits(flags, &spec->process, err);
    if (r == 0)
        r = plan_process(flags, &spec->process, err);
    return r == 0 ? plan_time_offsets(flags, spec, err) : r;
}

static int add_identity_mount(struct run_spec *spec, const char *rundir, const char *file,
                              struct keg_err *err)
{
    char destination[32];
    _cleanup_free_ char *source = keg_asprintf("%s/%s", rundir, file);
    (void)snprintf(destination, sizeof(destination), "/etc/%s", file);
    return source ? run_spec_add_mount(spec, destination, "bind", source, "bind,rprivate", err)
                  : no_memory(err);
}

/* Of its own network namespace a container may open low ports and ping without a capability (moby);
 * of one that it joins, the parameters are another's. */
static int set_sysctls(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err)
{
    const struct run_namespace *network = &spec->namespaces[RUN_NS_NETWORK];
    bool own = network->wanted && !network->path;
    /* run_spec_fit() cuts the groups to those that exist, where it knows them. */
    bool known = !spec->namespaces[RUN_NS_USER].path || spec->gid_maps.count > 0;
    if ((own && keg_strv_add(&spec->sysctls, "net.ipv4.ip_unprivileged_port_start=0") < 0) ||
        (own && known &&
         keg_strv_add(&spec->sysctls, "net.ipv4.ping_group_range=0 2147483647") < 0))
        return no_memory(err);
    for (char *const *s = flags->sysctls; s && *s; s++)
        if (plan_env_set(&spec->sysctls, *s) < 0)
            return no_memory(err);
    return 0;
}

/* In a UTS namespace that is not its own, the name is not the container's to set. */
static int set_names(const struct plan_flags *flags, const struct plan_context *context,
                     struct run_spec *spec, struct keg_err *err)
{
    struct plan_ns uts;
    int r = plan_namespace(flags, RUN_NS_UTS, &uts, err);
    if (r < 0 || uts.kind != PLAN_NS_PRIVATE)
        return r;
    free(spec->hostname);
    spec->hostname = plan_hostname(flags, context);
    free(spec->domainname);
    spec->domainname = keg_strdup(flags->domainname);
    return spec->hostname && (spec->domainname || !flags->domainname) ? 0 : no_memory(err);
}

static int set_network(const struct plan_flags *flags, const struct plan_context *context,
                       struct run_spec *spec, struct keg_err *err)
{
    static const char *const files[] = {"hosts", "hostname", "resolv.conf"};
    const char *rundir = context->joined[RUN_NS_NETWORK].rundir;
    int r = set_names(flags, context, spec, err);
    if (r == 0)
        r = set_sysctls(flags, spec, err);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(files) && r == 0; i++)
        r = add_identity_mount(spec, rundir ? rundir : context->rundir, files[i], err);
    return r;
}

static int copy_maps(const struct run_id_maps *from, struct run_id_maps *to, struct keg_err *err)
{
    for (size_t i = 0; from && i < from->count; i++)
        if (run_id_maps_add(to, from->items[i].container_id, from->items[i].host_id,
                            from->items[i].size) < 0)
            return no_memory(err);
    return 0;
}

static int set_namespaces(const struct plan_flags *flags, const struct plan_context *context,
                          struct run_spec *spec, struct keg_err *err)
{
    int r = plan_namespaces(flags, context->joined, spec, err);
    if (r == 0)
        r = copy_maps(context->uid_maps, &spec->uid_maps, err);
    return r == 0 ? copy_maps(context->gid_maps, &spec->gid_maps, err) : r;
}

/* docker's --cgroup-parent without systemd: PARENT/ID. */
static int set_cgroup(const struct plan_flags *flags, const char *id, struct run_spec *spec,
                      struct keg_err *err)
{
    const char *parent = flags->cgroup_parent ? flags->cgroup_parent : "/keg";
    parent += strspn(parent, "/");
    size_t length = strlen(parent);
    while (length > 0 && parent[length - 1] == '/')
        length--;
    free(spec->cgroups_path);
    spec->cgroups_path = keg_asprintf("/%.*s/%s", (int)length, parent, id);
    return spec->cgroups_path ? 0 : no_memory(err);
}

int plan_spec(const struct plan_flags *flags, const struct plan_context *context,
              struct run_spec **ret, struct keg_err *err)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = run_spec_new();
    if (!spec)
        return no_memory(err);
    int r = run_spec_defaults(spec, err);
    if (r == 0)
        r = set_process(flags, context, spec, err);
    if (r == 0)
        r = set_user(context->user, &spec->process, err);
    if (r == 0)
        r = set_confinement(flags, spec, err);
    if (r == 0)
        r = set_limits(flags, spec, err);
    if (r == 0)
        r = set_namespaces(flags, context, spec, err);
    if (r == 0)
        r = set_network(flags, context, spec, err);
    if (r == 0)
        r = plan_mounts(flags, spec, err);
    if (r == 0)
        r = plan_annotations(flags, spec, err);
    if (r == 0)
        r = set_cgroup(flags, context->id, spec, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(spec);
    return 0;
}
