/* SPDX-License-Identifier: Apache-2.0 */
/* From an image's config and the flags of `keg run` to an OCI runtime spec: pure, but for reading
 * the files that flags name. Runs in keg, before anything is made. */
#pragma once

#include "base/base.h"
#include "run/run.h"

#include <stdbool.h>

enum plan_network { PLAN_NETWORK_BRIDGE, PLAN_NETWORK_NONE, PLAN_NETWORK_HOST };

/* The flags, as the parser fills them: strings are borrowed from argv, lists are owned (CMD_LIST).
 * / */
struct plan_flags {
    bool interactive, tty, remove, privileged, read_only, init, quiet;
    bool no_sig_proxy; /* from --sig-proxy=false */
    const char *name, *workdir, *user, *hostname, *entrypoint;
    const char *pull, *platform, *network;
    char **env, **env_files, **volumes, **mounts, **tmpfs;
    char **cap_add, **cap_drop, **security_opts;
    uint64_t memory_bytes; /* 0: no limit */
    const char *cpus;      /* "1.5", NULL: no limit */
    int64_t pids_limit;    /* INT64_MIN: the default; 0 and -1: unlimited */
};

/* What is known of the container besides the flags. */
struct plan_context {
    const char *id;              /* 64 hex digits */
    const json_t *config;        /* the image config document */
    char **arguments;            /* [COMMAND] [ARG...], may be empty */
    const struct run_user *user; /* looked up; borrowed */
    const char *home;
    const char *rundir; /* absolute path of the folder with hosts, hostname, resolv.conf */
};

/* plan_network_parse(text, ret, err): "bridge", "none" or "host"; NULL is bridge. Other networks
 * are refused by name. */
int plan_network_parse(const char *text, enum plan_network *ret, struct keg_err *err);

/* plan_check_flags(flags, err): What is wrong with the flags whatever the image: combinations,
 * capability names, limits (-m at least 6 MiB, --cpus above 0 and at most the CPUs of this
 * machine), security options, host name, working folder. The text names the flag. */
int plan_check_flags(const struct plan_flags *flags, struct keg_err *err);

/* plan_cpu_quota(flags, ret_quota_us, err): --cpus as microseconds of CPU in each 100 ms; 0 without
 * it. */
int plan_cpu_quota(const struct plan_flags *flags, int64_t *ret_quota_us, struct keg_err *err);

/* plan_security(flags, ret_no_new_privileges, ret_unconfined, err): The --security-opt that keg
 * has; others are refused by name. */
int plan_security(const struct plan_flags *flags, bool *ret_no_new_privileges, bool *ret_unconfined,
                  struct keg_err *err);

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

/* plan_hostname(flags, id, network): --hostname, else the host's for host networking, else the id's
 * first twelve digits. On the heap; NULL when out of memory. */
char *plan_hostname(const struct plan_flags *flags, const char *id, enum plan_network network);

/* plan_spec(flags, context, ret, err): The whole spec. *ret is for the caller to free. */
int plan_spec(const struct plan_flags *flags, const struct plan_context *context,
              struct run_spec **ret, struct keg_err *err);

/* plan_hosts(hostname, address, gateway, ret), plan_resolv_conf(host_text, own_network, ret): The
 * texts of /etc/hosts (${address} NULL: no line of its own) and /etc/resolv.conf: the host's, with
 * name servers on loopback left out where the container has its own network (nobody listens there),
 * and public ones where none is left (as docker does). Appended to ${ret}. */
void plan_hosts(const char *hostname, const char *address, const char *gateway,
                struct keg_buf *ret);
void plan_resolv_conf(const char *host_text, bool own_network, struct keg_buf *ret);

/* plan_oom_text(limit_bytes, peak_bytes, ret): What to tell of a container whose memory limit
 * killed a process of it, in words. A peak of 0 is not known (cgroup v2 before Linux 5.19) and left
 * out; a limit of 0 or below says that it was the host's memory. Appended to ${ret}. */
void plan_oom_text(int64_t limit_bytes, uint64_t peak_bytes, struct keg_buf *ret);
