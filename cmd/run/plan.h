/* SPDX-License-Identifier: Apache-2.0 */
/* From an image's config and the flags of `keg run` to an OCI runtime spec: pure, but for reading
 * the files that flags name. Runs in keg, before anything is made. */
#pragma once

#include "base/base.h"
#include "run/run.h"

#include <stdbool.h>

enum plan_network {
    PLAN_NETWORK_BRIDGE,
    PLAN_NETWORK_USER, /* what the bridge is to root: run_network_user; no flag names it */
    PLAN_NETWORK_NONE,
    PLAN_NETWORK_HOST,
    PLAN_NETWORK_CONTAINER,
    PLAN_NETWORK_PATH
};

/* The flags, as the parser fills them: strings are borrowed from argv (NULL: not given), lists are
 * owned (CMD_LIST). Numbers that can be not given are strings here; plan_limits() reads them. */
struct plan_flags {
    bool interactive, tty, remove, privileged, read_only, init, quiet, ephemeral, oom_kill_disable;
    bool no_sig_proxy;   /* from --sig-proxy=false */
    bool no_healthcheck; /* keg checks none */
    const char *name, *workdir, *user, *hostname, *domainname, *entrypoint, *umask;
    const char *pull, *platform, *rootfs, *preserve_fds;
    const char *network, *pid, *ipc, *uts, *cgroupns, *userns, *cgroups, *cgroup_parent;
    char **env, **env_files, **volumes, **mounts, **tmpfs, **storage_opts;
    char **cap_add, **cap_drop, **security_opts, **groups;
    char **uid_maps, **gid_maps, **sysctls, **ulimits, **time_offsets;
    char **devices, **device_rules, **annotations, **labels, **label_files;
    char **add_hosts, **dns, **dns_search, **dns_options;
    uint64_t memory_bytes; /* 0: no limit */
    uint64_t memory_reservation_bytes, shm_size_bytes;
    const char *memory_swap, *memory_swappiness, *oom_score_adj;
    const char *cpus; /* "1.5" */
    const char *cpu_shares, *cpu_period, *cpu_quota, *cpu_rt_period, *cpu_rt_runtime;
    const char *cpuset_cpus, *cpuset_mems, *blkio_weight;
    char **blkio_weight_devices, **throttles[RUN_THROTTLE_COUNT], **cgroup_conf;
    int64_t pids_limit; /* INT64_MIN: the default; 0 and -1: unlimited */
};

/* What a flag says of a namespace. The first four are for all of them. */
enum plan_ns_kind {
    PLAN_NS_PRIVATE,
    PLAN_NS_HOST,
    PLAN_NS_CONTAINER, /* value: its name or id */
    PLAN_NS_PATH,      /* value: absolute */
    PLAN_NS_SHAREABLE, /* --ipc */
    PLAN_NS_NONE,      /* --ipc: private, and no /dev/shm */
    PLAN_NS_AUTO,      /* --userns; value: options or NULL */
    PLAN_NS_KEEP_ID,   /* --userns; value: options or NULL */
};

struct plan_ns {
    enum plan_ns_kind kind;
    const char *value; /* borrowed from the flag */
};

/* What the launcher found out of the container that is joined (PLAN_NS_CONTAINER). */
struct plan_joined {
    const char *path;     /* of the namespace */
    const char *shm;      /* RUN_NS_IPC: where its /dev/shm can be bound from, or NULL */
    const char *hostname; /* RUN_NS_UTS, RUN_NS_NETWORK */
    const char *rundir;   /* RUN_NS_NETWORK: where its hosts, hostname and resolv.conf are */
};

/* What is known of the container besides the flags. */
struct plan_context {
    const char *id;              /* 64 hex digits */
    const json_t *config;        /* the image config document; an empty object with --rootfs */
    char **arguments;            /* [COMMAND] [ARG...], may be empty */
    const struct run_user *user; /* looked up; borrowed */
    const char *home;
    const char *rundir; /* absolute path of the folder with hosts, hostname, resolv.conf */
    struct plan_joined joined[RUN_NS_COUNT];
    const struct run_id_maps *uid_maps, *gid_maps; /* of a new user namespace, or NULL */
};

/* Of a container whose IPC namespace nobody may join: "private" or "none". */
#define PLAN_ANNOTATION_IPC "keg.ipc"

/* plan_network_parse(text, ret, err): "bridge", "none", "host", "container:NAME" or "ns:PATH"; NULL
 * is bridge. Other networks are refused by name. */
int plan_network_parse(const char *text, enum plan_network *ret, struct keg_err *err);

/* plan_namespace(flags, type, ret, err): What the flag of namespace ${type} says, or its default.
 * plan_namespace_flag(type): that flag, "--pid". */
int plan_namespace(const struct plan_flags *flags, enum run_namespace_type type,
                   struct plan_ns *ret, struct keg_err *err);
