/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the runtime spec, by table. */
#include "run/spec_names.h"

#include "run/run.h"

#include <linux/ioprio.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>

/* Linux 5.19 */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* Reserved by the kernel and never implemented; the spec lists it. */
#ifndef SCHED_ISO
#define SCHED_ISO 4
#endif

#define NAMES(variable, noun, table)                                                               \
    const struct spec_names variable = {noun, table, KEG_ARRAY_SIZE(table)}

static const struct spec_name namespaces[] = {
    {"pid", RUN_NS_PID},   {"network", RUN_NS_NETWORK}, {"mount", RUN_NS_MOUNT},
    {"ipc", RUN_NS_IPC},   {"uts", RUN_NS_UTS},         {"cgroup", RUN_NS_CGROUP},
    {"user", RUN_NS_USER}, {"time", RUN_NS_TIME},
};
NAMES(spec_namespaces, "namespace", namespaces);

static const struct spec_name rlimits[] = {
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
};
NAMES(spec_rlimits, "limit", rlimits);

static const struct spec_name scheduler_policies[] = {
    {"SCHED_OTHER", SCHED_NORMAL},      {"SCHED_FIFO", SCHED_FIFO}, {"SCHED_RR", SCHED_RR},
    {"SCHED_BATCH", SCHED_BATCH},       {"SCHED_ISO", SCHED_ISO},   {"SCHED_IDLE", SCHED_IDLE},
    {"SCHED_DEADLINE", SCHED_DEADLINE},
};
NAMES(spec_scheduler_policies, "scheduling policy", scheduler_policies);

static const struct spec_name scheduler_flags[] = {
    {"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
    {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
    {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
    {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
    {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
    {"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
};
NAMES(spec_scheduler_flags, "scheduling flag", scheduler_flags);

static const struct spec_name io_classes[] = {
    {"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
    {"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
    {"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
};
NAMES(spec_io_classes, "I/O class", io_classes);

static const struct spec_name hooks[] = {
    {"prestart", RUN_HOOK_PRESTART},
    {"createRuntime", RUN_HOOK_CREATE_RUNTIME},
    {"createContainer", RUN_HOOK_CREATE_CONTAINER},
    {"startContainer", RUN_HOOK_START_CONTAINER},
    {"poststart", RUN_HOOK_POSTSTART},
    {"poststop", RUN_HOOK_POSTSTOP},
};
NAMES(spec_hooks, "kind of hook", hooks);

static const struct spec_name throttles[] = {
    {"throttleReadBpsDevice", RUN_THROTTLE_READ_BPS},
    {"throttleWriteBpsDevice", RUN_THROTTLE_WRITE_BPS},
    {"throttleReadIOPSDevice", RUN_THROTTLE_READ_IOPS},
    {"throttleWriteIOPSDevice", RUN_THROTTLE_WRITE_IOPS},
};
NAMES(spec_throttles, "throttle", throttles);

static const struct spec_name clocks[] = {
    {"monotonic", RUN_CLOCK_MONOTONIC},
    {"boottime", RUN_CLOCK_BOOTTIME},
};
NAMES(spec_clocks, "clock", clocks);

static const struct spec_name personalities[] = {
    {"LINUX", PER_LINUX},
    {"LINUX32", PER_LINUX32},
};
NAMES(spec_personalities, "execution domain", personalities);

/* The spec has the first four; engines write the others too, and mean the same: a root is private
 * with all below it. */
static const struct spec_name propagations[] = {
    {"shared", MS_SHARED},
    {"slave", MS_SLAVE},
    {"private", MS_PRIVATE},
    {"unbindable", MS_UNBINDABLE},
    {"rshared", MS_SHARED | MS_REC},
    {"rslave", MS_SLAVE | MS_REC},
    {"rprivate", MS_PRIVATE | MS_REC},
    {"runbindable", MS_UNBINDABLE | MS_REC},
};
NAMES(spec_propagations, "propagation", propagations);

static const struct spec_name seccomp_actions[] = {
    {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
    {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
    {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
    {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
    {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
    {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE},
    {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
    {"SCMP_ACT_LOG", SECCOMP_RET_LOG},
    {"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF},
};
NAMES(spec_seccomp_actions, "action", seccomp_actions);

static const struct spec_name seccomp_operators[] = {
    {"SCMP_CMP_NE", RUN_SECCOMP_NE},
    {"SCMP_CMP_LT", RUN_SECCOMP_LT},
    {"SCMP_CMP_LE", RUN_SECCOMP_LE},
    {"SCMP_CMP_EQ", RUN_SECCOMP_EQ},
    {"SCMP_CMP_GE", RUN_SECCOMP_GE},
    {"SCMP_CMP_GT", RUN_SECCOMP_GT},
    {"SCMP_CMP_MASKED_EQ", RUN_SECCOMP_MASKED_EQ},
};
NAMES(spec_seccomp_operators, "operator", seccomp_operators);

static const struct spec_name seccomp_flags[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};
NAMES(spec_seccomp_flags, "flag", seccomp_flags);

static const struct spec_name seccomp_architectures[] = {
    {"SCMP_ARCH_X86", 0},      {"SCMP_ARCH_X86_64", 0},      {"SCMP_ARCH_X32", 0},
    {"SCMP_ARCH_ARM", 0},      {"SCMP_ARCH_AARCH64", 0},     {"SCMP_ARCH_MIPS", 0},
    {"SCMP_ARCH_MIPS64", 0},   {"SCMP_ARCH_MIPS64N32", 0},   {"SCMP_ARCH_MIPSEL", 0},
    {"SCMP_ARCH_MIPSEL64", 0}, {"SCMP_ARCH_MIPSEL64N32", 0}, {"SCMP_ARCH_PPC", 0},
    {"SCMP_ARCH_PPC64", 0},    {"SCMP_ARCH_PPC64LE", 0},     {"SCMP_ARCH_S390", 0},
    {"SCMP_ARCH_S390X", 0},    {"SCMP_ARCH_PARISC", 0},      {"SCMP_ARCH_PARISC64", 0},
    {"SCMP_ARCH_RISCV64", 0},  {"SCMP_ARCH_LOONGARCH64", 0},
};
NAMES(spec_seccomp_architectures, "architecture", seccomp_architectures);

const struct spec_name *spec_name_find(const struct spec_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i].name, name) == 0)
            return &names->items[i];
    return NULL;
}

const char *spec_name_of(const struct spec_names *names, uint32_t value)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->items[i].value == value)
            return names->items[i].name;
    return NULL;
}
