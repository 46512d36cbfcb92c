/* SPDX-License-Identifier: Apache-2.0 */
/* From the image to a spec: the container's folder, root, user, address and files. */
#include "cmd/launch.h"

#define NAME_ATTEMPTS 10

static int no_memory(struct keg_err *err)
{
    return keg_fail(err, -ENOMEM, "out of memory");
}

/* A folder is kept as the place that it is, wherever its name was resolved. */
static int name_image(const struct cmd_launch *launch, const char *given, char **ret,
                      struct keg_err *err)
{
    bool overlay;
    if (launch->flags->rootfs)
        return plan_rootfs(given, ret, &overlay, err);
    *ret = keg_strdup(given);
    return *ret ? 0 : no_memory(err);
}

static int describe(struct cmd_launch *launch, const char *image_name, struct keg_err *err)
{
    char id[65];
    struct store_container *container = &launch->container;
    int r = keg_random_id(id);
    if (r < 0)
        return keg_fail(err, r, "get random bytes: %s", keg_errno_text(r));
    container->id = keg_strdup(id);
    r = name_image(launch, image_name, &container->image_name, err);
    if (r < 0)
        return r;
    container->image_id = keg_strdup(launch->image.id); /* NULL with --rootfs */
    container->layers = keg_strv_copy(launch->image.layers);
    container->created = keg_now();
    container->auto_remove = launch->flags->remove;
    if (!container->id || !container->layers)
        return no_memory(err);
    r = plan_labels(launch->flags, launch->config, &container->labels, err);
    return r == 0 ? plan_args(launch->flags, launch->config, launch->arguments, &container->command,
                              err)
                  : r;
}

/* A name of ours that is taken gets a digit; one that the user gave is the user's to mend. */
static int create(struct cmd_launch *launch, struct keg_err *err)
{
    const char *given = launch->flags->name;
    for (unsigned attempt = 0;; attempt++) {
        char name[64];
        int r = given ? 0 : cmd_random_name(attempt, name);
        if (r < 0)
            return keg_fail(err, r, "get random bytes: %s", keg_errno_text(r));
        free(launch->container.name);
        launch->container.name = keg_strdup(given ? given : name);
        if (!launch->container.name)
            return no_memory(err);
        r = store_container_create(launch->store, &launch->container, &launch->dirfd,
                                   &launch->lockfd, err);
        if (r != -EEXIST || given || attempt == NAME_ATTEMPTS) {
            launch->created = r == 0;
            return r;
        }
    }
}

static int find_user(struct cmd_launch *launch, struct keg_err *err)
{
    const char *text;
    int r = plan_image_user(launch->flags, launch->config, &text, err);
    if (r == 0)
        r = run_user_lookup(launch->rootfs_fd, text, &launch->user, &launch->home, err);
    if (r == 0 && launch->flags->groups)
        r = run_user_add_groups(launch->rootfs_fd, launch->flags->groups, &launch->user, err);
    return r;
}

static int lease_address(struct cmd_launch *launch, struct keg_err *err)
{
    if (launch->network != PLAN_NETWORK_BRIDGE)
        return 0;
    int r = cmd_leases_dir(launch->store, &launch->leases_fd, err);
    return r < 0 ? r
                 : run_network_lease(&run_network_default, launch->leases_fd, launch->container.id,
                                     &launch->address, err);
}

static int write_spec(struct cmd_launch *launch, struct keg_err *err)
{
    struct keg_buf text = keg_buf_init(KEG_STORE_FILE_MAX_BYTES);
    int r = run_spec_write(launch->spec, &text, err);
    return r == 0 ? cmd_launch_write_text(launch->dirfd, "config.json", &text, err)
                  : (keg_buf_done(&text), r);
}

static int make_spec(struct cmd_launch *launch, const struct plan_context *context,
                     struct keg_err *err)
{
    int r = plan_spec(launch->flags, context, &launch->spec, err);
    if (r == 0)
        r = run_spec_fit(launch->spec, err);
    /* A namespace that is joined has its maps already (config-linux.md). */
    if (r == 0 && launch->spec->namespaces[RUN_NS_USER].path) {
        run_id_maps_done(&launch->spec->uid_maps);
        run_id_maps_done(&launch->spec->gid_maps);
    }
    if (r == 0)
        r = write_spec(launch, err);
    return r == 0 ? cmd_launch_pin_joined(launch, err) : r;
}

/* With all that was found out about the host and about what is joined: what is left is the plan. */
static int make_files_and_spec(struct cmd_launch *launch, struct keg_err *err)
{
    _cleanup_free_ char *rundir =
        keg_asprintf("%s/containers/%s", store_runroot(launch->store), launch->container.id);
    if (!rundir)
        return no_memory(err);
    struct plan_context context = {
        .id = launch->container.id,
        .config = launch->config,
        .arguments = launch->arguments,
        .user = &launch->user,
        .home = launch->home,
        .rundir = rundir,
        .uid_maps = &launch->uid_maps,
        .gid_maps = &launch->gid_maps,
    };
    cmd_launch_describe_joined(launch, context.joined);
    int r = cmd_launch_write_files(launch, &context, err);
    return r == 0 ? make_spec(launch, &context, err) : r;
}

static int read_config(struct cmd_launch *launch, struct keg_err *err)
{
    if (!launch->flags->rootfs)
        return store_image_config(launch->store, &launch->image, &launch->config, err);
    launch->config = json_object();
    return launch->config ? 0 : no_memory(err);
}

int cmd_launch_prepare(struct cmd_launch *launch, const char *image_name, struct keg_err *err)
{
    int r = read_config(launch, err);
    if (r == 0)
        r = describe(launch, image_name, err);
    if (r == 0)
        r = cmd_launch_join(launch, err);
    if (r == 0)
        r = create(launch, err);
    if (r == 0)
        r = store_container_rundir(launch->store, launch->container.id, &launch->rundir_fd, err);
    if (r == 0)
        r = cmd_launch_find_ids(launch, err);
    if (r == 0)
        r = cmd_launch_mount_root(launch, err);
    if (r == 0)
        r = find_user(launch, err);
    if (r == 0)
        r = lease_address(launch, err);
    return r == 0 ? make_files_and_spec(launch, err) : r;
}
