/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of a network, leased as files: one fact a file, taken by whoever links its name first.
 */
#include "run/network_internal.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Room for "10.78.255.254". */
#define LEASE_NAME_BYTES INET_ADDRSTRLEN

int network_check_prefix(const struct run_network *network, struct keg_err *err)
{
    unsigned length = network->prefix_length;
    if (length < 8 || length > 30)
        return keg_fail(err, -EINVAL, "network '%s': prefix length %u is not between 8 and 30",
                        network->bridge, length);
    uint32_t mask = ~0u << (32 - length), subnet = ntohl(network->subnet.s_addr);
    uint32_t gateway = ntohl(network->gateway.s_addr);
    if ((subnet & ~mask) != 0)
        return keg_fail(err, -EINVAL, "network '%s': the subnet has host bits set",
                        network->bridge);
    if ((gateway & mask) != subnet || gateway == subnet || gateway == (subnet | ~mask))
        return keg_fail(err, -EINVAL, "network '%s': the gateway is no host of the subnet",
                        network->bridge);
    return 0;
}

static bool is_ours(int dirfd, const char *name, const char *id)
{
    char text[NAME_MAX + 2];
    _cleanup_fd_ int fd = keg_openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    ssize_t length = fd < 0 ? fd : keg_read(fd, text, sizeof(text));
    return length >= 0 && (size_t)length == strlen(id) && memcmp(text, id, strlen(id)) == 0;
}

/* 1: taken for ${id}; 0: somebody else's; or -errno. A lease of ${id} itself is one that a crash
 * left, since the caller holds the container's lock. */
static int take(int dirfd, const char *draft, const char *name, const char *id)
{
    if (linkat(dirfd, draft, dirfd, name, 0) == 0)
        return 1;
    if (errno != EEXIST)
        return -errno;
    return is_ours(dirfd, name, id);
}

/* Candidates in a ring of all hosts, from a place that the id decides. */
static int search(const struct run_network *network, int dirfd, const char *draft, const char *id,
                  struct in_addr *ret)
{
    uint32_t subnet = ntohl(network->subnet.s_addr);
    uint32_t hosts = (1u << (32 - network->prefix_length)) - 2;
    uint32_t start = (uint32_t)(network_hash(id) % hosts);
    for (uint32_t i = 0; i < hosts; i++) {
        struct in_addr address = {htonl(subnet + 1 + (start + i) % hosts)};
        char name[LEASE_NAME_BYTES];
        if (address.s_addr == network->gateway.s_addr)
            continue;
        inet_ntop(AF_INET, &address, name, sizeof(name));
        int result = take(dirfd, draft, name, id);
        if (result < 0)
            return result;
        if (result == 1) {
            *ret = address;
            return 0;
        }
    }
    return -EADDRNOTAVAIL;
}

/* The lease is written under a draft's name and linked: linkat(2) fails for a name that is taken,
 * like O_EXCL, and no crash leaves a lease without its owner in it. */
static int write_draft(int dirfd, const char *draft, const char *id)
{
    _cleanup_fd_ int fd = keg_openat(dirfd, draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    return fd < 0 ? fd : keg_write_all(fd, id, strlen(id));
}

static bool format_draft(const char *id, char name[static NAME_MAX + 1])
{
    int length = snprintf(name, NAME_MAX + 1, ".%s", id);
    return id[0] && !strchr(id, '/') && length <= NAME_MAX;
}

int run_network_lease(const struct run_network *network, int leases_dirfd, const char *id,
                      struct in_addr *ret, struct keg_err *err)
{
    char draft[NAME_MAX + 1];
    int result = network_check_prefix(network, err);
    if (result < 0)
        return result;
    if (!format_draft(id, draft))
        return keg_fail(err, -EINVAL, "container id '%s' is not valid", id);
    result = write_draft(leases_dirfd, draft, id);
    if (result == 0)
        result = search(network, leases_dirfd, draft, id, ret);
    unlinkat(leases_dirfd, draft, 0);
    if (result == -EADDRNOTAVAIL)
        return keg_fail(err, result, "network '%s': all addresses are taken", network->bridge);
    if (result < 0)
        return keg_fail(err, result, "network '%s': lease an address: %s", network->bridge,
                        keg_errno_text(result));
    return 0;
}

int run_network_release(int leases_dirfd, const char *id, struct in_addr address)
{
    char name[LEASE_NAME_BYTES], draft[NAME_MAX + 1];
    inet_ntop(AF_INET, &address, name, sizeof(name));
    if (format_draft(id, draft))
        unlinkat(leases_dirfd, draft, 0);
    if (!is_ours(leases_dirfd, name, id))
        return 0;
    return unlinkat(leases_dirfd, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}
