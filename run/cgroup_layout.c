/* SPDX-License-Identifier: Apache-2.0 */
/* Which control group layout this machine has. */
#include "run/cgroup.h"
#include "run/cgroup_internal.h"

#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CGROUP_CONTROLLERS_MAX_BYTES 4096

const char *cgroup_controller_name(enum cgroup_controller controller)
{
    static const char *const names[] = {
        [CGROUP_MEMORY] = "memory",
        [CGROUP_CPU] = "cpu",
        [CGROUP_PIDS] = "pids",
        [CGROUP_DEVICES] = "devices",
        [CGROUP_CPUSET] = "cpuset",
        [CGROUP_IO] = "blkio",
        [CGROUP_HUGETLB] = "hugetlb",
        [CGROUP_RDMA] = "rdma",
        [CGROUP_NET_CLS] = "net_cls",
        [CGROUP_NET_PRIO] = "net_prio",
        [CGROUP_CPUACCT] = "cpuacct",
        [CGROUP_FREEZER] = "freezer",
        [CGROUP_PERF_EVENT] = "perf_event",
        [CGROUP_MISC] = "misc",
    };
    return controller < CGROUP_CONTROLLERS ? names[controller] : "?";
}

bool cgroup_has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *p = text; (p = strstr(p, word)); p += length) {
        bool begins = p == text || p[-1] == ' ' || p[-1] == '\n';
        if (begins && (!p[length] || p[length] == ' ' || p[length] == '\n'))
            return true;
    }
    return false;
}

static bool is_filesystem(const char *path, unsigned long magic)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == magic;
}

static unsigned v1_controllers(const char *root)
{
    unsigned found = 0;
    for (unsigned c = 0; c < CGROUP_CPUSET; c++) {
        char path[64];
        snprintf(path, sizeof(path), "%s/%s", root, cgroup_controller_name(c));
        if (is_filesystem(path, CGROUP_SUPER_MAGIC))
            found |= 1u << c;
    }
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
    unsigned found = 1u << CGROUP_DEVICES;
    char path[PATH_MAX], text[CGROUP_CONTROLLERS_MAX_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", root,
                   gives_no_more(root) ? "cgroup.subtree_control" : "cgroup.controllers");
    if (cgroup_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
        return found;
    for (unsigned c = 0; c < CGROUP_CPUSET; c++)
        if (cgroup_has_word(text, cgroup_controller_name(c)))
            found |= 1u << c;
    return found;
}

void cgroup_layout_detect(struct cgroup_layout *ret)
{
    *ret = (struct cgroup_layout){.kind = RUN_CGROUP_NONE, .root = "/sys/fs/cgroup"};
    if (is_filesystem(ret->root, CGROUP2_SUPER_MAGIC)) {
        ret->kind = RUN_CGROUP_V2;
        ret->controllers = cgroup_v2_controllers(ret->root);
        return;
    }
    ret->controllers = v1_controllers(ret->root);
    if (ret->controllers)
        ret->kind = is_filesystem("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC) ? RUN_CGROUP_HYBRID
                                                                                 : RUN_CGROUP_V1;
}
