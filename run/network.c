/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of the network: the bridge, and a container's link on it. Runs in the parent. */
#include "run/network.h"
#include "run/netlink.h"
#include "run/network_internal.h"
#include "run/nft.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* Linux 6.11; linux/pidfd.h of older systems lacks it. */
#ifndef PIDFD_GET_NET_NAMESPACE
#define PIDFD_GET_NET_NAMESPACE _IO(0xFF, 4)
#endif

/* Names that are tried for the host's end of the pair. */
#define HOST_IFNAME_ATTEMPTS 20

/* First bytes of our hardware addresses: locally administered, and one for each kind of interface.
 */
enum { MAC_INSIDE = 0x02, MAC_HOST = 0x06 };

/* htonl() as a constant, for the tables below. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NETWORK_ORDER(address) __builtin_bswap32(address)
#else
#define NETWORK_ORDER(address) (address)
#endif

const struct run_network run_network_default = {
    .bridge = "keg0",
    .subnet = {.s_addr = NETWORK_ORDER(0x0a4e0000)}, /* 10.78.0.0 */
    .prefix_length = 16,
    .gateway = {.s_addr = NETWORK_ORDER(0x0a4e0001)},
};

struct link {
    int index;
    unsigned mtu;
    bool up, is_bridge;
};

static void attr_mac(struct netlink_batch *batch, uint8_t kind, struct in_addr address)
{
    uint8_t mac[6] = {kind, 0x6b};
    memcpy(mac + 2, &address, sizeof(address));
    netlink_attr(batch, IFLA_ADDRESS, mac, sizeof(mac));
}

static bool is_kind(const void *info, size_t length, const char *kind)
{
    size_t found_length;
    const char *found = netlink_find(info, length, IFLA_INFO_KIND, &found_length);
    return found && strnlen(found, found_length) == strlen(kind) &&
           memcmp(found, kind, strlen(kind)) == 0;
}

static int parse_link(const struct netlink_answer *answer, struct link *ret)
{
    size_t length, found_length;
    const void *attributes = netlink_reply_payload(answer, sizeof(struct ifinfomsg), &length);
    if (!attributes)
        return -EPROTO;
    const struct ifinfomsg *info = (const void *)(answer->reply + NLMSG_HDRLEN);
    *ret = (struct link){.index = info->ifi_index, .up = info->ifi_flags & IFF_UP};
    const void *mtu = netlink_find(attributes, length, IFLA_MTU, &found_length);
    if (mtu && found_length == sizeof(ret->mtu))
        memcpy(&ret->mtu, mtu, sizeof(ret->mtu));
    const void *kind = netlink_find(attributes, length, IFLA_LINKINFO, &found_length);
    ret->is_bridge = kind && is_kind(kind, found_length, "bridge");
    return 0;
}

