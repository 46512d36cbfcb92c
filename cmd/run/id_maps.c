/* SPDX-License-Identifier: Apache-2.0 */
/* The ids of a user namespace: --uidmap and --gidmap, and the ranges of /etc/subuid and /etc/subgid
 * that containers of root take theirs from. */
#include "cmd/run/plan.h"

#include <string.h>

/* ids run to 2^32 - 2; the last one means "none". */
#define ID_MAX UINT32_MAX

static int no_memory(struct keg_err *err)
{
    return keg_fail(err, -ENOMEM, "out of memory");
}

static bool parse_field(const char **at, uint64_t min, uint64_t *ret)
{
    size_t length = strcspn(*at, ":");
    _cleanup_free_ char *field = keg_strndup(*at, length);
    if (!field || keg_parse_u64(field, min, ID_MAX, ret) < 0)
        return false;
    *at += length;
    return true;
}

static bool overlaps(uint64_t a, uint64_t b, uint64_t size_a, uint64_t size_b)
{
    return a < b + size_b && b < a + size_a;
}

static const struct run_id_map *find_overlap(const struct run_id_maps *maps, uint64_t inside,
                                             uint64_t outside, uint64_t size)
{
    for (size_t i = 0; i < maps->count; i++) {
        const struct run_id_map *map = &maps->items[i];
        if (overlaps(map->container_id, inside, map->size, size) ||
            overlaps(map->host_id, outside, map->size, size))
            return map;
    }
    return NULL;
}

/* podman's "CONTAINER:HOST[:SIZE]" */
static int parse_map(const char *flag, const char *text, struct run_id_maps *ret,
                     struct keg_err *err)
{
    uint64_t inside, outside, size = 1;
    const char *at = text;
    bool good = parse_field(&at, 0, &inside) && *at++ == ':' && parse_field(&at, 0, &outside);
    if (good && *at == ':') {
        at++;
        good = parse_field(&at, 1, &size);
    }
    if (!good || *at || inside + size > ID_MAX || outside + size > ID_MAX)
        return keg_fail(err, -EINVAL, "%s '%s': not CONTAINER:HOST:SIZE, such as 0:100000:65536",
                        flag, text);
    if (find_overlap(ret, inside, outside, size))
        return keg_fail(err, -EINVAL, "%s '%s': overlaps with another one", flag, text);
    return run_id_maps_add(ret, (uint32_t)inside, (uint32_t)outside, (uint32_t)size) < 0
               ? no_memory(err)
               : 0;
}

static int parse_maps(const char *flag, char *const *texts, struct run_id_maps *ret,
                      struct keg_err *err)
{
    for (char *const *t = texts; t && *t; t++) {
        int r = parse_map(flag, *t, ret, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int plan_id_maps(const struct plan_flags *flags, struct run_id_maps *ret_uids,
                 struct run_id_maps *ret_gids, struct keg_err *err)
{
    char *const *uids = flags->uid_maps ? flags->uid_maps : flags->gid_maps;
    char *const *gids = flags->gid_maps ? flags->gid_maps : flags->uid_maps;
    int r = parse_maps("--uidmap", uids, ret_uids, err);
    return r == 0 ? parse_maps("--gidmap", gids, ret_gids, err) : r;
}

int plan_auto_size(const struct plan_flags *flags, uint32_t *ret, struct keg_err *err)
{
    struct plan_ns ns;
    uint64_t size = PLAN_ID_BLOCK;
    int r = plan_namespace(flags, RUN_NS_USER, &ns, err);
    if (r == 0 && ns.kind == PLAN_NS_AUTO && ns.value &&
        (!keg_starts_with(ns.value, "size=") ||
         keg_parse_u64(ns.value + 5, 1, PLAN_ID_BLOCK, &size) < 0))
        return keg_fail(err, -EINVAL, "--userns '%s': auto takes size=1 to size=%d", flags->userns,
                        PLAN_ID_BLOCK);
    *ret = (uint32_t)size;
    return r;
}

/* One line of three numbers in columns. */
static int add_kernel_line(char *line, struct run_id_maps *ret)
{
    uint64_t numbers[3];
    char *state = NULL;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(numbers); i++) {
        const char *word = strtok_r(i == 0 ? line : NULL, " \t", &state);
        if (!word || keg_parse_u64(word, 0, ID_MAX, &numbers[i]) < 0)
            return -EPROTO;
    }
    return run_id_maps_add(ret, (uint32_t)numbers[0], (uint32_t)numbers[1], (uint32_t)numbers[2]);
}

int plan_kernel_id_map(const char *text, struct run_id_maps *ret)
{
    _cleanup_free_ char *copy = keg_strdup(text);
    char *state = NULL;
    int r = copy ? 0 : -ENOMEM;
    for (char *line = copy ? strtok_r(copy, "\n", &state) : NULL; line && r == 0;
         line = strtok_r(NULL, "\n", &state))
        r = add_kernel_line(line, ret);
    return r;
}

/* "keg:100000:65536" of one of the names containers go by. */
static bool parse_range(char *line, uint32_t *ret_first, uint64_t *ret_count)
{
    uint64_t first;
    char *state = NULL;
    const char *name = strtok_r(line, ":", &state);
    const char *start = strtok_r(NULL, ":", &state), *count = strtok_r(NULL, ":", &state);
    if (!name || !start || !count || (!keg_streq(name, "keg") && !keg_streq(name, "containers")))
        return false;
    if (keg_parse_u64(start, 1, ID_MAX, &first) < 0 ||
        keg_parse_u64(count, 1, ID_MAX, ret_count) < 0 || first + *ret_count > ID_MAX)
        return false;
    *ret_first = (uint32_t)first;
    return true;
}

int plan_id_block(const char *text, size_t index, uint32_t *ret_first)
{
    _cleanup_free_ char *copy = keg_strdup(text);
    char *state = NULL;
    bool any = false;
    if (!copy)
        return -ENOMEM;
    for (char *line = strtok_r(copy, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        uint32_t first;
        uint64_t count;
        if (!parse_range(line, &first, &count))
            continue;
        any = true;
        if (index < count / PLAN_ID_BLOCK) {
            *ret_first = first + (uint32_t)index * PLAN_ID_BLOCK;
            return 0;
        }
        index -= count / PLAN_ID_BLOCK;
    }
    if (any || index >= PLAN_ID_BLOCKS_DEFAULT)
        return -ENOENT;
    *ret_first = PLAN_ID_FIRST_DEFAULT + (uint32_t)index * PLAN_ID_BLOCK;
    return 0;
}
