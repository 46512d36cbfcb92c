/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of run/network*.c share. */
#pragma once

#include "run/netlink.h"
#include "run/network.h"

#define NETWORK_IFNAME_INSIDE "eth0"

/* network_link_index(fd, name): The index of the link ${name}, or -errno (-ENODEV). */
int network_link_index(int fd, const char *name);

/* network_add_address(batch, index, address, prefix_length): Append an RTM_NEWADDR. */
void network_add_address(struct netlink_batch *batch, int index, struct in_addr address,
                         unsigned prefix_length);

/* network_set_up(batch, index): Append an RTM_NEWLINK that sets the link up. */
void network_set_up(struct netlink_batch *batch, int index);

/* network_hash(text): Spreads ids over addresses and names. */
uint64_t network_hash(const char *text);

/* network_check_prefix(network, err): A prefix of 8 to 30 bits, subnet without host bits, gateway
 * inside; else -EINVAL. */
int network_check_prefix(const struct run_network *network, struct keg_err *err);
