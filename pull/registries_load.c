/* SPDX-License-Identifier: Apache-2.0 */
/* Where registries.conf and its drop-ins are found. */
#include "pull/registries_conf.h"

#include <string.h>

#define SYSTEM_CONF "/etc/containers/registries.conf"

static int load_file(const char *path, struct registries_conf *conf, struct keg_err *err)
{
    struct keg_buf text;
    int r = keg_read_file(AT_FDCWD, path, KEG_CONF_MAX_BYTES, &text, err);
    if (r < 0)
        return r;
    r = registries_conf_parse(text.data ? text.data : "", text.length, path, conf, err);
    keg_buf_done(&text);
    return r;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_drop_ins(DIR *dir, char ***ret, struct keg_err *err)
{
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.' && keg_ends_with(entry->d_name, ".conf") &&
            keg_strv_add(ret, entry->d_name) < 0)
            return keg_fail(err, -ENOMEM, "out of memory");
    size_t count = keg_strv_length(*ret);
    if (count > 1)
        qsort(*ret, count, sizeof(**ret), compare_names);
    return 0;
}

/* The drop-ins of the file `main_file`: FILE.d/NAME.conf. */
static int load_drop_ins(const char *main_file, struct registries_conf *conf, struct keg_err *err)
{
    _cleanup_free_ char *folder = keg_asprintf("%s.d", main_file);
    _cleanup_dir_ DIR *dir = folder ? opendir(folder) : NULL;
    _cleanup_strv_ char **names = NULL;
    if (!dir)
        return folder ? 0 : keg_fail(err, -ENOMEM, "out of memory");
    int r = list_drop_ins(dir, &names, err);
    for (char **name = names; r == 0 && name && *name; name++) {
        _cleanup_free_ char *path = keg_asprintf("%s/%s", folder, *name);
        r = path ? load_file(path, conf, err) : keg_fail(err, -ENOMEM, "out of memory");
    }
    return r;
}

static int load_named(const char *path, struct registries_conf *conf, struct keg_err *err)
{
    int r = load_file(path, conf, err);
    return r < 0 ? r : load_drop_ins(path, conf, err);
}

static int load_default(struct registries_conf *conf, struct keg_err *err)
{
    const char *home = getenv("HOME");
    _cleanup_free_ char *user =
        home && *home ? keg_asprintf("%s/.config/containers/registries.conf", home) : NULL;
    bool own = user && access(user, F_OK) == 0;
    int r = 0;
    if (own || access(SYSTEM_CONF, F_OK) == 0)
        r = load_file(own ? user : SYSTEM_CONF, conf, err);
    if (r == 0)
        r = load_drop_ins(SYSTEM_CONF, conf, err);
    return r == 0 && user ? load_drop_ins(user, conf, err) : r;
}

int registries_conf_load(const char *path, struct registries_conf *ret, struct keg_err *err)
{
    struct registries_conf conf = {NULL, 0};
    if (!path)
        path = getenv("CONTAINERS_REGISTRIES_CONF");
    int r = path && *path ? load_named(path, &conf, err) : load_default(&conf, err);
    if (r < 0) {
        registries_conf_done(&conf);
        return r;
    }
    *ret = conf;
    return 0;
}