const char *plan_namespace_flag(enum run_namespace_type type);
/* plan_check_namespaces(flags, err): Words that those flags do not have, and flags that do not go
 * together. */
int plan_check_namespaces(const struct plan_flags *flags, struct keg_err *err);
/* plan_namespaces(flags, joined, spec, err): The namespaces of ${spec}, and the /dev/shm that goes
 * with that of IPC; ${joined} has RUN_NS_COUNT entries. */
int plan_namespaces(const struct plan_flags *flags, const struct plan_joined *joined,
                    struct run_spec *spec, struct keg_err *err);

/* plan_check_flags(flags, err): What is wrong with the flags whatever the image: combinations,
 * capability names, limits, security options, devices, host name, working folder. The text names
 * the flag. */
int plan_check_flags(const struct plan_flags *flags, struct keg_err *err);

/* plan_limits(flags, spec, err): Resources but for devices, and the OOM score: -m at least 6 MiB,
 * --cpus above 0 and at most the CPUs of this machine, and what the kernel would refuse without a
 * word. plan_block_io() is its part for block devices. plan_has_limits(flags): whether any needs a
 * cgroup of the container's own. */
int plan_limits(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err);
int plan_block_io(const struct plan_flags *flags, struct run_resources *ret, struct keg_err *err);
bool plan_has_limits(const struct plan_flags *flags);
/* plan_rlimits(flags, process, err): --ulimit. */
int plan_rlimits(const struct plan_flags *flags, struct run_process *process, struct keg_err *err);
/* plan_devices(flags, spec, err): --device (nodes and the rules that allow them; of a folder all
 * devices below it) and --device-cgroup-rule, behind what ${spec} has. */
int plan_devices(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err);
/* plan_time_offsets(flags, spec, err): --time-offset "boottime=+1d,monotonic=-1.5": seconds, or
 * whole ones of a unit (s, m, h, d, w). A clock that is not named keeps the host's time. */
int plan_time_offsets(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err);

/* plan_id_maps(flags, ret_uids, ret_gids, err): --uidmap and --gidmap, each standing for the other
 * where that is missing; appended. Overlaps are refused. */
int plan_id_maps(const struct plan_flags *flags, struct run_id_maps *ret_uids,
                 struct run_id_maps *ret_gids, struct keg_err *err);
/* plan_kernel_id_map(text, ret): What /proc/PID/uid_map says (user_namespaces(7)), appended. 0,
 * -EPROTO or -ENOMEM. */
int plan_kernel_id_map(const char *text, struct run_id_maps *ret);
/* How many ids a container of its own user namespace gets at most; where they are without an entry
 * of "keg" or "containers" in /etc/subuid: a range that systemd's list of ids
 * (systemd.io/UIDS-GIDS) gives to nobody. */
#define PLAN_ID_BLOCK          65536
#define PLAN_ID_FIRST_DEFAULT  1879048192u
#define PLAN_ID_BLOCKS_DEFAULT 4000
/* plan_auto_size(flags, ret, err): --userns auto:size=N, else PLAN_ID_BLOCK. */
int plan_auto_size(const struct plan_flags *flags, uint32_t *ret, struct keg_err *err);
/* plan_id_block(text, index, ret_first): The first id of block ${index} by the /etc/subuid
 * ${text}. -ENOENT behind the last one. */
int plan_id_block(const char *text, size_t index, uint32_t *ret_first);

/* plan_rootfs(text, ret_path, ret_overlay, err): --rootfs "DIR", "DIR:rw" (written in place) or
 * "DIR:O". *ret_path is for the caller to free. */
int plan_rootfs(const char *text, char **ret_path, bool *ret_overlay, struct keg_err *err);
/* plan_storage_size(flags, ret_bytes, err): --storage-opt size=N; 0 where there is none. */
int plan_storage_size(const struct plan_flags *flags, uint64_t *ret_bytes, struct keg_err *err);
/* plan_preserve_fds(flags, ret, err): --preserve-fds. */
int plan_preserve_fds(const struct plan_flags *flags, unsigned *ret, struct keg_err *err);
/* plan_process(flags, process, err): --umask. */
int plan_process(const struct plan_flags *flags, struct run_process *process, struct keg_err *err);
/* plan_labels(flags, config, ret, err): "key=value": the image's Labels, --label-file, --label;
 * later ones win. plan_annotations(flags, spec, err): --annotation, which needs the '='. */
int plan_labels(const struct plan_flags *flags, const json_t *config, char ***ret,
                struct keg_err *err);
int plan_annotations(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err);

/* plan_cpu_quota(flags, ret_quota_us, err): --cpus as microseconds of CPU in each 100 ms; 0 without
 * it. */
int plan_cpu_quota(const struct plan_flags *flags, int64_t *ret_quota_us, struct keg_err *err);

