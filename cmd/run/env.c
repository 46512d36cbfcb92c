/* SPDX-License-Identifier: Apache-2.0 */
/* The container's environment: image, files and flags, in docker's order. */
#include "cmd/run/plan.h"

#include <string.h>

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static size_t name_length(const char *entry)
{
    return strcspn(entry, "=");
}

static char **find(char **env, const char *name, size_t length)
{
    for (char **e = env; e && *e; e++)
        if (name_length(*e) == length && memcmp(*e, name, length) == 0)
            return e;
    return NULL;
}

int plan_env_set(char ***env, const char *entry)
{
    char **old = find(*env, entry, name_length(entry));
    if (!old)
        return keg_strv_add(env, entry);
    char *copy = keg_strdup(entry);
    if (!copy)
        return -ENOMEM;
    free(*old);
    *old = copy;
    return 0;
}

void plan_env_unset(char **env, const char *name)
{
    char **old = find(env, name, strlen(name));
    if (!old)
        return;
    free(*old);
    for (; *old; old++)
        old[0] = old[1];
}

/* "NAME=VALUE" as it is; "NAME" with the host's value, or removed where the host has none. */
static int set_or_inherit(char ***env, const char *entry)
{
    if (strchr(entry, '='))
        return plan_env_set(env, entry);
    const char *value = getenv(entry);
    if (!value) {
        plan_env_unset(*env, entry);
        return 0;
    }
    _cleanup_free_ char *whole = keg_asprintf("%s=%s", entry, value);
    return whole ? plan_env_set(env, whole) : -ENOMEM;
}

static int add_line(const char *line, size_t number, const char *path, char ***env,
                    struct keg_err *err)
{
    line += strspn(line, " \t");
    if (!*line || *line == '#')
        return 0;
    size_t length = name_length(line);
    if (length == 0)
        return keg_fail(err, -EINVAL, "--env-file '%s': line %zu has no variable name", path,
                        number);
    if (strcspn(line, " \t") < length)
        return keg_fail(err, -EINVAL, "--env-file '%s': line %zu: '%.*s' contains blanks", path,
                        number, (int)length, line);
    return set_or_inherit(env, line) < 0 ? keg_fail(err, -ENOMEM, "out of memory") : 0;
}

int plan_env_file(const char *text, size_t length, const char *path, char ***env,
                  struct keg_err *err)
{
    if (memchr(text, '\0', length))
        return keg_fail(err, -EINVAL, "--env-file '%s': holds a NUL byte; it is not a text file",
                        path);
    if (keg_starts_with(text, "\xEF\xBB\xBF"))
        text += 3;
    for (size_t number = 1; *text; number++) {
        size_t line_length = strcspn(text, "\n");
        size_t cut = line_length && text[line_length - 1] == '\r' ? line_length - 1 : line_length;
        _cleanup_free_ char *line = keg_strndup(text, cut);
        if (!line)
            return keg_fail(err, -ENOMEM, "out of memory");
        int r = add_line(line, number, path, env, err);
        if (r < 0)
            return r;
        text += line_length + (text[line_length] == '\n');
    }
    return 0;
}

static int add_image_env(const json_t *config, char ***env, struct keg_err *err)
{
    _cleanup_strv_ char **entries = NULL;
    const json_t *inner = NULL;
    int r = keg_json_object(config, "config", &inner, err);
    if (r > 0)
        r = keg_json_strv(inner, "Env", &entries, err);
    if (r < 0)
        return keg_wrap(err, "image config");
    for (size_t i = 0; entries && entries[i]; i++) {
        /* An entry without '=' would pull the host's value in (CVE-2026-57231 of a peer). */
        if (!strchr(entries[i], '=') || entries[i][0] == '=')
            return keg_fail(err, -EBADMSG, "image config: Env[%zu] '%s' is not NAME=VALUE", i,
                            entries[i]);
        if (plan_env_set(env, entries[i]) < 0)
            return keg_fail(err, -ENOMEM, "out of memory");
    }
    return 0;
}

static int add_env_files(char *const *paths, char ***env, struct keg_err *err)
{
    for (char *const *path = paths; path && *path; path++) {
        struct keg_buf text;
        struct keg_err cause = KEG_ERR_INIT;
        int r = keg_read_file(AT_FDCWD, *path, KEG_ENV_FILE_MAX_BYTES, &text, &cause);
        if (r < 0)
            return keg_fail(err, r, "--env-file: %s", cause.text);
        r = plan_env_file(text.data ? text.data : "", text.length, *path, env, err);
        keg_buf_done(&text);
        if (r < 0)
            return r;
    }
    return 0;
}

static int add_flags(char *const *entries, char ***env, struct keg_err *err)
{
    for (char *const *e = entries; e && *e; e++) {
        if (name_length(*e) == 0)
            return keg_fail(err, -EINVAL, "--env '%s': no variable name in front of '='", *e);
        if (set_or_inherit(env, *e) < 0)
            return keg_fail(err, -ENOMEM, "out of memory");
    }
    return 0;
}

static int add_defaults(const struct plan_flags *flags, const struct plan_context *context,
                        char ***env)
{
    _cleanup_free_ char *name = plan_hostname(flags, context);
    _cleanup_free_ char *entry = name ? keg_asprintf("HOSTNAME=%s", name) : NULL;
    if (!entry || keg_strv_add(env, DEFAULT_PATH) < 0 || keg_strv_add(env, entry) < 0)
        return -ENOMEM;
    if (flags->tty && keg_strv_add(env, "TERM=xterm") < 0)
        return -ENOMEM;
    return keg_strv_add(env, "container=keg");
}

int plan_env(const struct plan_flags *flags, const struct plan_context *context, char ***ret,
             struct keg_err *err)
{
    _cleanup_strv_ char **env = NULL;
    if (add_defaults(flags, context, &env) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    int r = add_image_env(context->config, &env, err);
    if (r == 0)
        r = add_env_files(flags->env_files, &env, err);
    if (r == 0)
        r = add_flags(flags->env, &env, err);
    if (r < 0)
        return r;
    if (!find(env, "HOME", 4)) {
        _cleanup_free_ char *home = keg_asprintf("HOME=%s", context->home);
        if (!home || keg_strv_add(&env, home) < 0)
            return keg_fail(err, -ENOMEM, "out of memory");
    }
    *ret = TAKE_PTR(env);
    return 0;
}