static int get_link(int fd, const char *name, struct link *ret)
{
    struct netlink_batch question = {0};
    struct netlink_answer answer;
    const struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
    netlink_begin(&question, RTM_GETLINK, NLM_F_ACK);
    netlink_put(&question, &any, sizeof(any));
    netlink_attr_string(&question, IFLA_IFNAME, name);
    netlink_attr_u32(&question, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    int result = netlink_talk(fd, &question, &answer);
    return result < 0 ? result : parse_link(&answer, ret);
}

int network_link_index(int fd, const char *name)
{
    struct link link;
    int result = get_link(fd, name, &link);
    return result < 0 ? result : link.index;
}

static int enable_forwarding(struct keg_err *err)
{
    static const char path[] = "/proc/sys/net/ipv4/ip_forward";
    struct keg_buf now;
    int result = keg_read_file(AT_FDCWD, path, 16, &now, err);
    if (result < 0)
        return result;
    bool enabled = now.length && now.data[0] == '1';
    keg_buf_done(&now);
    result = enabled ? 0 : keg_write_file(AT_FDCWD, path, "1", 1);
    return result < 0 ? keg_fail(err, result, "write '%s': %s", path, keg_errno_text(result)) : 0;
}

/* The explicit address keeps the bridge from taking that of its lowest port, which changes with
 * them, and udev from making one up later. */
static int create_bridge(int fd, const struct run_network *network, struct keg_err *err)
{
    struct netlink_batch batch = {0};
    struct netlink_answer answer;
    const struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
    netlink_begin(&batch, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    netlink_put(&batch, &info, sizeof(info));
    netlink_attr_string(&batch, IFLA_IFNAME, network->bridge);
    attr_mac(&batch, MAC_INSIDE, network->gateway);
    size_t link_info = netlink_nest(&batch, IFLA_LINKINFO);
    netlink_attr_string(&batch, IFLA_INFO_KIND, "bridge");
    netlink_nest_end(&batch, link_info);
    int result = netlink_talk(fd, &batch, &answer);
    if (result < 0 && result != -EEXIST)
        return netlink_fail(err, &answer, "make bridge '%s'", network->bridge);
    return 0;
}

/* What a new bridge still lacks. Being up is the last step: who finds it up may use it, who finds
 * it down (another keg is here, or was killed here) does the rest as well. */
static int finish_bridge(int fd, const struct run_network *network, int index, struct keg_err *err)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", network->bridge);
    int result = keg_write_file(AT_FDCWD, path, "1", 1);
    if (result < 0 && result != -ENOENT)
        return keg_fail(err, result, "write '%s': %s", path, keg_errno_text(result));

    struct netlink_batch address = {0}, up = {0};
    struct netlink_answer answer;
    network_add_address(&address, index, network->gateway, network->prefix_length);
    result = netlink_talk(fd, &address, &answer);
    if (result < 0 && result != -EEXIST)
        return netlink_fail(err, &answer, "give bridge '%s' its address", network->bridge);
    network_set_up(&up, index);
    if (netlink_talk(fd, &up, &answer) < 0)
        return netlink_fail(err, &answer, "set bridge '%s' up", network->bridge);
    return 0;
}

static int make_bridge(int fd, const struct run_network *network, struct link *link,
                       struct keg_err *err)
{
    int result = enable_forwarding(err);
    if (result == 0 && !link->index)
        result = create_bridge(fd, network, err);
    if (result == 0 && (result = get_link(fd, network->bridge, link)) < 0)
        return keg_fail(err, result, "look for bridge '%s': %s", network->bridge,
                        keg_errno_text(result));
    return result < 0 ? result : finish_bridge(fd, network, link->index, err);
}

static int check_network(const struct run_network *network, struct keg_err *err)
{
    size_t length = strlen(network->bridge);
    if (length == 0 || length >= IFNAMSIZ || strchr(network->bridge, '/'))
        return keg_fail(err, -EINVAL, "bridge name '%s' is not valid", network->bridge);
    return network_check_prefix(network, err);
}

int network_ensure(const struct run_network *network, struct network_bridge *ret,
                   struct keg_err *err)
{
    struct link link = {0};
    int result = check_network(network, err);
    if (result < 0)
        return result;
    _cleanup_fd_ int fd = netlink_open(NETLINK_ROUTE, err);
    if (fd < 0)
        return fd;
    result = get_link(fd, network->bridge, &link);
    if (result < 0 && result != -ENODEV)
        return keg_fail(err, result, "look for bridge '%s': %s", network->bridge,
                        keg_errno_text(result));
    if (result == 0 && !link.is_bridge)
        return keg_fail(err, -EEXIST, "interface '%s' is there already and is no bridge",
                        network->bridge);
    /* The rule before the bridge: no container is ever on it without. */
    result = nft_ensure_masquerade(network, err);
    if (result == 0 && !link.up)
        result = make_bridge(fd, network, &link, err);
    if (result == 0)
        *ret = (struct network_bridge){link.index, link.mtu};
    return result;
}

int network_netns_fd(int pidfd, pid_t pid)
{
    int fd = pidfd >= 0 ? ioctl(pidfd, PIDFD_GET_NET_NAMESPACE, 0) : -1;
    if (fd >= 0)
        return fd;
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
    return keg_openat(AT_FDCWD, path, O_RDONLY, 0);
}

/* FNV-1a, 64 bits: only spreads ids, protects nothing. */
uint64_t network_hash(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (const char *c = text; *c; c++)
        hash = (hash ^ (uint8_t)*c) * 0x100000001b3;
    return hash;
}

void network_host_ifname(const char *id, unsigned attempt, char text[static IFNAMSIZ])
{
    size_t digits = strspn(id, "0123456789abcdef");
    int length = digits >= 11 ? snprintf(text, IFNAMSIZ, "keg%.11s", id)
                              : snprintf(text, IFNAMSIZ, "keg%011llx",
                                         (unsigned long long)(network_hash(id) & 0xfffffffffff));
    if (attempt > 0) {
        text[length] = (char)('a' + (attempt - 1) % 26);
        text[length + 1] = '\0';
    }
}

static void add_peer(struct netlink_batch *batch, const struct network_bridge *bridge, int netns_fd,
                     struct in_addr address)
{
    const struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
    size_t peer = netlink_nest(batch, VETH_INFO_PEER);
    netlink_put(batch, &info, sizeof(info));
    netlink_attr_string(batch, IFLA_IFNAME, NETWORK_IFNAME_INSIDE);
    attr_mac(batch, MAC_INSIDE, address);
    netlink_attr_u32(batch, IFLA_MTU, bridge->mtu);
    netlink_attr_u32(batch, IFLA_NET_NS_FD, (uint32_t)netns_fd);
    netlink_nest_end(batch, peer);
}

/* One message: two or three (create, set master, up) cost twice as much, moving the peer afterwards
 * 26 ms. */
static void add_pair(struct netlink_batch *batch, const struct network_bridge *bridge, int netns_fd,
                     const char *host_ifname, struct in_addr address)
{
    const struct ifinfomsg info = {
        .ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    netlink_begin(batch, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    netlink_put(batch, &info, sizeof(info));
    netlink_attr_string(batch, IFLA_IFNAME, host_ifname);
    netlink_attr_u32(batch, IFLA_MASTER, (uint32_t)bridge->index);
    attr_mac(batch, MAC_HOST, address);
    netlink_attr_u32(batch, IFLA_MTU, bridge->mtu);
    size_t link_info = netlink_nest(batch, IFLA_LINKINFO);
    netlink_attr_string(batch, IFLA_INFO_KIND, "veth");
    size_t data = netlink_nest(batch, IFLA_INFO_DATA);
    add_peer(batch, bridge, netns_fd, address);
    netlink_nest_end(batch, data);
    netlink_nest_end(batch, link_info);
}

int network_attach(const struct network_bridge *bridge, int netns_fd, const char *id,
                   struct in_addr address, struct keg_err *err)
{
    _cleanup_fd_ int fd = netlink_open(NETLINK_ROUTE, err);
    if (fd < 0)
        return fd;
    struct netlink_answer answer;
    char name[IFNAMSIZ];
    for (unsigned attempt = 0; attempt < HOST_IFNAME_ATTEMPTS; attempt++) {
        struct netlink_batch batch = {0};
        network_host_ifname(id, attempt, name);
        add_pair(&batch, bridge, netns_fd, name, address);
        int result = netlink_talk(fd, &batch, &answer);
        if (result == 0)
            return 0;
        if (result != -EEXIST)
            break;
    }
    return netlink_fail(err, &answer, "make the container's link '%s'", name);
}
