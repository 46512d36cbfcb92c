/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults of a spec that the kernel refuses in a user namespace, made into what it takes. */
#include "run/spec_fit.h"

#include <string.h>
#include <sys/stat.h>

/* include/linux/proc_ns.h: PROC_USER_INIT_INO. */
#define INITIAL_USER_NAMESPACE 0xEFFFFFFDu

/* 340 lines of three numbers in columns (user_namespaces(7)). */
#define MAP_MAX_BYTES (340u * 40)

#define EVERYBODY_MAY_PING "net.ipv4.ping_group_range=0 2147483647"

int spec_fit_parse_map(char *text, struct run_id_maps *ret)
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        unsigned inside, outside, size;
        if (sscanf(line, "%u %u %u", &inside, &outside, &size) != 3)
            return -EPROTO;
        if (run_id_maps_add(ret, inside, outside, size) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* Both ends have to be mapped, and are compared as the ids outside. */
static int fit_ping(struct run_spec *spec, const struct run_id_maps *gids)
{
    const struct run_id_map *low = &gids->items[0], *high = low;
    for (size_t i = 1; i < gids->count; i++) {
        if (gids->items[i].host_id < low->host_id)
            low = &gids->items[i];
        if (gids->items[i].host_id > high->host_id)
            high = &gids->items[i];
    }
    for (char **setting = spec->sysctls; setting && *setting; setting++) {
        if (!keg_streq(*setting, EVERYBODY_MAY_PING))
            continue;
        char *text = keg_asprintf("net.ipv4.ping_group_range=%u %u", low->container_id,
                                  high->container_id + (high->size - 1));
        if (!text)
            return -ENOMEM;
        free(*setting);
        *setting = text;
    }
    return 0;
}

/* The terminals' group where nobody has it. */
static void fit_terminals(struct run_spec *spec, const struct run_id_maps *gids)
{
    uint32_t outside;
    if (run_id_maps_to_host(gids, 5, &outside) == 0)
        return;
    for (size_t i = 0; i < spec->mounts_count; i++) {
        struct run_mount *mount = &spec->mounts[i];
        if (!keg_streq(mount->type, "devpts"))
            continue;
        char **kept = mount->options;
        for (char **option = mount->options; option && *option; option++) {
            if (keg_streq(*option, "gid=5"))
                free(*option);
            else
                *kept++ = *option;
        }
        if (kept)
            *kept = NULL;
    }
}

static void remove_mount(struct run_spec *spec, size_t index)
{
    struct run_mount *mount = &spec->mounts[index];
    free(mount->destination);
    free(mount->type);
    free(mount->source);
    keg_strv_free(mount->options);
    run_id_maps_done(&mount->uid_maps);
    run_id_maps_done(&mount->gid_maps);
    spec->mounts_count--;
    memmove(mount, mount + 1, (spec->mounts_count - index) * sizeof(*mount));
}

/* A filesystem that shows a namespace can be mounted by its owner alone: of the host's there is the
 * host's mount, or nothing where the host has none. */
static int fit_mounts(struct run_spec *spec, struct keg_err *err)
{
    static const struct {
        const char *type;
        enum run_namespace_type namespace;
        const char *path, *options;
    } shown[] = {
        {"sysfs", RUN_NS_NETWORK, "/sys", "rbind,rprivate,nosuid,noexec,nodev,ro"},
        {"proc", RUN_NS_PID, "/proc", "rbind,rprivate,nosuid,noexec,nodev"},
        {"mqueue", RUN_NS_IPC, "/dev/mqueue", "rbind,rprivate,nosuid,noexec,nodev"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(shown); i++) {
        for (size_t j = 0; j < spec->mounts_count; j++) {
            const struct run_mount *mount = &spec->mounts[j];
            if (!keg_streq(mount->type, shown[i].type) ||
                !keg_streq(mount->destination, shown[i].path) ||
                spec->namespaces[shown[i].namespace].wanted)
                continue;
            if (access(shown[i].path, F_OK) < 0) {
                remove_mount(spec, j--);
                continue;
            }
            int r = run_spec_add_mount(spec, shown[i].path, "bind", shown[i].path, shown[i].options,
                                       err);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static bool has_one_id(const struct run_id_maps *maps)
{
    return maps->count == 1 && maps->items[0].size == 1;
}

static int check_id(const char *kind, uint32_t id, const struct run_id_maps *maps,
                    struct keg_err *err)
{
    uint32_t outside;
    if (run_id_maps_to_host(maps, id, &outside) == 0)
        return 0;
    if (has_one_id(maps))
        return keg_fail(err, -EINVAL,
                        "%s %u: you have no subordinate ids, and so only root exists in the "
                        "container: 'usermod --add-subuids 100000-165535 --add-subgids "
                        "100000-165535 YOU' by root gives you some, with newuidmap installed "
                        "(package uidmap)",
                        kind, id);
    return keg_fail(err, -EINVAL,
                    "%s %u is none of the ids that the container has: '/etc/subuid' and "
                    "'/etc/subgid' have to give more",
                    kind, id);
}

/* Who maps only himself may not leave a group nor enter one (user_namespaces(7)): what the image's
 * /etc/group says cannot be done, and most images say something. */
static int fit_user(struct run_user *user, const struct run_id_maps *uids,
                    const struct run_id_maps *gids, struct keg_err *err)
{
    int r = check_id("user", user->uid, uids, err);
    if (r == 0)
        r = check_id("group", user->gid, gids, err);
    if (has_one_id(gids))
        user->additional_gids_count = 0;
    return r;
}

int spec_fit(struct run_spec *spec, const struct run_id_maps *uids, const struct run_id_maps *gids,
             struct keg_err *err)
{
    int r = fit_user(&spec->process.user, uids, gids, err);
    if (r < 0)
        return r;
    fit_terminals(spec, gids);
    if (gids->count > 0 && fit_ping(spec, gids) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    return fit_mounts(spec, err);
}

static bool in_initial_user_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/user", &st) < 0 || st.st_ino == INITIAL_USER_NAMESPACE;
}

static int read_own_map(const char *path, struct run_id_maps *ret, struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf text = {0};
    int r = keg_read_file(AT_FDCWD, path, MAP_MAX_BYTES, &text, err);
    if (r < 0)
        return r;
    r = spec_fit_parse_map(text.data, ret);
    return r < 0 ? keg_fail(err, r, "read '%s': %s", path, keg_errno_text(r)) : 0;
}

static int fit_to_own(struct run_spec *spec, struct keg_err *err)
{
    struct run_id_maps uids = {0}, gids = {0};
    int r = read_own_map("/proc/self/uid_map", &uids, err);
    if (r == 0)
        r = read_own_map("/proc/self/gid_map", &gids, err);
    if (r == 0)
        r = spec_fit(spec, &uids, &gids, err);
    run_id_maps_done(&uids);
    run_id_maps_done(&gids);
    return r;
}

int run_spec_fit(struct run_spec *spec, struct keg_err *err)
{
    if (spec->namespaces[RUN_NS_USER].wanted && spec->gid_maps.count > 0)
        return spec_fit(spec, &spec->uid_maps, &spec->gid_maps, err);
    return in_initial_user_namespace() ? 0 : fit_to_own(spec, err);
}
