/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities by name and by number, and what this process may give at most. */
#include "run/launch.h"

#include <string.h>
#include <strings.h>
#include <sys/prctl.h>

/* capabilities(7), in the order of linux/capability.h: the index is the number. */
static const char *const capability_names[] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

const char *run_capability_name(int number)
{
    if (number < 0 || (size_t)number >= KEG_ARRAY_SIZE(capability_names))
        return NULL;
    return capability_names[number];
}

int run_capability_parse(const char *name, int *ret, struct keg_err *err)
{
    if (strcasecmp(name, "ALL") == 0) {
        *ret = -1;
        return 0;
    }
    const char *bare = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(capability_names); i++) {
        if (strcasecmp(bare, capability_names[i] + strlen("CAP_")) == 0) {
            *ret = (int)i;
            return 0;
        }
    }
    return keg_fail(err, -EINVAL, "unknown capability '%s'", name);
}

uint64_t capabilities_known(void)
{
    uint64_t set = 0;
    for (int i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        set |= UINT64_C(1) << i;
    return set;
}

uint64_t run_capabilities_bounding(void)
{
    static uint64_t set;
    static bool known;
    if (known)
        return set;
    known = true;
    /* A kernel that does not know a number answers EINVAL, and knows none above it. */
    for (int i = 0; i < 64; i++) {
        int held = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
        if (held < 0)
            break;
        if (held > 0)
            set |= UINT64_C(1) << i;
    }
    return set;
}
