/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/hosts, hostname and resolv.conf of a container, in its run folder. */
#include "cmd/launch.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/stat.h>

int cmd_launch_write_text(int dirfd, const char *name, struct keg_buf *text, struct keg_err *err)
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

/* The container's root, where it is another's user, may change them as it may its other files. */
static int write_own(const struct cmd_launch *launch, const char *name, struct keg_buf *text,
                     struct keg_err *err)
{
    uint32_t uid = 0, gid = 0;
    int r = cmd_launch_write_text(launch->rundir_fd, name, text, err);
    if (r < 0 || launch->uid_maps.count == 0)
        return r;
    (void)run_id_maps_to_host(&launch->uid_maps, 0, &uid);
    (void)run_id_maps_to_host(&launch->gid_maps, 0, &gid);
    return fchownat(launch->rundir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0
               ? keg_fail_errno(err, "give '%s' to the container's root", name)
               : 0;
}

/* What a user-mode network calls from: the address that this machine has towards others. Connecting
 * a datagram socket sends nothing. */
static bool outward_address(char text[static INET_ADDRSTRLEN])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
    socklen_t length = sizeof(address);
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && inet_pton(AF_INET, "192.0.2.1", &address.sin_addr) == 1 &&
           connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
           getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
           inet_ntop(AF_INET, &address.sin_addr, text, INET_ADDRSTRLEN);
}

/* Its own address, and the one where it reaches the host. */
static bool addresses(const struct cmd_launch *launch, char own[static INET_ADDRSTRLEN],
                      char host[static INET_ADDRSTRLEN])
{
    if (launch->network == PLAN_NETWORK_USER) {
        (void)snprintf(own, INET_ADDRSTRLEN, "%s", run_network_user_facts.address);
        return outward_address(host);
    }
    return launch->address.s_addr != 0 &&
           inet_ntop(AF_INET, &launch->address, own, INET_ADDRSTRLEN) &&
           inet_ntop(AF_INET, &run_network_default.gateway, host, INET_ADDRSTRLEN);
}

static int write_hosts(const struct cmd_launch *launch, const char *hostname, struct keg_err *err)
{
    char address[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];
    bool host = launch->network == PLAN_NETWORK_HOST, has = addresses(launch, address, gateway);
    struct keg_buf text;
    if (!host || keg_read_file(AT_FDCWD, "/etc/hosts", KEG_CONF_MAX_BYTES, &text, NULL) < 0)
        text = keg_buf_init(KEG_CONF_MAX_BYTES);
    if (!host)
        plan_hosts(hostname, has ? address : NULL, has ? gateway : NULL, &text);
    plan_add_hosts(launch->flags, has ? gateway : NULL, &text);
    return write_own(launch, "hosts", &text, err);
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

/* Where those of the host are out of reach. */
static const char *servers_instead(enum plan_network network)
{
    static char forwarder[64];
    (void)snprintf(forwarder, sizeof(forwarder), "nameserver %s\n",
                   run_network_user_facts.nameserver);
    if (network == PLAN_NETWORK_USER)
        return forwarder;
    return network == PLAN_NETWORK_BRIDGE || network == PLAN_NETWORK_PATH ? PLAN_PUBLIC_SERVERS
                                                                          : NULL;
}

static int write_resolv_conf(const struct cmd_launch *launch, struct keg_err *err)
{
    struct keg_buf host, text = keg_buf_init(KEG_CONF_MAX_BYTES);
    if (read_resolv_conf(&host) < 0)
        host = keg_buf_init(0);
    plan_resolv_conf(launch->flags, host.data ? host.data : "", servers_instead(launch->network),
                     &text);
    keg_buf_done(&host);
    return write_own(launch, "resolv.conf", &text, err);
}

int cmd_launch_write_files(struct cmd_launch *launch, const struct plan_context *context,
                           struct keg_err *err)
{
    /* Those of the container whose network it joins are its own. */
    if (launch->network == PLAN_NETWORK_CONTAINER)
        return 0;
    _cleanup_free_ char *hostname = plan_hostname(launch->flags, context);
    if (!hostname)
        return keg_fail(err, -ENOMEM, "out of memory");
    struct keg_buf line = keg_buf_init(KEG_CONF_MAX_BYTES);
    (void)keg_buf_printf(&line, "%s\n", hostname);
    int r = write_own(launch, "hostname", &line, err);
    if (r == 0)
        r = write_hosts(launch, hostname, err);
    return r == 0 ? write_resolv_conf(launch, err) : r;
}
