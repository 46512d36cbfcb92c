/* SPDX-License-Identifier: Apache-2.0 */
/* --pid, --ipc, --uts, --cgroupns, --userns and --network as namespaces of the spec. */
#include "cmd/run/plan.h"

#include <string.h>

#define KIND(kind) (1u << (kind))
#define COMMON                                                                                     \
    (KIND(PLAN_NS_PRIVATE) | KIND(PLAN_NS_HOST) | KIND(PLAN_NS_CONTAINER) | KIND(PLAN_NS_PATH))

/* What each flag takes. */
static const struct {
    enum run_namespace_type type;
    const char *flag;
    size_t text; /* offset of the flag's value */
    unsigned kinds;
    enum plan_ns_kind otherwise; /* when it is not given */
} flags_of[] = {
    {RUN_NS_PID, "--pid", offsetof(struct plan_flags, pid), COMMON, PLAN_NS_PRIVATE},
    {RUN_NS_IPC, "--ipc", offsetof(struct plan_flags, ipc),
     COMMON | KIND(PLAN_NS_SHAREABLE) | KIND(PLAN_NS_NONE), PLAN_NS_SHAREABLE},
    {RUN_NS_UTS, "--uts", offsetof(struct plan_flags, uts), COMMON, PLAN_NS_PRIVATE},
    {RUN_NS_CGROUP, "--cgroupns", offsetof(struct plan_flags, cgroupns), COMMON, PLAN_NS_PRIVATE},
    {RUN_NS_USER, "--userns", offsetof(struct plan_flags, userns),
     COMMON | KIND(PLAN_NS_AUTO) | KIND(PLAN_NS_KEEP_ID), PLAN_NS_HOST},
};

static const struct {
    const char *word;
    enum plan_ns_kind kind;
    bool wants_value; /* "container:NAME" */
} words[] = {
    {"private", PLAN_NS_PRIVATE, false},     {"host", PLAN_NS_HOST, false},
    {"container:", PLAN_NS_CONTAINER, true}, {"ns:", PLAN_NS_PATH, true},
    {"shareable", PLAN_NS_SHAREABLE, false}, {"none", PLAN_NS_NONE, false},
    {"auto", PLAN_NS_AUTO, false},           {"auto:", PLAN_NS_AUTO, true},
    {"keep-id", PLAN_NS_KEEP_ID, false},     {"keep-id:", PLAN_NS_KEEP_ID, true},
};

static bool parse_word(const char *text, unsigned kinds, struct plan_ns *ret)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(words); i++) {
        size_t length = strlen(words[i].word);
        if (!(kinds & KIND(words[i].kind)))
            continue;
        if (words[i].wants_value ? !keg_starts_with(text, words[i].word) || !text[length]
                                 : !keg_streq(text, words[i].word))
            continue;
        *ret = (struct plan_ns){words[i].kind, words[i].wants_value ? text + length : NULL};
        return true;
    }
    return false;
}

/* "private, host, container:NAME, ns:PATH" */
static void list_words(unsigned kinds, struct keg_buf *ret)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(words); i++) {
        bool named = keg_streq(words[i].word, "container:");
        if (!(kinds & KIND(words[i].kind)) ||
            (words[i].wants_value && words[i].kind > PLAN_NS_PATH))
            continue;
        const char *value = named ? "NAME" : "PATH";
        keg_buf_printf(ret, "%s%s%s", ret->length ? ", " : "", words[i].word,
                       words[i].wants_value ? value : "");
    }
}

static int parse_flag(const char *flag, const char *text, unsigned kinds, struct plan_ns *ret,
                      struct keg_err *err)
{
    if (!parse_word(text, kinds, ret)) {
        _cleanup_buf_ struct keg_buf list = keg_buf_init(256);
        list_words(kinds, &list);
        return keg_fail(err, -EINVAL, "%s '%s': not one of %s", flag, text,
                        list.data ? list.data : "");
    }
    if (ret->kind == PLAN_NS_PATH && ret->value[0] != '/')
        return keg_fail(err, -EINVAL, "%s '%s': the path must be absolute", flag, text);
    return 0;
}

