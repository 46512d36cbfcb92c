/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `keg run`: docker's words where docker has the option, else podman's. */
#include "cmd/run_options.h"

#include "cmd/run/plan.h"

static int parse_sig_proxy(const char *value, void *target, struct keg_err *err)
{
    bool *off = target;
    if (!keg_streq(value, "true") && !keg_streq(value, "false"))
        return keg_fail(err, -EINVAL, "'%s' is neither true nor false", value);
    *off = keg_streq(value, "false");
    return 0;
}

/* Nobody could restart a container when its keg has ended; "no" is what docker does by default. */
static int parse_restart(const char *value, void *target, struct keg_err *err)
{
    (void)target;
    if (keg_streq(value, "no"))
        return 0;
    return keg_fail(err, -EINVAL,
                    "'%s' is not supported: nothing of keg runs behind the container; use 'no', "
                    "and a service of the host's that runs keg",
                    value);
}

#define MEMBER(member) offsetof(struct plan_flags, member)
#define FLAG(name, letter, member, help)                                                           \
    {                                                                                              \
        name, letter, CMD_FLAG, NULL, help, MEMBER(member), NULL, NULL                             \
    }
#define VALUE(name, letter, kind, value, member, help)                                             \
    {                                                                                              \
        name, letter, kind, value, help, MEMBER(member), NULL, NULL                                \
    }
#define STRING(name, value, member, help) VALUE(name, 0, CMD_STRING, value, member, help)
#define LIST(name, value, member, help)   VALUE(name, 0, CMD_LIST, value, member, help)

