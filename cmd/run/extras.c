/* SPDX-License-Identifier: Apache-2.0 */
/* Flags of few lines each: the root, its size, labels, the program's umask and fds. */
#include "cmd/run/plan.h"

#include <string.h>

#define PRESERVE_FDS_MAX 1024

static int no_memory(struct keg_err *err)
{
    return keg_fail(err, -ENOMEM, "out of memory");
}

/* podman's: in place by itself, ":O" for an overlay. */
int plan_rootfs(const char *text, char **ret_path, bool *ret_overlay, struct keg_err *err)
{
    const char *colon = strrchr(text, ':');
    bool overlay = keg_streq(colon, ":O"), in_place = keg_streq(colon, ":rw");
    if (text[0] == '-')
        return keg_fail(err, -EINVAL, "--rootfs '%s': wants the folder right behind it", text);
    if (colon && !overlay && !in_place && access(text, F_OK) < 0)
        return keg_fail(err, -EINVAL,
                        "--rootfs '%s': unknown option '%s'; there are ':O', to keep what is "
                        "written in the container, and ':rw', to write in place",
                        text, colon);
    _cleanup_free_ char *given =
        keg_strndup(text, overlay || in_place ? (size_t)(colon - text) : strlen(text));
    if (!given)
        return no_memory(err);
    char *path = realpath(given, NULL);
    if (!path)
        return keg_fail_errno(err, "--rootfs '%s'", given);
    *ret_path = path;
    *ret_overlay = overlay;
    return 0;
}

int plan_storage_size(const struct plan_flags *flags, uint64_t *ret_bytes, struct keg_err *err)
{
    *ret_bytes = 0;
    for (char *const *o = flags->storage_opts; o && *o; o++) {
        if (!keg_starts_with(*o, "size=") || keg_parse_size(*o + 5, ret_bytes) < 0 || !*ret_bytes)
            return keg_fail(err, -EINVAL, "--storage-opt '%s': not size=BYTES, such as size=64m",
                            *o);
        if (!flags->ephemeral)
            return keg_fail(err, -EINVAL,
                            "--storage-opt '%s': only a layer in RAM has a size of its own; add "
                            "--ephemeral",
                            *o);
    }
    return 0;
}

int plan_preserve_fds(const struct plan_flags *flags, unsigned *ret, struct keg_err *err)
{
    uint64_t count = 0;
    if (flags->preserve_fds && keg_parse_u64(flags->preserve_fds, 0, PRESERVE_FDS_MAX, &count) < 0)
        return keg_fail(err, -EINVAL, "--preserve-fds '%s': not a number from 0 to %d",
                        flags->preserve_fds, PRESERVE_FDS_MAX);
    for (uint64_t i = 0; i < count; i++)
        if (fcntl((int)i + 3, F_GETFD) < 0)
            return keg_fail(err, -EBADF, "--preserve-fds %s: fd %u is not open",
                            flags->preserve_fds, (unsigned)i + 3);
    *ret = (unsigned)count;
    return 0;
}

int plan_process(const struct plan_flags *flags, struct run_process *process, struct keg_err *err)
{
    mode_t mask = 0;
    const char *text = flags->umask;
    if (!text)
        return 0;
    size_t digits = strspn(text, "01234567");
    for (size_t i = 0; i < digits && i < 5; i++)
        mask = mask * 8 + (mode_t)(text[i] - '0');
    if (digits == 0 || digits > 4 || text[digits] || mask > 0777)
        return keg_fail(err, -EINVAL, "--umask '%s': not an octal number from 0 to 0777", text);
    process->user.umask = mask;
    return 0;
}

/* ---- labels and annotations */

/* "key" alone has an empty value. */
static int put_label(const char *text, char ***labels)
{
    if (strchr(text, '='))
        return plan_env_set(labels, text);
    _cleanup_free_ char *whole = keg_asprintf("%s=", text);
    return whole ? plan_env_set(labels, whole) : -ENOMEM;
}

/* What an image writes there that is no label is nobody's loss. */
static int add_image_labels(const json_t *config, char ***labels)
{
    json_t *object = json_object_get(json_object_get(config, "config"), "Labels");
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (!json_is_string(value) || !*key || strchr(key, '='))
            continue;
        _cleanup_free_ char *label = keg_asprintf("%s=%s", key, json_string_value(value));
        if (!label || plan_env_set(labels, label) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int add_label_lines(char *text, const char *path, char ***labels, struct keg_err *err)
{
    char *state = NULL;
    for (char *line = strtok_r(text, "\r\n", &state); line; line = strtok_r(NULL, "\r\n", &state)) {
        line += strspn(line, " \t");
        if (*line == '=')
            return keg_fail(err, -EINVAL, "--label-file '%s': '%s' has no name", path, line);
        if (*line && *line != '#' && put_label(line, labels) < 0)
            return no_memory(err);
    }
    return 0;
}

static int add_label_file(const char *path, char ***labels, struct keg_err *err)
{
    struct keg_buf text;
    struct keg_err cause = KEG_ERR_INIT;
    int r = keg_read_file(AT_FDCWD, path, KEG_ENV_FILE_MAX_BYTES, &text, &cause);
    if (r < 0)
        return keg_fail(err, r, "--label-file: %s", cause.text);
    r = text.data ? add_label_lines(text.data, path, labels, err) : 0;
    keg_buf_done(&text);
    return r;
}

int plan_labels(const struct plan_flags *flags, const json_t *config, char ***ret,
                struct keg_err *err)
{
    _cleanup_strv_ char **labels = NULL;
    int r = add_image_labels(config, &labels) < 0 ? no_memory(err) : 0;
    for (char *const *f = flags->label_files; r == 0 && f && *f; f++)
        r = add_label_file(*f, &labels, err);
    for (char *const *l = flags->labels; r == 0 && l && *l; l++) {
        if (!**l || **l == '=')
            return keg_fail(err, -EINVAL, "--label '%s': has no name", *l);
        r = put_label(*l, &labels) < 0 ? no_memory(err) : 0;
    }
    if (r == 0)
        *ret = TAKE_PTR(labels);
    return r;
}

int plan_annotations(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err)
{
    for (char *const *a = flags->annotations; a && *a; a++) {
        if (!strchr(*a, '=') || **a == '=')
            return keg_fail(err, -EINVAL, "--annotation '%s': not NAME=VALUE", *a);
        if (plan_env_set(&spec->annotations, *a) < 0)
            return no_memory(err);
    }
    return 0;
}
