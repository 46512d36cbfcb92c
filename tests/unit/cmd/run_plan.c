/* SPDX-License-Identifier: Apache-2.0 */
/* From flags and image config to a spec. */
#include "cmd/run/plan.h"

#include <criterion/criterion.h>
#include <string.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char *no_arguments[] = {NULL};

static json_t *config(const char *text)
{
    struct keg_err err = KEG_ERR_INIT;
    json_t *json = keg_json_parse(text, strlen(text), &err);
    cr_assert_not_null(json, "%s", err.text);
    return json;
}

static char *join(char *const *strings)
{
    struct keg_buf buf = keg_buf_init(65536);
    for (char *const *s = strings; s && *s; s++)
        (void)keg_buf_printf(&buf, "%s%s", s == strings ? "" : " ", *s);
    return keg_buf_take(&buf);
}

/* ---- arguments: docker's table of ENTRYPOINT and CMD */

struct args_case {
    const char *config;
    const char *entrypoint; /* --entrypoint */
    char *arguments[3];
    const char *expected; /* NULL: an error */
};

Test(plan_args, docker_table)
{
    static char a[] = "a", b[] = "b";
    struct args_case table[] = {
        {"{\"config\":{\"Cmd\":[\"sh\"]}}", NULL, {NULL}, "sh"},
        {"{\"config\":{\"Cmd\":[\"sh\"]}}", NULL, {a, b, NULL}, "a b"},
        {"{\"config\":{\"Entrypoint\":[\"e\",\"1\"],\"Cmd\":[\"c\"]}}", NULL, {NULL}, "e 1 c"},
        {"{\"config\":{\"Entrypoint\":[\"e\"],\"Cmd\":[\"c\"]}}", NULL, {a, NULL}, "e a"},
        {"{\"config\":{\"Entrypoint\":[\"e\"],\"Cmd\":[\"c\"]}}", "x", {NULL}, "x"},
        {"{\"config\":{\"Entrypoint\":[\"e\"],\"Cmd\":[\"c\"]}}", "x", {a, NULL}, "x a"},
        {"{\"config\":{\"Entrypoint\":[\"e\"],\"Cmd\":[\"c\"]}}", "", {a, NULL}, "a"},
        {"{\"config\":{\"Entrypoint\":[\"e\"],\"Cmd\":[\"c\"]}}", "", {NULL}, NULL},
        {"{\"config\":{\"Entrypoint\":null,\"Cmd\":null}}", NULL, {NULL}, NULL},
        {"{\"config\":{\"Entrypoint\":[],\"Cmd\":[]}}", NULL, {a, NULL}, "a"},
        {"{}", NULL, {NULL}, NULL},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct plan_flags flags = {.entrypoint = table[i].entrypoint};
        struct keg_err err = KEG_ERR_INIT;
        _cleanup_json_ json_t *json = config(table[i].config);
        _cleanup_strv_ char **args = NULL;
        int r = plan_args(&flags, json, table[i].arguments, &args, &err);
        cr_assert_eq(r == 0, table[i].expected != NULL, "case %zu: %s", i, err.text);
        _cleanup_free_ char *text = join(args);
        cr_assert_str_eq(text, table[i].expected ? table[i].expected : "", "case %zu", i);
    }
}

Test(plan_args, a_wrong_type_in_the_image_is_named)
{
    struct plan_flags flags = {.tty = false};
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_json_ json_t *json = config("{\"config\":{\"Cmd\":\"sh\"}}");
    _cleanup_strv_ char **args = NULL;
    cr_assert_eq(plan_args(&flags, json, no_arguments, &args, &err), -EPROTO);
    cr_assert_str_eq(err.text, "image config: 'Cmd' is not an array");
}

/* ---- environment */

static char **env_of(const struct plan_flags *flags, const char *text, struct keg_err *err)
{
    _cleanup_json_ json_t *json = config(text);
    struct run_user user = {.uid = 0};
    struct plan_context context = {
        .id = ID, .config = json, .arguments = no_arguments, .user = &user, .home = "/root"};
    char **env = NULL;
    (void)plan_env(flags, &context, &env, err);
    return env;
}

Test(plan_env, defaults_of_an_empty_image)
{
    struct plan_flags flags = {.tty = true};
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_strv_ char **env = env_of(&flags, "{}", &err);
    _cleanup_free_ char *text = join(env);
    cr_assert_str_eq(text, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
                           "HOSTNAME=0123456789ab TERM=xterm container=keg HOME=/root");
}

