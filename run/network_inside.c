/* SPDX-License-Identifier: Apache-2.0 */
/* The container's side of the network. Runs in the child, in its own network namespace. */
#include "run/network_internal.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

/* The first link of every network namespace (net/core/net_namespace.c registers it at birth). */
#define LOOPBACK_INDEX 1

void network_add_address(struct netlink_batch *batch, int index, struct in_addr address,
                         unsigned prefix_length)
{
    const struct ifaddrmsg message = {.ifa_family = AF_INET,
                                      .ifa_prefixlen = (uint8_t)prefix_length,
                                      .ifa_index = (uint32_t)index};
    netlink_begin(batch, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    netlink_put(batch, &message, sizeof(message));
    netlink_attr(batch, IFA_LOCAL, &address, sizeof(address));
    netlink_attr(batch, IFA_ADDRESS, &address, sizeof(address));
}

void network_set_up(struct netlink_batch *batch, int index)
{
    const struct ifinfomsg message = {
        .ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    netlink_begin(batch, RTM_NEWLINK, NLM_F_ACK);
    netlink_put(batch, &message, sizeof(message));
}

static void add_default_route(struct netlink_batch *batch, int index, struct in_addr gateway)
{
    const struct rtmsg message = {.rtm_family = AF_INET,
                                  .rtm_table = RT_TABLE_MAIN,
                                  .rtm_protocol = RTPROT_BOOT,
                                  .rtm_scope = RT_SCOPE_UNIVERSE,
                                  .rtm_type = RTN_UNICAST};
    netlink_begin(batch, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    netlink_put(batch, &message, sizeof(message));
    netlink_attr(batch, RTA_GATEWAY, &gateway, sizeof(gateway));
    netlink_attr_u32(batch, RTA_OIF, (uint32_t)index);
}

int network_prepare_inside(void)
{
    int result = keg_write_file(AT_FDCWD, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1", 1);
    return result == -ENOENT ? 0 : result;
}

int network_configure_inside(const struct run_network *network, struct in_addr address,
                             struct keg_err *err)
{
    _cleanup_fd_ int fd = netlink_open(NETLINK_ROUTE, err);
    if (fd < 0)
        return fd;
    /* Not always 2: a host with the ipip or sit module has their links in every namespace. */
    int index = network_link_index(fd, NETWORK_IFNAME_INSIDE);
    if (index < 0)
        return keg_fail(err, index, "look for '%s': %s", NETWORK_IFNAME_INSIDE,
                        keg_errno_text(index));
    struct netlink_batch batch = {0};
    struct netlink_answer answer;
    network_set_up(&batch, LOOPBACK_INDEX);
    network_add_address(&batch, index, address, network->prefix_length);
    network_set_up(&batch, index);
    /* After up: the kernel refuses a gateway that no link that is up leads to. */
    add_default_route(&batch, index, network->gateway);
    if (netlink_talk(fd, &batch, &answer) < 0)
        return netlink_fail(err, &answer, "configure '%s'", NETWORK_IFNAME_INSIDE);
    return 0;
}

int network_loopback_inside(struct keg_err *err)
{
    _cleanup_fd_ int fd = netlink_open(NETLINK_ROUTE, err);
    if (fd < 0)
        return fd;
    struct netlink_batch batch = {0};
    struct netlink_answer answer;
    network_set_up(&batch, LOOPBACK_INDEX);
    if (netlink_talk(fd, &batch, &answer) < 0)
        return netlink_fail(err, &answer, "set 'lo' up");
    return 0;
}
