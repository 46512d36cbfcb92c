/* SPDX-License-Identifier: Apache-2.0 */
/* The masquerade rule as nfnetlink messages (linux/netfilter/nf_tables.h); numbers in them are
 * big-endian. */
#include "run/nft.h"
#include "run/netlink.h"
#include "run/network.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

/* "srcnat" in nft's words. */
#define PRIORITY_SRCNAT      100
#define IPV4_SOURCE_OFFSET   12
#define CHAIN_NAME_MAX_BYTES 64

static void begin(struct netlink_batch *batch, uint16_t type, uint16_t flags)
{
    const struct nfgenmsg header = {.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0};
    netlink_begin(batch, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags | NLM_F_ACK);
    netlink_put(batch, &header, sizeof(header));
}

static void mark(struct netlink_batch *batch, uint16_t type)
{
    const struct nfgenmsg header = {.version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
    netlink_begin(batch, type, 0);
    netlink_put(batch, &header, sizeof(header));
}

static void attr_be32(struct netlink_batch *batch, uint16_t type, uint32_t value)
{
    netlink_attr_u32(batch, type, htonl(value));
}

/* A value in an attribute of its own, as registers are compared with. */
static void attr_data(struct netlink_batch *batch, uint16_t type, const void *data, size_t length)
{
    size_t nest = netlink_nest(batch, type);
    netlink_attr(batch, NFTA_DATA_VALUE, data, length);
    netlink_nest_end(batch, nest);
}

/* An expression of a rule under construction: begin_expression(), its attributes, end_expression().
 */
struct expression {
    size_t element, data;
};

static struct expression begin_expression(struct netlink_batch *batch, const char *name)
{
    struct expression e = {.element = netlink_nest(batch, NFTA_LIST_ELEM)};
    netlink_attr_string(batch, NFTA_EXPR_NAME, name);
    e.data = netlink_nest(batch, NFTA_EXPR_DATA);
    return e;
}

static void end_expression(struct netlink_batch *batch, struct expression e)
{
    netlink_nest_end(batch, e.data);
    netlink_nest_end(batch, e.element);
}

static void load_meta(struct netlink_batch *batch, uint32_t key)
{
    struct expression e = begin_expression(batch, "meta");
    attr_be32(batch, NFTA_META_KEY, key);
    attr_be32(batch, NFTA_META_DREG, NFT_REG_1);
    end_expression(batch, e);
}

static void load_source_address(struct netlink_batch *batch)
{
    struct expression e = begin_expression(batch, "payload");
    attr_be32(batch, NFTA_PAYLOAD_DREG, NFT_REG_1);
    attr_be32(batch, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
    attr_be32(batch, NFTA_PAYLOAD_OFFSET, IPV4_SOURCE_OFFSET);
    attr_be32(batch, NFTA_PAYLOAD_LEN, sizeof(struct in_addr));
    end_expression(batch, e);
}

static void mask(struct netlink_batch *batch, unsigned prefix_length)
{
    const uint32_t bits = htonl(~0u << (32 - prefix_length)), zero = 0;
    struct expression e = begin_expression(batch, "bitwise");
    attr_be32(batch, NFTA_BITWISE_SREG, NFT_REG_1);
    attr_be32(batch, NFTA_BITWISE_DREG, NFT_REG_1);
    attr_be32(batch, NFTA_BITWISE_LEN, sizeof(bits));
    attr_data(batch, NFTA_BITWISE_MASK, &bits, sizeof(bits));
    attr_data(batch, NFTA_BITWISE_XOR, &zero, sizeof(zero));
    end_expression(batch, e);
}

static void compare(struct netlink_batch *batch, uint32_t operator, const void * data,
                    size_t length)
{
    struct expression e = begin_expression(batch, "cmp");
    attr_be32(batch, NFTA_CMP_SREG, NFT_REG_1);
    attr_be32(batch, NFTA_CMP_OP, operator);
    attr_data(batch, NFTA_CMP_DATA, data, length);
    end_expression(batch, e);
}

static void chain_name(const struct run_network *network, char text[static CHAIN_NAME_MAX_BYTES])
{
    snprintf(text, CHAIN_NAME_MAX_BYTES, "postrouting-%s", network->bridge);
}

/* Without NLM_F_EXCL what is there already is kept. */
static void add_table(struct netlink_batch *batch)
{
    begin(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    netlink_attr_string(batch, NFTA_TABLE_NAME, NFT_TABLE);
}

static void add_chain(struct netlink_batch *batch, const char *chain)
{
    begin(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    netlink_attr_string(batch, NFTA_CHAIN_TABLE, NFT_TABLE);
    netlink_attr_string(batch, NFTA_CHAIN_NAME, chain);
    size_t hook = netlink_nest(batch, NFTA_CHAIN_HOOK);
    attr_be32(batch, NFTA_HOOK_HOOKNUM, NF_INET_POST_ROUTING);
    attr_be32(batch, NFTA_HOOK_PRIORITY, PRIORITY_SRCNAT);
    netlink_nest_end(batch, hook);
    attr_be32(batch, NFTA_CHAIN_POLICY, NF_ACCEPT);
    netlink_attr_string(batch, NFTA_CHAIN_TYPE, "nat");
}

/* A DELRULE without a handle empties the chain. */
static void flush_chain(struct netlink_batch *batch, const char *chain)
{
    begin(batch, NFT_MSG_DELRULE, 0);
    netlink_attr_string(batch, NFTA_RULE_TABLE, NFT_TABLE);
    netlink_attr_string(batch, NFTA_RULE_CHAIN, chain);
}

/* ip saddr SUBNET oifname != BRIDGE masquerade */
static void add_rule(struct netlink_batch *batch, const char *chain,
                     const struct run_network *network)
{
    const uint8_t ipv4 = NFPROTO_IPV4;
    char bridge[IFNAMSIZ] = "";
    snprintf(bridge, sizeof(bridge), "%s", network->bridge);
    begin(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    netlink_attr_string(batch, NFTA_RULE_TABLE, NFT_TABLE);
    netlink_attr_string(batch, NFTA_RULE_CHAIN, chain);
    size_t expressions = netlink_nest(batch, NFTA_RULE_EXPRESSIONS);
    load_meta(batch, NFT_META_NFPROTO);
    compare(batch, NFT_CMP_EQ, &ipv4, sizeof(ipv4));
    load_source_address(batch);
    mask(batch, network->prefix_length);
    compare(batch, NFT_CMP_EQ, &network->subnet, sizeof(network->subnet));
    load_meta(batch, NFT_META_OIFNAME);
    compare(batch, NFT_CMP_NEQ, bridge, sizeof(bridge));
    end_expression(batch, begin_expression(batch, "masq"));
    netlink_nest_end(batch, expressions);
}

/* Is the chain there, with a rule? 1, 0 or -errno. */
static int has_rule(int fd, const char *chain)
{
    struct netlink_batch question = {0};
    struct netlink_answer answer;
    begin(&question, NFT_MSG_GETCHAIN, 0);
    netlink_attr_string(&question, NFTA_CHAIN_TABLE, NFT_TABLE);
    netlink_attr_string(&question, NFTA_CHAIN_NAME, chain);
    int result = netlink_talk(fd, &question, &answer);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    size_t length, use_length;
    const void *attributes = netlink_reply_payload(&answer, sizeof(struct nfgenmsg), &length);
    const void *use =
        attributes ? netlink_find(attributes, length, NFTA_CHAIN_USE, &use_length) : NULL;
    uint32_t rules = 0;
    if (use && use_length == sizeof(rules))
        memcpy(&rules, use, sizeof(rules));
    return rules != 0;
}

static int make_masquerade(int fd, const char *chain, const struct run_network *network,
                           struct keg_err *err)
{
    struct netlink_batch batch = {0};
    struct netlink_answer answer;
    mark(&batch, NFNL_MSG_BATCH_BEGIN);
    add_table(&batch);
    add_chain(&batch, chain);
    flush_chain(&batch, chain);
    add_rule(&batch, chain, network);
    mark(&batch, NFNL_MSG_BATCH_END);
    if (netlink_talk(fd, &batch, &answer) < 0)
        return netlink_fail(err, &answer, "nftables: make the masquerade rule of '%s'",
                            network->bridge);
    return 0;
}

int nft_ensure_masquerade(const struct run_network *network, struct keg_err *err)
{
    char chain[CHAIN_NAME_MAX_BYTES];
    chain_name(network, chain);
    _cleanup_fd_ int fd = netlink_open(NETLINK_NETFILTER, err);
    if (fd < 0)
        return fd == -EPROTONOSUPPORT
                   ? keg_fail(err, -ENOTSUP, "this kernel has no nftables (CONFIG_NF_TABLES)")
                   : fd;
    int result = has_rule(fd, chain);
    if (result == 1)
        return 0;
    if (result == -EINVAL || result == -EOPNOTSUPP)
        return keg_fail(err, -ENOTSUP, "this kernel has no nftables (CONFIG_NF_TABLES_INET)");
    if (result < 0)
        return keg_fail(err, result, "nftables: look for chain '%s': %s", chain,
                        keg_errno_text(result));
    return make_masquerade(fd, chain, network, err);
}

bool network_has_nftables(void)
{
    _cleanup_fd_ int fd = netlink_open(NETLINK_NETFILTER, NULL);
    return fd >= 0 && has_rule(fd, "none") >= 0;
}
