/* SPDX-License-Identifier: Apache-2.0 */
/* The container's end of a bridge network: bridge and masquerade on the host, eth0 in the
 * container.
 *
 * Everything is raw netlink in the network namespace of the caller; no program is executed. Links
 * are never moved between namespaces (26 ms) and never deleted (30 ms): the container's namespace
 * takes them along when it dies. IPv6 is off on the bridge and on eth0, so that no router
 * advertisement of one container can reach the host or another one (CVE-2020-13401). */
#pragma once

#include "run/run.h"

#include <net/if.h>

/* What a container needs to know of its bridge. */
struct network_bridge {
    int index;
    unsigned mtu;
};

/* network_ensure(network, ret, err): The bridge is there and up, with its address, IPv4 forwarding
 * (set only when the bridge is made) and the masquerade rule in nftables' table `inet keg`.
 * Idempotent, and safe when several run it at once; where all is there it costs two short questions
 * to the kernel and changes nothing. The rule is made again after `nft flush ruleset`. -EEXIST: an
 * interface of that name is no bridge. -ENOTSUP: a kernel without nftables' inet nat. Parent, in
 * the host's network namespace. */
int network_ensure(const struct run_network *network, struct network_bridge *ret,
                   struct keg_err *err);

/* network_netns_fd(pidfd, pid): An fd of that process's network namespace, for the caller to close,
 * or -errno. By ioctl on ${pidfd} (Linux 6.11), else /proc/<pid>/ns/net. Parent. */
int network_netns_fd(int pidfd, pid_t pid);

/* network_attach(bridge, netns_fd, id, address, err): Make a veth pair in one message: the host's
 * end is a port of ${bridge}, up, named by network_host_ifname(); "eth0" is born in ${netns_fd}
 * with a MAC made from ${address}. Parent; the child may call network_configure_inside() once this
 * has returned. */
int network_attach(const struct network_bridge *bridge, int netns_fd, const char *id,
                   struct in_addr address, struct keg_err *err);

/* network_host_ifname(id, attempt, text): "keg" and 11 hex digits: the first ones of ${id}, or of
 * its hash where they are no hex. ${attempt} above 0 appends a letter: a container that is started
 * again at once may find the link of its last life still dying. */
void network_host_ifname(const char *id, unsigned attempt, char text[static IFNAMSIZ]);

/* network_prepare_inside(): Child, right after its network namespace was made and before the parent
 * calls network_attach(), while /proc is still mounted at /proc (net sysctls are those of the
 * caller's namespace): links that are born from now on have no IPv6; ::1 on lo stays. A kernel
 * without IPv6 is success. 0 or -errno. Not needed with network_loopback_inside(). */
int network_prepare_inside(void);

/* network_configure_inside(network, address, err): Child, in its network namespace, after
 * network_attach(): lo and eth0 up, ${address} on eth0, default route by the gateway, in one send.
 * Needs no /proc, but CAP_NET_ADMIN over the namespace. */
int network_configure_inside(const struct run_network *network, struct in_addr address,
                             struct keg_err *err);

/* network_loopback_inside(err): Child, for `--network none`: lo up, nothing else. */
int network_loopback_inside(struct keg_err *err);

/* network_has_nftables(): Whether this kernel answers nfnetlink's nftables questions. */
bool network_has_nftables(void);