Test(plan_env, image_then_flags_and_the_last_one_wins)
{
    static char a[] = "A=flag", h[] = "HOME=/elsewhere", e[] = "E=";
    char *flags_env[] = {a, h, e, NULL};
    struct plan_flags flags = {.env = flags_env};
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_strv_ char **env =
        env_of(&flags, "{\"config\":{\"Env\":[\"PATH=/bin\",\"A=image\",\"B=1=2\"]}}", &err);
    _cleanup_free_ char *text = join(env);
    cr_assert_str_eq(
        text, "PATH=/bin HOSTNAME=0123456789ab container=keg A=flag B=1=2 HOME=/elsewhere E=");
}

Test(plan_env, a_name_alone_takes_the_hosts_value_or_removes_the_images)
{
    static char a[] = "KEG_TEST_SET", b[] = "KEG_TEST_UNSET";
    char *flags_env[] = {a, b, NULL};
    struct plan_flags flags = {.env = flags_env};
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(setenv("KEG_TEST_SET", "host", 1), 0);
    cr_assert_eq(unsetenv("KEG_TEST_UNSET"), 0);
    _cleanup_strv_ char **env = env_of(
        &flags, "{\"config\":{\"Env\":[\"KEG_TEST_UNSET=image\",\"KEG_TEST_SET=image\"]}}", &err);
    _cleanup_free_ char *text = join(env);
    cr_assert(strstr(text, "KEG_TEST_SET=host"));
    cr_assert_null(strstr(text, "KEG_TEST_UNSET"));
}

Test(plan_env, an_image_cannot_pull_host_values_in)
{
    struct plan_flags flags = {.tty = false};
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_null(env_of(&flags, "{\"config\":{\"Env\":[\"A=1\",\"SECRET\"]}}", &err));
    cr_assert_str_eq(err.text, "image config: Env[1] 'SECRET' is not NAME=VALUE");
    cr_assert_null(env_of(&flags, "{\"config\":{\"Env\":[\"=x\"]}}", &err));
}

Test(plan_env, file_format)
{
    static const char text[] = "\xEF\xBB\xBF# comment\n\n  A=1 2 \nB='quoted'\r\nC=$A\n#D=x\nE=";
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_strv_ char **env = NULL;
    cr_assert_eq(plan_env_file(text, sizeof(text) - 1, "f", &env, &err), 0);
    _cleanup_free_ char *joined = join(env);
    cr_assert_str_eq(joined, "A=1 2  B='quoted' C=$A E=");
}

Test(plan_env, file_errors_name_the_line)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_strv_ char **env = NULL;
    cr_assert_eq(plan_env_file("A=1\nB C=2\n", 10, "f", &env, &err), -EINVAL);
    cr_assert_str_eq(err.text, "--env-file 'f': line 2: 'B C' contains blanks");
    cr_assert_eq(plan_env_file("=2\n", 3, "f", &env, &err), -EINVAL);
    cr_assert_str_eq(err.text, "--env-file 'f': line 1 has no variable name");
    cr_assert_eq(plan_env_file("A=\0B\n", 5, "f", &env, &err), -EINVAL);
}

/* ---- mounts */

struct mount_case {
    const char *volume, *mount, *tmpfs;
    const char *error; /* NULL: good */
    const char *destination, *type, *options;
};

static void check_mount(const struct mount_case *c)
{
    char *volumes[] = {keg_strdup(c->volume), NULL}, *mounts[] = {keg_strdup(c->mount), NULL};
    char *tmpfs[] = {keg_strdup(c->tmpfs), NULL};
    struct plan_flags flags = {.volumes = volumes, .mounts = mounts, .tmpfs = tmpfs};
    struct keg_err err = KEG_ERR_INIT;
    struct run_spec *spec = run_spec_new();
    int r = plan_mounts(&flags, spec, &err);
    cr_assert_eq(r == 0, c->error == NULL, "%s: %s", c->destination, err.text);
    if (c->error)
        cr_assert_str_eq(err.text, c->error);
    for (size_t i = 0; !c->error && i < 1; i++) {
        cr_assert_eq(spec->mounts_count, 1);
        _cleanup_free_ char *options = join(spec->mounts[0].options);
        cr_assert_str_eq(spec->mounts[0].destination, c->destination);
        cr_assert_str_eq(spec->mounts[0].type, c->type);
        cr_assert_str_eq(options, c->options, "%s", c->destination);
    }
    run_spec_free(spec);
    free(volumes[0]);
    free(mounts[0]);
    free(tmpfs[0]);
}