static int network_namespace(const struct plan_flags *flags, struct plan_ns *ret,
                             struct keg_err *err)
{
    enum plan_network network;
    int r = plan_network_parse(flags->network, &network, err);
    *ret = (struct plan_ns){PLAN_NS_PRIVATE, NULL};
    if (r < 0)
        return r;
    if (network == PLAN_NETWORK_HOST)
        ret->kind = PLAN_NS_HOST;
    if (network != PLAN_NETWORK_CONTAINER && network != PLAN_NETWORK_PATH)
        return 0;
    return parse_flag("--network", flags->network, COMMON, ret, err);
}

int plan_namespace(const struct plan_flags *flags, enum run_namespace_type type,
                   struct plan_ns *ret, struct keg_err *err)
{
    if (type == RUN_NS_NETWORK)
        return network_namespace(flags, ret, err);
    *ret = (struct plan_ns){PLAN_NS_PRIVATE, NULL};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(flags_of); i++) {
        if (flags_of[i].type != type)
            continue;
        const char *text = *(char *const *)((const char *)flags + flags_of[i].text);
        if (text && *text)
            return parse_flag(flags_of[i].flag, text, flags_of[i].kinds, ret, err);
        ret->kind = flags_of[i].otherwise;
    }
    return 0;
}

const char *plan_namespace_flag(enum run_namespace_type type)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(flags_of); i++)
        if (flags_of[i].type == type)
            return flags_of[i].flag;
    return "--network";
}

/* ---- what does not go together */

static int check_names(const struct plan_flags *flags, struct keg_err *err)
{
    struct plan_ns uts, network;
    int r = plan_namespace(flags, RUN_NS_UTS, &uts, err);
    if (r == 0)
        r = plan_namespace(flags, RUN_NS_NETWORK, &network, err);
    if (r < 0)
        return r;
    if (uts.kind != PLAN_NS_PRIVATE && (flags->hostname || flags->domainname))
        return keg_fail(err, -EINVAL, "%s: with --uts %s the container has no name of its own",
                        flags->hostname ? "--hostname" : "--domainname", flags->uts);
    if (network.kind != PLAN_NS_CONTAINER)
        return 0;
    const char *flag = flags->hostname                                         ? "--hostname"
                       : flags->add_hosts                                      ? "--add-host"
                       : flags->dns || flags->dns_search || flags->dns_options ? "--dns"
                                                                               : NULL;
    return flag ? keg_fail(err, -EINVAL,
                           "%s: the container has the host name, hosts and resolv.conf of '%s', "
                           "whose network it joins",
                           flag, network.value)
                : 0;
}

int plan_check_namespaces(const struct plan_flags *flags, struct keg_err *err)
{
    struct plan_ns user = {0}, other;
    int r = plan_namespace(flags, RUN_NS_USER, &user, err);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(flags_of) && r == 0; i++)
        r = plan_namespace(flags, flags_of[i].type, &other, err);
    if (r < 0)
        return r;
    /* The layers would have to be copied for each user: a file's owner in an overlay is what it is
     * in the layer, and only root may mount layers with other owners. */
    if (user.kind == PLAN_NS_KEEP_ID)
        return keg_fail(
            err, -EINVAL,
            "--userns keep-id: not supported; without root, your files are root's in the "
            "container and root's are yours; as root, give --uidmap and --gidmap");
    bool maps = flags->uid_maps || flags->gid_maps;
    if (maps && flags->userns && user.kind != PLAN_NS_PRIVATE)
        return keg_fail(err, -EINVAL, "--userns %s: brings its own ids, so no %s beside it",
                        flags->userns, flags->uid_maps ? "--uidmap" : "--gidmap");
    return check_names(flags, err);
}

/* ---- into the spec */

static void remove_mount(struct run_spec *spec, const char *destination)
{
    size_t kept = 0;
    for (size_t i = 0; i < spec->mounts_count; i++) {
        struct run_mount *mount = &spec->mounts[i];
        if (!keg_streq(mount->destination, destination)) {
            spec->mounts[kept++] = *mount;
            continue;
        }
        free(mount->destination);
        free(mount->type);
        free(mount->source);
        keg_strv_free(mount->options);
    }
    spec->mounts_count = kept;
}

/* /dev/shm is not of the namespace, but POSIX shared memory and semaphores live there (shm_open(3),
 * sem_overview(7)): who shares the one expects the other. */
