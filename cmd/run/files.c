/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of /etc/hosts and /etc/resolv.conf. */
#include "cmd/run/plan.h"

#include <arpa/inet.h>
#include <string.h>

/* ---- /etc/hosts */

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

/* "NAME:ADDRESS", or "NAME=ADDRESS"; the address may be in brackets. Return its text, or NULL. */
static char *split_host(const char *text, size_t *ret_name_length)
{
    size_t length = strcspn(text, ":=");
    const char *address = text + length + 1;
    if (length == 0 || !text[length] || strcspn(text, " \t\n") < length)
        return NULL;
    size_t bytes = strlen(address);
    bool brackets = bytes > 2 && address[0] == '[' && address[bytes - 1] == ']';
    *ret_name_length = length;
    return keg_strndup(address + brackets, bytes - 2 * brackets);
}

static bool is_address(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

void plan_add_hosts(const struct plan_flags *flags, const char *gateway, struct keg_buf *ret)
{
    for (char *const *h = flags->add_hosts; h && *h; h++) {
        size_t length = 0;
        _cleanup_free_ char *address = split_host(*h, &length);
        const char *text = address;
        if (keg_streq(address, "host-gateway"))
            text = gateway ? gateway : "127.0.0.1";
        if (text)
            (void)keg_buf_printf(ret, "%s\t%.*s\n", text, (int)length, *h);
    }
}

/* ---- /etc/resolv.conf */

static bool is_loopback_server(const char *line, size_t length)
{
    static const char word[] = "nameserver";
    if (length <= sizeof(word) || strncmp(line, word, sizeof(word) - 1) != 0)
        return false;
    line += sizeof(word) - 1;
    line += strspn(line, " \t");
    return strncmp(line, "127.", 4) == 0 || strncmp(line, "::1", 3) == 0;
}

static bool begins_with_word(const char *line, size_t length, const char *word)
{
    size_t bytes = strlen(word);
    return length > bytes && strncmp(line, word, bytes) == 0 && strchr(" \t", line[bytes]);
}

/* A flag replaces all lines of its kind. */
static bool is_replaced(const struct plan_flags *flags, const char *line, size_t length)
{
    return (flags->dns && begins_with_word(line, length, "nameserver")) ||
           (flags->dns_search && (begins_with_word(line, length, "search") ||
                                  begins_with_word(line, length, "domain"))) ||
           (flags->dns_options && begins_with_word(line, length, "options"));
}

static void add_list(const char *word, char *const *values, struct keg_buf *ret)
{
    if (!values || keg_streq(values[0], ".") || !*values[0])
        return;
    (void)keg_buf_str(ret, word);
    for (char *const *v = values; *v; v++)
        (void)keg_buf_printf(ret, " %s", *v);
    (void)keg_buf_str(ret, "\n");
}

void plan_resolv_conf(const struct plan_flags *flags, const char *host_text, const char *instead,
                      struct keg_buf *ret)
{
    bool any = flags->dns;
    while (*host_text) {
        size_t length = strcspn(host_text, "\n");
        if (!is_replaced(flags, host_text, length) &&
            !(instead && is_loopback_server(host_text, length))) {
            (void)keg_buf_add(ret, host_text, length);
            (void)keg_buf_str(ret, "\n");
            any |= begins_with_word(host_text, length, "nameserver");
        }
        host_text += length + (host_text[length] == '\n');
    }
    for (char *const *d = flags->dns; d && *d; d++)
        (void)keg_buf_printf(ret, "nameserver %s\n", *d);
    add_list("search", flags->dns_search, ret);
    add_list("options", flags->dns_options, ret);
    if (!any && instead)
        (void)keg_buf_str(ret, instead);
}

/* ---- flags */

static int check_words(const char *flag, char *const *words, struct keg_err *err)
{
    for (char *const *w = words; w && *w; w++)
        if (strpbrk(*w, " \t\r\n"))
            return keg_fail(err, -EINVAL, "%s '%s': one word, please; the flag can be repeated",
                            flag, *w);
    return 0;
}

int plan_check_hosts(const struct plan_flags *flags, struct keg_err *err)
{
    for (char *const *h = flags->add_hosts; h && *h; h++) {
        size_t length = 0;
        _cleanup_free_ char *address = split_host(*h, &length);
        if (!address || (!keg_streq(address, "host-gateway") && !is_address(address)))
            return keg_fail(err, -EINVAL,
                            "--add-host '%s': not NAME:ADDRESS, such as db:10.0.0.2 or "
                            "host.docker.internal:host-gateway",
                            *h);
    }
    for (char *const *d = flags->dns; d && *d; d++)
        if (!is_address(*d))
            return keg_fail(err, -EINVAL, "--dns '%s': not an IP address", *d);
    int r = check_words("--dns-search", flags->dns_search, err);
    return r == 0 ? check_words("--dns-option", flags->dns_options, err) : r;
}