Test(plan_mounts, good_ones)
{
    static const struct mount_case table[] = {
        {"/usr:/u", NULL, NULL, NULL, "/u", "bind", "rbind rprivate"},
        {"/usr:/u:ro", NULL, NULL, NULL, "/u", "bind", "rro rbind rprivate"},
        {"/usr:/u:ro,rslave,noexec", NULL, NULL, NULL, "/u", "bind", "rslave noexec rro rbind"},
        {"/usr:/u:rw", NULL, NULL, NULL, "/u", "bind", "rbind rprivate"},
        {NULL, "type=bind,src=/usr,dst=/u,readonly", NULL, NULL, "/u", "bind",
         "rro rbind rprivate"},
        {"/usr:/u:bind,ro", NULL, NULL, NULL, "/u", "bind", "ro bind rprivate"},
        {NULL, "type=bind,src=/usr,dst=/u,ro,bind-recursive=writable", NULL, NULL, "/u", "bind",
         "ro rbind rprivate"},
        {NULL, "type=bind,source=/usr,target=/u,readonly=false,bind-recursive=disabled", NULL, NULL,
         "/u", "bind", "bind rprivate"},
        {NULL, "type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1770", NULL, NULL, "/t", "tmpfs",
         "size=67108864 mode=1770 nosuid nodev noexec"},
        {NULL, NULL, "/t", NULL, "/t", "tmpfs", "noexec nosuid nodev"},
        {NULL, NULL, "/t:exec,size=1m", NULL, "/t", "tmpfs", "noexec nosuid nodev exec size=1m"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++)
        check_mount(&table[i]);
}

Test(plan_mounts, refused_by_name)
{
    static const struct mount_case table[] = {
        {"/u", NULL, NULL, "--volume '/u': anonymous volumes are not supported; give HOST-PATH:/u",
         "", "", ""},
        {"data:/u", NULL, NULL,
         "--volume 'data:/u': named volumes are not supported; for a folder here write ./data", "",
         "", ""},
        {"/usr:u", NULL, NULL, "--volume '/usr:u': the path in the container must be absolute", "",
         "", ""},
        {"/usr://", NULL, NULL, "--volume '/usr://': the container's '/' cannot be a mount", "", "",
         ""},
        {"/usr:/u:bad", NULL, NULL, "--volume '/usr:/u:bad': unknown option 'bad'", "", "", ""},
        {NULL, "type=volume,dst=/u", NULL,
         "--mount 'type=volume,dst=/u': type 'volume' is not supported; use bind or tmpfs", "", "",
         ""},
        {NULL, "type=bind,dst=/u", NULL,
         "--mount 'type=bind,dst=/u': a bind mount wants source=", "", "", ""},
        {NULL, "type=bind,src=/usr,dst=/u,foo=1", NULL,
         "--mount 'type=bind,src=/usr,dst=/u,foo=1': unknown key 'foo'", "", "", ""},
        {NULL, "type=bind,src,dst=/u", NULL, "--mount 'type=bind,src,dst=/u': 'src' wants a value",
         "", "", ""},
        {NULL, "type=tmpfs,dst=/u,bind-propagation=rslave", NULL,
         "--mount 'type=tmpfs,dst=/u,bind-propagation=rslave': a key of another type than tmpfs",
         "", "", ""},
        {NULL, NULL, "t", "--tmpfs 't': the path in the container must be absolute", "", "", ""},
        {"/usr:/t", NULL, "/t", "--tmpfs '/t': '/t' is mounted twice", "", "", ""},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++)
        check_mount(&table[i]);
}

Test(plan_mounts, a_missing_source_comes_with_the_fix)
{
    static char volume[] = "/nowhere/at/all:/u";
    char *volumes[] = {volume, NULL};
    struct plan_flags flags = {.volumes = volumes};
    struct keg_err err = KEG_ERR_INIT;
    struct run_spec *spec = run_spec_new();
    cr_assert_eq(plan_mounts(&flags, spec, &err), -ENOENT);
    cr_assert(strstr(err.text, "'/nowhere/at/all' does not exist on the host"));
    cr_assert(strstr(err.text, "bind-create-src"));
    cr_assert_eq(spec->mounts_count, 0);
    run_spec_free(spec);
}

/* ---- checks */

static void check_refused(struct plan_flags flags, const char *error)
{
    struct keg_err err = KEG_ERR_INIT;
    if (flags.pids_limit == 0)
        flags.pids_limit = INT64_MIN;
    cr_assert_lt(plan_check_flags(&flags, &err), 0, "%s", error);
    cr_assert_str_eq(err.text, error);
}

Test(plan_check, names_the_flag)
{
    static char opt[] = "label=x", cap[] = "NET_FLY";
    char *opts[] = {opt, NULL}, *caps[] = {cap, NULL};
    check_refused((struct plan_flags){.network = "web"},
                  "--network 'web': no such network; there are bridge, none, host, "
                  "container:NAME and ns:PATH");
    check_refused((struct plan_flags){.memory_bytes = 1024},
                  "--memory: at least 6m is needed to start anything");
    check_refused((struct plan_flags){.cpus = "x"}, "--cpus 'x': not a number of CPUs such as 1.5");
    check_refused((struct plan_flags){.cpus = "1.5x"},
                  "--cpus '1.5x': not a number of CPUs such as 1.5");
    check_refused((struct plan_flags){.cpus = "0"}, "--cpus '0': at least 0.01");
    check_refused((struct plan_flags){.pids_limit = -2},
                  "--pids-limit: a number, or -1 for no limit");
    check_refused((struct plan_flags){.workdir = "x"}, "--workdir 'x': the path must be absolute");
    check_refused((struct plan_flags){.hostname = "a\nb"},
                  "--hostname 'a?b': a host name has 1 to 63 letters, digits, '-', '_' and '.'");
    check_refused((struct plan_flags){.security_opts = opts},
                  "--security-opt 'label=x': keg sets no SELinux labels; there is 'disable' alone");
    struct keg_err err = KEG_ERR_INIT;
    struct plan_flags flags = {.cap_add = caps, .pids_limit = INT64_MIN};
    cr_assert_lt(plan_check_flags(&flags, &err), 0);
    cr_assert(keg_starts_with(err.text, "--cap-add: "));
}

Test(plan_check, cpus_become_a_quota)
{
    struct plan_flags flags = {.cpus = "0.5"};
    int64_t quota = 0;
    cr_assert_eq(plan_cpu_quota(&flags, &quota, NULL), 0);
    cr_assert_eq(quota, 50000);
    flags.cpus = ".25";
    cr_assert_eq(plan_cpu_quota(&flags, &quota, NULL), 0);
    cr_assert_eq(quota, 25000);
}

/* ---- capabilities */

static uint64_t capabilities(const char *add, const char *drop, uid_t uid, uint64_t *ret_effective)
{
    char *adds[] = {keg_strdup(add), NULL}, *drops[] = {keg_strdup(drop), NULL};
    struct plan_flags flags = {.cap_add = adds, .cap_drop = drops};
    struct run_capabilities set = {.inheritable = 1, .ambient = 1};
    cr_assert_eq(plan_capabilities(&flags, 0x5, uid, &set, NULL), 0);
    cr_assert_eq(set.inheritable, 0);
    cr_assert_eq(set.ambient, 0);
    *ret_effective = set.effective;
    free(adds[0]);
    free(drops[0]);
    return set.bounding;
}

Test(plan_capabilities, add_drop_and_all)
{
    uint64_t effective, all = run_capabilities_bounding();
    cr_assert_eq(capabilities(NULL, NULL, 0, &effective), 0x5);
    cr_assert_eq(effective, 0x5);
    cr_assert_eq(capabilities("SYS_ADMIN", NULL, 0, &effective), 0x5 | 1ull << 21);
    cr_assert_eq(capabilities(NULL, "CHOWN", 0, &effective), 0x4);
    cr_assert_eq(capabilities("KILL", "ALL", 0, &effective), 1ull << 5);
    cr_assert_eq(capabilities("ALL", NULL, 0, &effective), all);
    cr_assert_eq(capabilities("ALL", "CHOWN", 0, &effective), all & ~1ull);
    cr_assert_eq(capabilities(NULL, NULL, 1000, &effective), 0x5);
    cr_assert_eq(effective, 0);
}

/* ---- the whole spec, and the files */

Test(plan_spec, puts_config_and_flags_together)
{
    static char nnp[] = "no-new-privileges";
    char *opts[] = {nnp, NULL};
    struct plan_flags flags = {.memory_bytes = 64u << 20,
                               .cpus = "0.5",
                               .pids_limit = 100,
                               .read_only = true,
                               .network = "none",
                               .hostname = "box",
                               .security_opts = opts};
    _cleanup_json_ json_t *json =
        config("{\"config\":{\"Cmd\":[\"sh\"],\"WorkingDir\":\"/srv\",\"User\":\"1000\"}}");
    struct run_user user = {.uid = 1000, .gid = 1000};
    struct plan_context context = {.id = ID,
                                   .config = json,
                                   .arguments = no_arguments,
                                   .user = &user,
                                   .home = "/",
                                   .rundir = "/run/x"};
    struct keg_err err = KEG_ERR_INIT;
    struct run_spec *spec = NULL;
    cr_assert_eq(plan_spec(&flags, &context, &spec, &err), 0, "%s", err.text);
    cr_assert_str_eq(spec->process.cwd, "/srv");
    cr_assert_str_eq(spec->hostname, "box");
    cr_assert_eq(spec->process.user.uid, 1000);
    cr_assert_eq(spec->process.capabilities.effective, 0);
    cr_assert_neq(spec->process.capabilities.bounding, 0);
    cr_assert(spec->process.no_new_privileges);
    cr_assert(spec->root_readonly);
    cr_assert(spec->namespaces[RUN_NS_NETWORK].wanted);
    cr_assert_eq(spec->resources.memory_limit_bytes, 64 << 20);
    cr_assert_eq(spec->resources.cpu_quota_us, 50000);
    cr_assert_eq(spec->resources.cpu_period_us, 100000);
    cr_assert_eq(spec->resources.pids_limit, 100);
    cr_assert_eq(spec->seccomp, RUN_SECCOMP_DEFAULT);
    cr_assert_str_eq(spec->cgroups_path, "/keg/" ID);
    run_spec_free(spec);
}

Test(plan_files, hosts)
{
    _cleanup_buf_ struct keg_buf text = keg_buf_init(4096);
    plan_hosts("box", "10.78.0.9", "10.78.0.1", &text);
    cr_assert(strstr(text.data, "127.0.0.1\tlocalhost\n"));
    cr_assert(strstr(text.data, "10.78.0.1\thost.docker.internal host.containers.internal\n"));
    cr_assert(keg_ends_with(text.data, "10.78.0.9\tbox\n"));
}

Test(plan_files, name_servers_on_loopback_are_left_out_of_an_own_network)
{
    static const char host[] =
        "search lan\nnameserver 127.0.0.53\nnameserver 10.0.0.2\noptions ndots:2";
    struct plan_flags flags = {.tty = false};
    _cleanup_buf_ struct keg_buf own = keg_buf_init(4096), same = keg_buf_init(4096);
    plan_resolv_conf(&flags, host, PLAN_PUBLIC_SERVERS, &own);
    cr_assert_str_eq(own.data, "search lan\nnameserver 10.0.0.2\noptions ndots:2\n");
    plan_resolv_conf(&flags, host, NULL, &same);
    cr_assert(strstr(same.data, "127.0.0.53"));
    _cleanup_buf_ struct keg_buf none = keg_buf_init(4096);
    plan_resolv_conf(&flags, "nameserver ::1\n", PLAN_PUBLIC_SERVERS, &none);
    cr_assert_str_eq(none.data, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
}

Test(plan_ended, a_memory_kill_is_told_with_what_is_known)
{
    static const struct {
        int64_t limit;
        uint64_t peak;
        const char *text;
    } table[] = {
        {64 << 20, 64 << 20,
         "a process was killed by the memory limit of 64MiB (peak 64MiB); a larger one: -m"},
        {64 << 20, 0, "a process was killed by the memory limit of 64MiB; a larger one: -m"},
        {0, 5 << 20, "a process was killed: the host ran out of memory"},
        {-1, 0, "a process was killed: the host ran out of memory"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        _cleanup_buf_ struct keg_buf text = keg_buf_init(4096);
        plan_oom_text(table[i].limit, table[i].peak, &text);
        cr_assert_str_eq(text.data, table[i].text);
    }
}