static int set_shared_memory(const struct plan_flags *flags, const struct plan_ns *ipc,
                             const char *shm, struct run_spec *spec, struct keg_err *err)
{
    static const char options[] = "bind,rprivate,nosuid,noexec,nodev";
    char size[64];
    switch (ipc->kind) {
    case PLAN_NS_NONE:
        remove_mount(spec, "/dev/shm");
        break;
    case PLAN_NS_HOST:
        /* Where the host shows no queues, neither does the container: whose root is not the host's
         * could not mount them. */
        if (access("/dev/mqueue", F_OK) < 0)
            remove_mount(spec, "/dev/mqueue");
        return run_spec_add_mount(spec, "/dev/shm", "bind", "/dev/shm", options, err);
    case PLAN_NS_CONTAINER:
        return shm ? run_spec_add_mount(spec, "/dev/shm", "bind", shm, options, err) : 0;
    case PLAN_NS_PRIVATE:
    case PLAN_NS_SHAREABLE:
    case PLAN_NS_PATH:
    case PLAN_NS_AUTO:
    case PLAN_NS_KEEP_ID:
        if (!flags->shm_size_bytes)
            return 0;
        (void)snprintf(size, sizeof(size), "nosuid,noexec,nodev,mode=1777,size=%llu",
                       (unsigned long long)flags->shm_size_bytes);
        return run_spec_add_mount(spec, "/dev/shm", "tmpfs", "shm", size, err);
    }
    return 0;
}

static int check_shared_memory(const struct plan_flags *flags, const struct plan_ns *ipc,
                               struct keg_err *err)
{
    bool own =
        ipc->kind != PLAN_NS_NONE && ipc->kind != PLAN_NS_HOST && ipc->kind != PLAN_NS_CONTAINER;
    return own || !flags->shm_size_bytes
               ? 0
               : keg_fail(err, -EINVAL,
                          "--shm-size: with --ipc %s the container has no /dev/shm of its own",
                          flags->ipc);
}

/* Whose namespace nobody may join says so in its config.json, where the joining keg looks. */
static int note_ipc(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err)
{
    if (!keg_streq(flags->ipc, "private") && !keg_streq(flags->ipc, "none"))
        return 0;
    _cleanup_free_ char *note = keg_asprintf(PLAN_ANNOTATION_IPC "=%s", flags->ipc);
    return note && keg_strv_add(&spec->annotations, note) == 0
               ? 0
               : keg_fail(err, -ENOMEM, "out of memory");
}

static int set_ipc(const struct plan_flags *flags, const char *shm, struct run_spec *spec,
                   struct keg_err *err)
{
    struct plan_ns ipc;
    int r = plan_namespace(flags, RUN_NS_IPC, &ipc, err);
    if (r == 0)
        r = check_shared_memory(flags, &ipc, err);
    if (r == 0)
        r = set_shared_memory(flags, &ipc, shm, spec, err);
    return r == 0 ? note_ipc(flags, spec, err) : r;
}

static int set_one(const struct plan_flags *flags, enum run_namespace_type type,
                   const struct plan_joined *joined, struct run_namespace *ret, struct keg_err *err)
{
    struct plan_ns ns;
    int r = plan_namespace(flags, type, &ns, err);
    if (r < 0)
        return r;
    ret->wanted = ns.kind != PLAN_NS_HOST;
    if (ns.kind != PLAN_NS_CONTAINER && ns.kind != PLAN_NS_PATH)
        return 0;
    free(ret->path);
    ret->path = keg_strdup(ns.kind == PLAN_NS_PATH ? ns.value : joined[type].path);
    return ret->path ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

int plan_namespaces(const struct plan_flags *flags, const struct plan_joined *joined,
                    struct run_spec *spec, struct keg_err *err)
{
    static const enum run_namespace_type types[] = {RUN_NS_PID,    RUN_NS_IPC,     RUN_NS_UTS,
                                                    RUN_NS_CGROUP, RUN_NS_NETWORK, RUN_NS_USER};
    int r = 0;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(types) && r == 0; i++)
        r = set_one(flags, types[i], joined, &spec->namespaces[types[i]], err);
    if (flags->uid_maps || flags->gid_maps)
        spec->namespaces[RUN_NS_USER].wanted = true;
    return r == 0 ? set_ipc(flags, joined[RUN_NS_IPC].shm, spec, err) : r;
}
