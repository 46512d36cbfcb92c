/* SPDX-License-Identifier: Apache-2.0 */
/* From the image to a spec: the container's folder, root, user, address and files. */
#include "cmd/launch.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_ATTEMPTS 10

static int no_memory(struct keg_err *err)
{
    return keg_fail(err, -ENOMEM, "out of memory");
}

static int describe(struct cmd_launch *launch, const char *image_name, struct keg_err *err)
{
    char id[65];
    struct store_container *container = &launch->container;
    int r = keg_random_id(id);
    if (r < 0)
        return keg_fail(err, r, "get random bytes: %s", keg_errno_text(r));
    container->id = keg_strdup(id);
    container->image_name = keg_strdup(image_name);
    container->image_id = keg_strdup(launch->image.id);
    container->layers = keg_strv_copy(launch->image.layers);
    container->created = keg_now();
    container->auto_remove = launch->flags->remove;
    if (!container->id || !container->image_name || !container->image_id || !container->layers)
        return no_memory(err);
    return plan_args(launch->flags, launch->config, launch->arguments, &container->command, err);
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

static int open_layers(struct cmd_launch *launch, int *fds, size_t *ret_count, struct keg_err *err)
{
    size_t count = keg_strv_length(launch->image.layers);
    *ret_count = 0;
    if (count > KEG_LAYERS_MAX)
        return keg_fail(err, -E2BIG, "the image has %zu layers; %d are the most", count,
                        KEG_LAYERS_MAX);
    for (size_t i = 0; i < count; i++) {
        int r = store_layer_open(launch->store, launch->image.layers[count - 1 - i], &fds[i], err);
        if (r < 0)
            return r;
        *ret_count = i + 1;
    }
    if (count > 0)
        return 0;
    /* An image FROM scratch without a layer: overlayfs wants one lower at least. */
    if (mkdirat(launch->dirfd, "lower", 0755) < 0)
        return keg_fail_errno(err, "make an empty lower folder");
    fds[0] = keg_openat(launch->dirfd, "lower", O_PATH | O_DIRECTORY, 0);
    if (fds[0] < 0)
        return keg_fail(err, fds[0], "open an empty lower folder: %s", keg_errno_text(fds[0]));
    *ret_count = 1;
    return 0;
}

/* overlayfs shows the upper's root as "/": it must look like that of the image. */
static int dress_upper(int dirfd, int top_layer_fd, struct keg_err *err)
{
    struct stat st;
    if (fstat(top_layer_fd, &st) < 0)
        return keg_fail_errno(err, "stat the image's root");
    if ((st.st_uid || st.st_gid) && fchownat(dirfd, "upper", st.st_uid, st.st_gid, 0) < 0)
        return keg_fail_errno(err, "give the container's root its owner");
    if ((st.st_mode & 07777) != 0755 && fchmodat(dirfd, "upper", st.st_mode & 07777, 0) < 0)
        return keg_fail_errno(err, "give the container's root its mode");
    return 0;
}

static int mount_root(struct cmd_launch *launch, struct keg_err *err)
{
    int fds[KEG_LAYERS_MAX];
    size_t count;
    int r = open_layers(launch, fds, &count, err);
    if (r == 0)
        r = dress_upper(launch->dirfd, fds[0], err);
    if (r == 0)
        r = run_overlay_mount(fds, count, launch->dirfd, launch->flags->remove, -1,
                              &launch->rootfs_fd, err);
    for (size_t i = 0; i < count; i++)
        (void)close(fds[i]);
    return r;
}

static int find_user(struct cmd_launch *launch, struct keg_err *err)
{
    const char *text;
    int r = plan_image_user(launch->flags, launch->config, &text, err);
    return r < 0 ? r : run_user_lookup(launch->rootfs_fd, text, &launch->user, &launch->home, err);
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

static int write_text(int dirfd, const char *name, struct keg_buf *text, struct keg_err *err)
{
    int r = keg_buf_ok(text, err, name);
    if (r == 0) {
        _cleanup_fd_ int fd =
            keg_openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
        r = fd < 0 ? fd : keg_write_all(fd, text->data ? text->data : "", text->length);
        /* The umask of the caller must not hide them from the container's users. */
        if (r == 0 && fchmod(fd, 0644) < 0)
            r = -errno;
        if (r < 0)
            keg_fail(err, r, "write '%s': %s", name, keg_errno_text(r));
    }
    keg_buf_done(text);
    return r;
}

static int copy_host_file(int dirfd, const char *path, const char *name, struct keg_err *err)
{
    struct keg_buf text;
    if (keg_read_file(AT_FDCWD, path, KEG_CONF_MAX_BYTES, &text, NULL) < 0)
        text = keg_buf_init(0);
    return write_text(dirfd, name, &text, err);
}

static int write_hosts(const struct cmd_launch *launch, const char *hostname, struct keg_err *err)
{
    if (launch->network == PLAN_NETWORK_HOST)
        return copy_host_file(launch->rundir_fd, "/etc/hosts", "hosts", err);
    char address[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];
    bool has = launch->address.s_addr != 0;
    (void)inet_ntop(AF_INET, &launch->address, address, sizeof(address));
    (void)inet_ntop(AF_INET, &run_network_default.gateway, gateway, sizeof(gateway));
    struct keg_buf text = keg_buf_init(KEG_CONF_MAX_BYTES);
    plan_hosts(hostname, has ? address : NULL, has ? gateway : NULL, &text);
    return write_text(launch->rundir_fd, "hosts", &text, err);
}

/* systemd-resolved's stub in /etc/resolv.conf is on loopback; what it asks is in its own file. */
static int read_resolv_conf(struct keg_buf *ret)
{
    static const char resolved[] = "/run/systemd/resolve/resolv.conf";
    char target[256];
    ssize_t n = readlink("/etc/resolv.conf", target, sizeof(target) - 1);
    if (n > 0 && memmem(target, (size_t)n, "stub-resolv", 11) &&
        keg_read_file(AT_FDCWD, resolved, KEG_CONF_MAX_BYTES, ret, NULL) == 0)
        return 0;
    return keg_read_file(AT_FDCWD, "/etc/resolv.conf", KEG_CONF_MAX_BYTES, ret, NULL);
}

static int write_resolv_conf(const struct cmd_launch *launch, struct keg_err *err)
{
    struct keg_buf host, text = keg_buf_init(KEG_CONF_MAX_BYTES);
    if (read_resolv_conf(&host) < 0)
        host = keg_buf_init(0);
    plan_resolv_conf(host.data ? host.data : "", launch->network == PLAN_NETWORK_BRIDGE, &text);
    keg_buf_done(&host);
    return write_text(launch->rundir_fd, "resolv.conf", &text, err);
}

static int write_files(struct cmd_launch *launch, struct keg_err *err)
{
    _cleanup_free_ char *hostname =
        plan_hostname(launch->flags, launch->container.id, launch->network);
    if (!hostname)
        return no_memory(err);
    struct keg_buf line = keg_buf_init(KEG_CONF_MAX_BYTES);
    (void)keg_buf_printf(&line, "%s\n", hostname);
    int r = write_text(launch->rundir_fd, "hostname", &line, err);
    if (r == 0)
        r = write_hosts(launch, hostname, err);
    return r == 0 ? write_resolv_conf(launch, err) : r;
}

static int write_spec(struct cmd_launch *launch, struct keg_err *err)
{
    struct keg_buf text = keg_buf_init(KEG_STORE_FILE_MAX_BYTES);
    int r = run_spec_write(launch->spec, &text, err);
    return r == 0 ? write_text(launch->dirfd, "config.json", &text, err) : (keg_buf_done(&text), r);
}

static int make_spec(struct cmd_launch *launch, struct keg_err *err)
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
    };
    int r = plan_spec(launch->flags, &context, &launch->spec, err);
    if (r == 0)
        r = run_spec_fit(launch->spec, err);
    return r == 0 ? write_spec(launch, err) : r;
}

int cmd_launch_prepare(struct cmd_launch *launch, const char *image_name, struct keg_err *err)
{
    int r = store_image_config(launch->store, &launch->image, &launch->config, err);
    if (r == 0)
        r = describe(launch, image_name, err);
    if (r == 0)
        r = create(launch, err);
    if (r == 0)
        r = store_container_rundir(launch->store, launch->container.id, &launch->rundir_fd, err);
    if (r == 0)
        r = mount_root(launch, err);
    if (r == 0)
        r = find_user(launch, err);
    if (r == 0)
        r = lease_address(launch, err);
    if (r == 0)
        r = write_files(launch, err);
    return r == 0 ? make_spec(launch, err) : r;
}
