/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of /etc/hosts and /etc/resolv.conf. */
#include "cmd/run/plan.h"

#include <string.h>

void plan_hosts(const char *hostname, const char *address, const char *gateway, struct keg_buf *ret)
{
    (void)keg_buf_str(ret, "127.0.0.1\tlocalhost\n"
                           "::1\tlocalhost ip6-localhost ip6-loopback\n"
                           "fe00::\tip6-localnet\n"
                           "ff00::\tip6-mcastprefix\n"
                           "ff02::1\tip6-allnodes\n"
                           "ff02::2\tip6-allrouters\n");
    if (gateway)
        (void)keg_buf_printf(ret, "%s\thost.docker.internal host.containers.internal\n", gateway);
    (void)keg_buf_printf(ret, "%s\t%s\n", address ? address : "127.0.1.1", hostname);
}

static bool is_loopback_server(const char *line, size_t length)
{
    static const char word[] = "nameserver";
    if (length <= sizeof(word) || strncmp(line, word, sizeof(word) - 1) != 0)
        return false;
    line += sizeof(word) - 1;
    line += strspn(line, " \t");
    return strncmp(line, "127.", 4) == 0 || strncmp(line, "::1", 3) == 0;
}

static bool has_server(const char *line, size_t length)
{
    return length > 10 && strncmp(line, "nameserver", 10) == 0;
}

void plan_resolv_conf(const char *host_text, bool own_network, struct keg_buf *ret)
{
    bool any = false;
    while (*host_text) {
        size_t length = strcspn(host_text, "\n");
        if (!(own_network && is_loopback_server(host_text, length))) {
            (void)keg_buf_add(ret, host_text, length);
            (void)keg_buf_str(ret, "\n");
            any |= has_server(host_text, length);
        }
        host_text += length + (host_text[length] == '\n');
    }
    if (!any && own_network)
        (void)keg_buf_str(ret, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
}