const struct cmd_option cmd_run_options[] = {
    LIST("add-host", "list", add_hosts, "Add a custom host-to-IP mapping (host:ip)"),
    LIST("annotation", "map", annotations, "Add an annotation to the container's OCI config"),
    STRING("blkio-weight", "uint16", blkio_weight,
           "Block IO (relative weight), between 10 and 1000"),
    LIST("blkio-weight-device", "list", blkio_weight_devices,
         "Block IO weight (relative device weight, PATH:WEIGHT)"),
    LIST("cap-add", "list", cap_add, "Add Linux capabilities"),
    LIST("cap-drop", "list", cap_drop, "Drop Linux capabilities"),
    LIST("cgroup-conf", "list", cgroup_conf,
         "Write a file of the container's cgroup, v2 only (memory.high=1073741824)"),
    STRING("cgroup-parent", "string", cgroup_parent, "Parent cgroup for the container"),
    STRING("cgroupns", "string", cgroupns,
           "Cgroup namespace: private (default), host, container:NAME or ns:PATH"),
    STRING("cgroups", "string", cgroups,
           "enabled (default), or disabled: the container stays in keg's own cgroup"),
    STRING("cpu-period", "int", cpu_period,
           "Limit CPU CFS (Completely Fair Scheduler) period, in microseconds"),
    STRING("cpu-quota", "int", cpu_quota,
           "Limit CPU CFS (Completely Fair Scheduler) quota, in microseconds"),
    STRING("cpu-rt-period", "int", cpu_rt_period, "Limit CPU real-time period in microseconds"),
    STRING("cpu-rt-runtime", "int", cpu_rt_runtime, "Limit CPU real-time runtime in microseconds"),
    VALUE("cpu-shares", 'c', CMD_STRING, "int", cpu_shares, "CPU shares (relative weight)"),
    STRING("cpus", "decimal", cpus, "Number of CPUs"),
    STRING("cpuset-cpus", "string", cpuset_cpus, "CPUs in which to allow execution (0-3, 0,1)"),
    STRING("cpuset-mems", "string", cpuset_mems, "MEMs in which to allow execution (0-3, 0,1)"),
    LIST("device", "list", devices, "Add a host device to the container: HOST[:CONTAINER[:rwm]]"),
    LIST("device-cgroup-rule", "list", device_rules,
         "Add a rule to the cgroup allowed devices list ('c 10:200 rwm')"),
    LIST("device-read-bps", "list", throttles[RUN_THROTTLE_READ_BPS],
         "Limit read rate (bytes per second) from a device, PATH:RATE"),
    LIST("device-read-iops", "list", throttles[RUN_THROTTLE_READ_IOPS],
         "Limit read rate (IO per second) from a device, PATH:RATE"),
    LIST("device-write-bps", "list", throttles[RUN_THROTTLE_WRITE_BPS],
         "Limit write rate (bytes per second) to a device, PATH:RATE"),
    LIST("device-write-iops", "list", throttles[RUN_THROTTLE_WRITE_IOPS],
         "Limit write rate (IO per second) to a device, PATH:RATE"),
    LIST("dns", "list", dns, "Set custom DNS servers"),
    LIST("dns-opt", "list", dns_options, NULL),
    LIST("dns-option", "list", dns_options, "Set DNS options"),
    LIST("dns-search", "list", dns_search, "Set custom DNS search domains ('.' for none)"),
    STRING("domainname", "string", domainname, "Container NIS domain name"),
    STRING("entrypoint", "string", entrypoint, "Overwrite the default ENTRYPOINT of the image"),
    VALUE("env", 'e', CMD_LIST, "list", env, "Set environment variables"),
    LIST("env-file", "list", env_files, "Read in a file of environment variables"),
    FLAG("ephemeral", 0, ephemeral,
         "Keep what the container writes in RAM, and drop it at the end (its size: --storage-opt "
         "size=64m)"),
    LIST("gidmap", "list", gid_maps,
         "Map gids into a user namespace: CONTAINER:HOST:SIZE (default: as --uidmap)"),
    LIST("group-add", "list", groups, "Add additional groups to join"),
    VALUE("hostname", 'h', CMD_STRING, "string", hostname, "Container host name"),
    FLAG("init", 0, init,
         "Run an init inside the container that forwards signals and reaps processes"),
    FLAG("interactive", 'i', interactive, "Keep STDIN open"),
    STRING("ipc", "string", ipc,
           "IPC namespace: shareable (default), private, none, host, container:NAME or ns:PATH"),
    VALUE("label", 'l', CMD_LIST, "list", labels, "Set meta data on a container"),
    LIST("label-file", "list", label_files, "Read in a line delimited file of labels"),
    VALUE("memory", 'm', CMD_SIZE, "bytes", memory_bytes, "Memory limit"),
    VALUE("memory-reservation", 0, CMD_SIZE, "bytes", memory_reservation_bytes,
          "Memory soft limit"),
    STRING("memory-swap", "bytes", memory_swap,
           "Swap limit equal to memory plus swap: -1 to enable unlimited swap"),
    STRING("memory-swappiness", "int", memory_swappiness,
           "Tune container memory swappiness (0 to 100)"),
    LIST("mount", "mount", mounts, "Attach a filesystem mount to the container"),
    STRING("name", "string", name, "Assign a name to the container"),
    STRING("net", "network", network, NULL),
    STRING("network", "network", network,
           "Connect the container to a network: bridge, none, host, container:NAME or ns:PATH"),
    FLAG("no-healthcheck", 0, no_healthcheck, NULL),
    FLAG("oom-kill-disable", 0, oom_kill_disable, "Disable OOM Killer"),
    STRING("oom-score-adj", "int", oom_score_adj, "Tune host's OOM preferences (-1000 to 1000)"),
    STRING("pid", "string", pid,
           "PID namespace: private (default), host, container:NAME or ns:PATH"),
    VALUE("pids-limit", 0, CMD_INT, "int", pids_limit,
          "Tune container pids limit (-1 for unlimited, default 2048)"),
    STRING("platform", "string", platform, "Set platform if the image is multi-platform"),
    STRING("preserve-fds", "uint", preserve_fds,
           "Pass this many of the caller's file descriptors, from 3 on, into the container"),
    FLAG("privileged", 0, privileged, "Give extended privileges to this container"),
    {"pull", 0, CMD_STRING, "policy", "When to pull the image, default missing", MEMBER(pull),
     "always|missing|newer|never", NULL},
    FLAG("quiet", 'q', quiet, "Suppress the pull output"),
    FLAG("read-only", 0, read_only, "Mount the container's root filesystem as read only"),
    {"restart", 0, CMD_CUSTOM, "string", NULL, 0, NULL, parse_restart},
    FLAG("rm", 0, remove, "Automatically remove the container when it exits"),
    STRING("rootfs", "dir", rootfs,
           "Run in this folder of the host instead of an image: written in place; with ':O' behind "
           "it, what is written goes into the container"),
    LIST("security-opt", "list", security_opts,
         "Security options: no-new-privileges, seccomp=FILE|unconfined|default, apparmor=PROFILE, "
         "label=disable, mask=PATH:…, unmask=ALL|PATH:…, systempaths=unconfined, proc-opts=…, "
         "writable-cgroups"),
    VALUE("shm-size", 0, CMD_SIZE, "bytes", shm_size_bytes, "Size of /dev/shm"),
    {"sig-proxy", 0, CMD_CUSTOM, "bool", "Proxy received signals to the process (default true)",
     MEMBER(no_sig_proxy), NULL, parse_sig_proxy},
    LIST("storage-opt", "list", storage_opts,
         "Storage options for the container: size=BYTES, with --ephemeral"),
    LIST("sysctl", "map", sysctls, "Sysctl options"),
    LIST("time-offset", "list", time_offsets,
         "Set clocks of the container ahead or back: boottime=+1d, monotonic=-5 (seconds, or with "
         "s, m, h, d)"),
    LIST("tmpfs", "list", tmpfs, "Mount a tmpfs directory"),
    FLAG("tty", 't', tty, "Allocate a pseudo-TTY"),
    LIST("uidmap", "list", uid_maps, "Map uids into a user namespace: CONTAINER:HOST:SIZE"),
    LIST("ulimit", "ulimit", ulimits, "Ulimit options: NAME=SOFT[:HARD], -1 for unlimited"),
    STRING("umask", "octal", umask, "Set the umask of the container's program (default 0022)"),
    VALUE("user", 'u', CMD_STRING, "string", user,
          "Username or UID (format: <name|uid>[:<group|gid>])"),
    STRING("userns", "string", userns,
           "User namespace: host (default), private or auto (ids that no other container has), "
           "keep-id, container:NAME or ns:PATH"),
    STRING("uts", "string", uts,
           "UTS namespace: private (default), host, container:NAME or ns:PATH"),
    VALUE("volume", 'v', CMD_LIST, "list", volumes,
          "Bind mount a volume: HOST-PATH:PATH[:OPTIONS]"),
    VALUE("workdir", 'w', CMD_STRING, "string", workdir, "Working directory inside the container"),
    CMD_OPTIONS_END,
};