/* plan_security(flags, spec, err): --security-opt, over what ${spec} has; others than keg's are
 * refused by name. A seccomp file is compiled for the bounding set of ${spec}. */
int plan_security(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err);

/* plan_image_user(flags, config, ret, err): -u, else the image's User, else "". Borrowed. */
int plan_image_user(const struct plan_flags *flags, const json_t *config, const char **ret,
                    struct keg_err *err);

/* plan_args(flags, config, arguments, ret, err): docker's rule: entrypoint then command; arguments
 * replace the image's Cmd; --entrypoint replaces Entrypoint and drops Cmd (--entrypoint "" drops
 * both). -ENOENT "no command given, and the image names none". *ret is a new string vector. */
int plan_args(const struct plan_flags *flags, const json_t *config, char *const *arguments,
              char ***ret, struct keg_err *err);

/* plan_env(flags, context, ret, err): PATH, HOSTNAME, TERM (with -t), container=keg; then the
 * image's Env, then
 * --env-file, then -e; later ones win, HOME comes from passwd where none set it. An entry of the
 * image without '=' or with an empty name is -EBADMSG. -e NAME takes the host's value, or removes
 * NAME. */
int plan_env(const struct plan_flags *flags, const struct plan_context *context, char ***ret,
             struct keg_err *err);

/* plan_env_set(env, entry): Put "NAME=VALUE" into the vector in place of an entry of that name,
 * else at the end. 0 or -ENOMEM. plan_env_unset(env, name): remove it. */
int plan_env_set(char ***env, const char *entry);
void plan_env_unset(char **env, const char *name);

/* plan_env_file(text, length, path, env, err): docker's --env-file format: NAME=VALUE or NAME
 * lines, no quotes, no expansion; blank lines and those that begin with '#' skipped, a BOM and
 * leading blanks cut. */
int plan_env_file(const char *text, size_t length, const char *path, char ***env,
                  struct keg_err *err);

/* plan_mounts(flags, spec, err): Append -v, --mount and --tmpfs to ${spec}. Sources must exist (a
 * relative one is taken from the working folder), destinations are absolute, not "/", and named
 * once. Named and anonymous volumes are refused by name. */
int plan_mounts(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err);

/* plan_capabilities(flags, uid, ret, err): The default set of ${base} with --cap-drop then
 * --cap-add (ALL in either); permitted and effective are empty for another uid than 0. */
int plan_capabilities(const struct plan_flags *flags, uint64_t base, uid_t uid,
                      struct run_capabilities *ret, struct keg_err *err);

/* plan_hostname(flags, context): The name that the container goes by: that of the container whose
 * UTS namespace or network it joins, the host's with --uts host and with host networking, else
 * --hostname, else the id's first twelve digits. On the heap; NULL when out of memory. */
char *plan_hostname(const struct plan_flags *flags, const struct plan_context *context);

/* plan_spec(flags, context, ret, err): The whole spec. *ret is for the caller to free. */
int plan_spec(const struct plan_flags *flags, const struct plan_context *context,
              struct run_spec **ret, struct keg_err *err);

/* plan_check_hosts(flags, err): The syntax of --add-host, --dns and their kin. */
int plan_check_hosts(const struct plan_flags *flags, struct keg_err *err);
/* plan_hosts(hostname, address, gateway, ret), plan_add_hosts(flags, gateway, ret): The text of
 * /etc/hosts (${address} NULL: no line of its own), and the lines of --add-host, where
 * "host-gateway" is ${gateway}, or loopback where that is NULL. Appended to ${ret}. */
void plan_hosts(const char *hostname, const char *address, const char *gateway,
                struct keg_buf *ret);
void plan_add_hosts(const struct plan_flags *flags, const char *gateway, struct keg_buf *ret);
/* plan_resolv_conf(flags, host_text, instead, ret): The text of /etc/resolv.conf: the host's, with
 * name servers on loopback left out where the container has its own network (nobody listens there),
 * and the lines ${instead} where none is left: PLAN_PUBLIC_SERVERS as docker does; NULL: the
 * container has the host's network. --dns, --dns-search and --dns-option replace the lines of their
 * kind. Appended to ${ret}. */
#define PLAN_PUBLIC_SERVERS "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"
void plan_resolv_conf(const struct plan_flags *flags, const char *host_text, const char *instead,
                      struct keg_buf *ret);

/* plan_oom_text(limit_bytes, peak_bytes, ret): What to tell of a container whose memory limit
 * killed a process of it, in words. A peak of 0 is not known (cgroup v2 before Linux 5.19) and left
 * out; a limit of 0 or below says that it was the host's memory. Appended to ${ret}. */
void plan_oom_text(int64_t limit_bytes, uint64_t peak_bytes, struct keg_buf *ret);
