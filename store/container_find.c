/* SPDX-License-Identifier: Apache-2.0 */
/* Looking containers up: by name or id in one step, by the beginning of an id, and all of them. */
#include "store/internal.h"

#include <limits.h>
#include <string.h>

/* "containers/", 64 hex digits, and a file's name. */
#define META_PATH_MAX_BYTES 128

static pid_t read_pid(int run, const char *id)
{
    char path[META_PATH_MAX_BYTES];
    _cleanup_json_ json_t *json = NULL;
    json_int_t pid = 0;

    (void)snprintf(path, sizeof(path), "%s/state.json", id);
    json = keg_json_read(run, path, KEG_STORE_FILE_MAX_BYTES, NULL);
    if (!json || keg_json_int(json, "pid", &pid, NULL) <= 0 || pid <= 0 || pid > INT_MAX)
        return 0;
    return (pid_t)pid;
}

static void find_out_status(int run, struct store_container *container)
{
    char path[META_PATH_MAX_BYTES];

    (void)snprintf(path, sizeof(path), "%s/lock", container->id);
    if (store_lock_is_held(run, path)) {
        container->status = STORE_RUNNING;
        container->pid = read_pid(run, container->id);
    } else if (container->finished.tv_sec != 0 || container->started.tv_sec != 0) {
        container->status = STORE_EXITED;
    } else {
        container->status = STORE_CREATED;
    }
}

int store_container_read(struct store *store, const char *id, struct store_container *ret,
                         struct keg_err *err)
{
    _cleanup_(store_container_done) struct store_container container = {0};
    int run = store_dir(store, STORE_DIR_RUN_CONTAINERS, err);
    struct keg_err cause = KEG_ERR_INIT;
    char path[META_PATH_MAX_BYTES];
    _cleanup_json_ json_t *json = NULL;

    if (run < 0)
        return run;
    (void)snprintf(path, sizeof(path), "containers/%s/meta.json", id);
    json = keg_json_read(store->root_fd, path, KEG_STORE_FILE_MAX_BYTES, &cause);
    if (!json && cause.code == -ENOENT)
        return keg_fail(err, -ENOENT, "no such container");
    if (!json)
        return store_error(err, &cause);
    if (store_container_from_json(json, &container, &cause) < 0) {
        keg_wrap(&cause, "'%s'", path);
        return store_error(err, &cause);
    }
    container.id = keg_strdup(id);
    if (!container.id)
        return keg_fail(err, -ENOMEM, "out of memory");
    find_out_status(run, &container);
    *ret = container;
    container = (struct store_container){0};
    return 0;
}

/* The one id that begins with ${hex}. */
static int complete_id(struct store *store, const char *hex, char id[static 65],
                       struct keg_err *err)
{
    _cleanup_dir_ DIR *dir = NULL;
    struct dirent *entry;
    int r = store_opendir(store, STORE_DIR_CONTAINERS, &dir, err);

    if (r < 0)
        return r;
    id[0] = '\0';
    while ((entry = store_readdir(dir))) {
        if (!keg_starts_with(entry->d_name, hex) || !store_is_hex(entry->d_name, 64))
            continue;
        if (id[0] != '\0')
            return keg_fail(err, -EEXIST,
                            "fits several containers (%.12s, %.12s): give more digits", id,
                            entry->d_name);
        memcpy(id, entry->d_name, 65);
    }
    return id[0] != '\0' ? 0 : keg_fail(err, -ENOENT, "no such container");
}

static int read_by_name(struct store *store, const char *name, struct store_container *ret,
                        struct keg_err *err)
{
    int names = store_dir(store, STORE_DIR_NAMES, err);
    char id[65];
    ssize_t n;

    if (names < 0)
        return names;
    n = readlinkat(names, name, id, sizeof(id));
    if (n == 64) {
        id[64] = '\0';
        if (store_is_hex(id, 64))
            return store_container_read(store, id, ret, err);
    }
    return keg_fail(err, -ENOENT, "no such container");
}

int store_container_find(struct store *store, const char *name, struct store_container *ret,
                         struct keg_err *err)
{
    const char *hex = store_hex_prefix(name);
    char id[65];
    int r = -ENOENT;

    if (store_container_is_valid_name(name))
        r = read_by_name(store, name, ret, err);
    if (r != -ENOENT)
        return r;
    if (hex && strlen(hex) == 64)
        return store_container_read(store, hex, ret, err);
    if (!hex)
        return keg_fail(err, -ENOENT, "no such container");
    r = complete_id(store, hex, id, err);
    return r < 0 ? r : store_container_read(store, id, ret, err);
}

void store_containers_free(struct store_container *containers, size_t count)
{
    for (size_t i = 0; containers && i < count; i++)
        store_container_done(&containers[i]);
    free(containers);
}

/* Newest first; those of one moment by id, so that the order is the same each time. */
static int compare_containers(const void *a, const void *b)
{
    const struct store_container *x = a, *y = b;

    if (x->created.tv_sec != y->created.tv_sec)
        return x->created.tv_sec < y->created.tv_sec ? 1 : -1;
    if (x->created.tv_nsec != y->created.tv_nsec)
        return x->created.tv_nsec < y->created.tv_nsec ? 1 : -1;
    return strcmp(x->id, y->id);
}

static int append(struct store_container **containers, size_t *count,
                  struct store_container *new /* takes */)
{
    struct store_container *grown = reallocarray(*containers, *count + 1, sizeof(*grown));

    if (!grown) {
        store_container_done(new);
        return -ENOMEM;
    }
    *containers = grown;
    grown[(*count)++] = *new;
    return 0;
}

int store_containers_list(struct store *store, struct store_container **ret, size_t *ret_count,
                          struct keg_err *err)
{
    struct store_container *containers = NULL;
    _cleanup_dir_ DIR *dir = NULL;
    struct dirent *entry;
    size_t count = 0;
    int r = store_opendir(store, STORE_DIR_CONTAINERS, &dir, err);

    if (r < 0)
        return r;
    while ((entry = store_readdir(dir))) {
        struct store_container container;

        /* Damaged, being made or being removed: one container less, not none. */
        if (!store_is_hex(entry->d_name, 64) ||
            store_container_read(store, entry->d_name, &container, NULL) < 0)
            continue;
        if (append(&containers, &count, &container) < 0) {
            store_containers_free(containers, count);
            return keg_fail(err, -ENOMEM, "out of memory");
        }
    }
    if (count > 1)
        qsort(containers, count, sizeof(*containers), compare_containers);
    *ret = containers;
    *ret_count = count;
    return 0;
}