#define NO_MONITOR  "nothing of keg runs behind the container; "
#define NO_NETWORKS "there are the networks bridge, none and host; "
#define NO_HEALTH   "keg checks no health; run the check from outside"

const struct cmd_refusal cmd_run_refusals[] = {
    {"attach", 'a', "keg is attached to what its own standard streams are; redirect them"},
    {"cidfile", 0, "give the container a --name"},
    {"cpu-count", 0, "it is for Windows; use --cpus"},
    {"cpu-percent", 0, "it is for Windows; use --cpus"},
    {"detach", 'd', NO_MONITOR "let the shell or a service manager do it: keg run … &"},
    {"detach-keys", 0, NO_MONITOR "a container cannot be detached from"},
    {"env-host", 0, "name the variables: --env NAME takes the host's value"},
    {"expose", 0, "every port of a container can be reached on its own address"},
    {"gpus", 0, "give the devices themselves: --device /dev/dri"},
    {"health-cmd", 0, NO_HEALTH},
    {"health-interval", 0, NO_HEALTH},
    {"health-retries", 0, NO_HEALTH},
    {"health-start-interval", 0, NO_HEALTH},
    {"health-start-period", 0, NO_HEALTH},
    {"health-timeout", 0, NO_HEALTH},
    {"ip", 0, "keg gives the address; keg inspect tells it"},
    {"ip6", 0, "containers have IPv4 addresses alone"},
    {"kernel-memory", 0, "the kernel has given up that limit; use --memory"},
    {"link", 0, "share a network: --network container:NAME"},
    {"link-local-ip", 0, "keg gives the address; keg inspect tells it"},
    {"log-driver", 0, "keg keeps no log; redirect its output"},
    {"log-opt", 0, "keg keeps no log; redirect its output"},
    {"mac-address", 0, "the kernel gives the address"},
    {"network-alias", 0, NO_NETWORKS "use --add-host NAME:IP in the others"},
    {"pod", 0, "share namespaces: --network, --ipc, --pid container:NAME"},
    {"publish", 'p',
     "no port is published yet; use the container's address (keg inspect), or "
     "--network host"},
    {"publish-all", 'P',
     "no port is published yet; use the container's address (keg inspect), or "
     "--network host"},
    {"runtime", 0, "keg is the runtime"},
    {"secret", 0, "bind mount the file: -v ./secret:/run/secrets/NAME:ro"},
    {"stop-signal", 0, "keg has no stop; send the signal to keg run, which passes it on"},
    {"stop-timeout", 0, "keg has no stop; use timeout(1) in front of keg run"},
    {"subgidname", 0, "name the ids: --gidmap CONTAINER:HOST:SIZE"},
    {"subuidname", 0, "name the ids: --uidmap CONTAINER:HOST:SIZE"},
    {"timeout", 0, "use timeout(1) in front of keg run"},
    {"volume-driver", 0, "there are bind mounts alone: -v HOST-PATH:PATH"},
    {"volumes-from", 0, "name the folders: -v HOST-PATH:PATH"},
    {NULL, 0, NULL},
};
