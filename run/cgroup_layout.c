/* SPDX-License-Identifier: Apache-2.0 */
/* Which control group layout this machine has. */
#include "run/cgroup_internal.h"

#include <dirent.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CGROUP_CONTROLLERS_MAX_BYTES 4096

static const struct {
    const char *v1, *v2;
} names[CGROUP_CONTROLLERS] = {
    [CGROUP_MEMORY] = {"memory", "memory"},     [CGROUP_CPU] = {"cpu", "cpu"},
    [CGROUP_PIDS] = {"pids", "pids"},           [CGROUP_DEVICES] = {"devices", NULL},
    [CGROUP_CPUSET] = {"cpuset", "cpuset"},     [CGROUP_IO] = {"blkio", "io"},
    [CGROUP_HUGETLB] = {"hugetlb", "hugetlb"},  [CGROUP_RDMA] = {"rdma", "rdma"},
    [CGROUP_NET_CLS] = {"net_cls", NULL},       [CGROUP_NET_PRIO] = {"net_prio", NULL},
    [CGROUP_CPUACCT] = {"cpuacct", "cpu"},      [CGROUP_FREEZER] = {"freezer", NULL},
    [CGROUP_PERF_EVENT] = {"perf_event", NULL}, [CGROUP_MISC] = {"misc", "misc"},
    [CGROUP_SYSTEMD] = {"systemd", NULL},
};

const char *cgroup_controller_name(enum cgroup_controller controller)
{
    return controller < CGROUP_CONTROLLERS ? names[controller].v1 : "?";
}

const char *cgroup_controller_v2_name(enum cgroup_controller controller)
{
    return controller < CGROUP_CONTROLLERS ? names[controller].v2 : NULL;
}

static bool is_between(const char *text, const char *begin, const char *end, const char *separators)
{
    return (begin == text || strchr(separators, begin[-1])) && (!*end || strchr(separators, *end));
}

static bool has_word(const char *text, const char *word, const char *separators)
{
    size_t length = strlen(word);
    for (const char *p = text; (p = strstr(p, word)); p += length)
        if (is_between(text, p, p + length, separators))
            return true;
    return false;
}

bool cgroup_has_word(const char *text, const char *word)
{
    return has_word(text, word, " \n");
}

static bool is_filesystem(const char *path, unsigned long magic)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == magic;
}

/* Mounted together with others, and nobody made a link of its own name. */
static bool find_shared_mount(const char *root, const char *name, char ret[static PATH_MAX])
{
    int fd = keg_openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0);
    _cleanup_dir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        keg_cleanup_fd(&fd);
        return false;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!strchr(entry->d_name, ',') || !has_word(entry->d_name, name, ","))
            continue;
        int length = snprintf(ret, PATH_MAX, "%s/%s", root, entry->d_name);
        return length < PATH_MAX && is_filesystem(ret, CGROUP_SUPER_MAGIC);
    }
    return false;
}

bool cgroup_v1_mount(const char *root, enum cgroup_controller controller, char ret[static PATH_MAX])
{
    const char *name = cgroup_controller_name(controller);
    int length = snprintf(ret, PATH_MAX, "%s/%s", root, name);
    if (length < PATH_MAX && is_filesystem(ret, CGROUP_SUPER_MAGIC))
        return true;
    return find_shared_mount(root, name, ret);
}

static unsigned v1_controllers(const char *root, unsigned wanted)
{
    unsigned found = 0;
    char path[PATH_MAX];
    for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++)
        if (wanted & CGROUP_BIT(c) && cgroup_v1_mount(root, c, path))
            found |= CGROUP_BIT(c);
    return found;
}

/* Only the machine's own root, which has no such file, may have processes and give controllers to
 * children both (cgroup-v2.rst, "No Internal Process Constraint"). The root of a cgroup namespace,
 * as a container has it, may not. A threaded cgroup does not even list its processes. */
static bool gives_no_more(const char *root)
{
    char path[PATH_MAX], text[CGROUP_CONTROLLERS_MAX_BYTES];
    (void)snprintf(path, sizeof(path), "%s/cgroup.type", root);
    if (access(path, F_OK) < 0)
        return false;
    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", root);
    return cgroup_read_text(AT_FDCWD, path, text, sizeof(text)) != 0;
}

unsigned cgroup_v2_controllers(const char *root)
{
    unsigned found = CGROUP_BIT(CGROUP_DEVICES);
    char path[PATH_MAX], text[CGROUP_CONTROLLERS_MAX_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", root,
                   gives_no_more(root) ? "cgroup.subtree_control" : "cgroup.controllers");
    if (cgroup_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
        return found;
    for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++)
        if (names[c].v2 && cgroup_has_word(text, names[c].v2))
            found |= CGROUP_BIT(c);
    return found;
}

unsigned cgroup_controllers_wanted(const struct run_resources *resources, bool all_controllers)
{
    bool more = resources->cpuset_cpus || resources->cpuset_mems || resources->blkio_weight ||
                resources->blkio_leaf_weight || resources->block_devices_count ||
                resources->throttles_count || resources->hugepages_count ||
                resources->network_class_set || resources->network_priorities_count ||
                resources->rdma_count || resources->unified;
    return more || all_controllers ? CGROUP_ALL : CGROUP_DEFAULT_SET;
}

void cgroup_layout_detect(unsigned wanted, struct cgroup_layout *ret)
{
    *ret = (struct cgroup_layout){.kind = RUN_CGROUP_NONE, .root = "/sys/fs/cgroup"};
    if (is_filesystem(ret->root, CGROUP2_SUPER_MAGIC)) {
        ret->kind = RUN_CGROUP_V2;
        ret->controllers = cgroup_v2_controllers(ret->root);
        return;
    }
    ret->controllers = v1_controllers(ret->root, wanted);
    if (ret->controllers & CGROUP_DEFAULT_SET)
        ret->kind = is_filesystem("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC) ? RUN_CGROUP_HYBRID
                                                                                 : RUN_CGROUP_V1;
}
