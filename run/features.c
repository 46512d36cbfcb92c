/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine can do, found out without changing anything. */
#include "run/run.h"

#include "run/cgroup.h"
#include "run/mount.h"
#include "run/network.h"

#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#ifndef LANDLOCK_CREATE_RULESET_VERSION
#define LANDLOCK_CREATE_RULESET_VERSION (1u << 0)
#endif

static void detect_cgroups(struct run_features *ret)
{
    struct cgroup_layout layout;
    size_t length = 0;
    cgroup_layout_detect(CGROUP_ALL, &layout);
    ret->cgroup_layout = layout.kind;
    ret->controllers[0] = '\0';
    for (int i = 0; i < CGROUP_SYSTEMD; i++) {
        if (!(layout.controllers & CGROUP_BIT(i)))
            continue;
        int n = snprintf(ret->controllers + length, sizeof(ret->controllers) - length, "%s%s",
                         length ? " " : "", cgroup_controller_name((enum cgroup_controller)i));
        length += (size_t)n;
    }
}

static bool has_openat2(void)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    long fd = syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));
    if (fd >= 0)
        (void)close((int)fd);
    return fd >= 0;
}

/* All of what run/mount.c wants; mount_setattr is the youngest (5.12). Bad arguments are told from
 * a missing call by the errno. */
static bool has_new_mount_api(void)
{
    return syscall(SYS_mount_setattr, -1, NULL, 0, NULL, 0) < 0 && errno != ENOSYS;
}

/* Opening a context loads the module and mounts nothing. */
static bool has_overlay(void)
{
    int fd = mount_context_open("overlay");
    if (fd >= 0) {
        (void)close(fd);
        return true;
    }
    _cleanup_buf_ struct keg_buf text = {0};
    if (fd != -ENOSYS ||
        keg_read_file(AT_FDCWD, "/proc/filesystems", KEG_CONF_MAX_BYTES, &text, NULL) < 0)
        return false;
    return strstr(text.data, "\toverlay\n") != NULL;
}

/* CLONE_INTO_CGROUP came with Linux 5.7; a cgroup v2 to clone into is told by the layout. */
static bool has_clone_into_cgroup(void)
{
    struct utsname host;
    uint64_t major = 0, minor = 0;
    if (uname(&host) < 0)
        return false;
    char *dot = strchr(host.release, '.');
    if (!dot)
        return false;
    *dot++ = '\0';
    dot[strspn(dot, "0123456789")] = '\0';
    if (keg_parse_u64(host.release, 0, UINT32_MAX, &major) < 0 ||
        keg_parse_u64(dot, 0, UINT32_MAX, &minor) < 0)
        return false;
    bool new_enough = major > 5 || (major == 5 && minor >= 7);
    /* A filter around keg may refuse the call whatever the kernel. */
    return new_enough && syscall(SYS_clone3, NULL, 0) < 0 && errno != ENOSYS;
}

static bool has_user_namespaces(void)
{
    _cleanup_buf_ struct keg_buf text = {0};
    if (access("/proc/self/ns/user", F_OK) < 0)
        return false;
    int r = keg_read_file(AT_FDCWD, "/proc/sys/user/max_user_namespaces", 64, &text, NULL);
    return r < 0 || strcmp(text.data, "0\n") != 0;
}

void run_features_detect(struct run_features *ret)
{
    *ret = (struct run_features){0};
    detect_cgroups(ret);
    ret->overlay = has_overlay();
    ret->seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
    ret->openat2 = has_openat2();
    ret->new_mount_api = has_new_mount_api();
    ret->clone_into_cgroup = has_clone_into_cgroup();
    ret->nftables = network_has_nftables();
    ret->landlock =
        syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 0;
    ret->user_namespaces = has_user_namespaces();
}
