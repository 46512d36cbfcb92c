/* SPDX-License-Identifier: Apache-2.0 */
/* Building netlink messages and reading what the kernel says to them. */
#include "run/netlink.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int netlink_open(int protocol, struct keg_err *err)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        return keg_fail_errno(err, "open a netlink socket");
    int one = 1;
    /* Both only make the answers better or smaller; a kernel without them still answers. */
    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
    return fd;
}

static struct nlmsghdr *current(struct netlink_batch *batch)
{
    return (struct nlmsghdr *)(void *)(batch->data + batch->message);
}

/* Zeroed room of ${length} bytes and padding at the end, or NULL (sticky). */
static void *reserve(struct netlink_batch *batch, size_t length)
{
    size_t aligned = NLMSG_ALIGN(length);
    if (batch->failed || aligned > sizeof(batch->data) - batch->length) {
        batch->failed = true;
        return NULL;
    }
    void *room = batch->data + batch->length;
    memset(room, 0, aligned);
    batch->length += aligned;
    return room;
}

static void *grow(struct netlink_batch *batch, size_t length)
{
    void *room = reserve(batch, length);
    if (room)
        current(batch)->nlmsg_len = (uint32_t)(batch->length - batch->message);
    return room;
}

void netlink_begin(struct netlink_batch *batch, uint16_t type, uint16_t flags)
{
    size_t start = batch->length;
    struct nlmsghdr *header = reserve(batch, sizeof(*header));
    if (!header)
        return;
    batch->message = start;
    if (flags & NLM_F_ACK)
        batch->acks++;
    *header = (struct nlmsghdr){
        .nlmsg_len = sizeof(*header), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags};
}

void netlink_put(struct netlink_batch *batch, const void *data, size_t length)
{
    void *room = grow(batch, length);
    if (room)
        memcpy(room, data, length);
}

void netlink_attr(struct netlink_batch *batch, uint16_t type, const void *data, size_t length)
{
    struct nlattr *attribute = grow(batch, NLA_HDRLEN + length);
    if (!attribute)
        return;
    attribute->nla_type = type;
    attribute->nla_len = (uint16_t)(NLA_HDRLEN + length);
    if (length)
        memcpy((char *)attribute + NLA_HDRLEN, data, length);
}

void netlink_attr_u32(struct netlink_batch *batch, uint16_t type, uint32_t value)
{
    netlink_attr(batch, type, &value, sizeof(value));
}

void netlink_attr_string(struct netlink_batch *batch, uint16_t type, const char *value)
{
    netlink_attr(batch, type, value, strlen(value) + 1);
}

size_t netlink_nest(struct netlink_batch *batch, uint16_t type)
{
    size_t nest = batch->length;
    netlink_attr(batch, type | NLA_F_NESTED, NULL, 0);
    return nest;
}

void netlink_nest_end(struct netlink_batch *batch, size_t nest)
{
    if (batch->failed)
        return;
    struct nlattr *attribute = (struct nlattr *)(void *)(batch->data + nest);
    attribute->nla_len = (uint16_t)(batch->length - nest);
}

/* NLMSG_ERROR with NLM_F_ACK_TLVS carries attributes behind the (capped) copy of our header. */
static void keep_failure(struct netlink_answer *answer, const struct nlmsghdr *header)
{
    const struct nlmsgerr *error = NLMSG_DATA(header);
    answer->code = error->error;
    size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(*error)), length;
    if (!(header->nlmsg_flags & NLM_F_CAPPED))
        skip += NLMSG_ALIGN(error->msg.nlmsg_len) - NLMSG_HDRLEN;
    if (!(header->nlmsg_flags & NLM_F_ACK_TLVS) || skip >= header->nlmsg_len)
        return;
    const char *text = netlink_find((const char *)header + skip, header->nlmsg_len - skip,
                                    NLMSGERR_ATTR_MSG, &length);
    if (text)
        snprintf(answer->text, sizeof(answer->text), "%.*s", (int)strnlen(text, length), text);
}

static void keep_reply(struct netlink_answer *answer, const struct nlmsghdr *header)
{
    if (answer->reply_length || header->nlmsg_len > sizeof(answer->reply))
        return;
    memcpy(answer->reply, header, header->nlmsg_len);
    answer->reply_length = header->nlmsg_len;
}

/* Return how many acknowledgements were in it. */
static unsigned read_datagram(const char *data, size_t length, struct netlink_answer *answer)
{
    unsigned acks = 0;
    const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)data;
    for (size_t rest = length; NLMSG_OK(header, rest); header = NLMSG_NEXT(header, rest)) {
        if (header->nlmsg_type != NLMSG_ERROR) {
            keep_reply(answer, header);
            continue;
        }
        acks++;
        const struct nlmsgerr *error = NLMSG_DATA(header);
        if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(*error)) && error->error && !answer->code)
            keep_failure(answer, header);
    }
    return acks;
}

static int read_answers(int fd, unsigned acks, struct netlink_answer *answer)
{
    _Alignas(struct nlmsghdr) char data[NETLINK_REPLY_BYTES];
    for (unsigned seen = 0; seen < acks;) {
        ssize_t length = recv(fd, data, sizeof(data), MSG_DONTWAIT);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            /* A batch that fails as a whole is acknowledged once. */
            return answer->code ? answer->code : errno == EAGAIN ? -EPROTO : -errno;
        seen += read_datagram(data, (size_t)length, answer);
    }
    return answer->code;
}

int netlink_talk(int fd, const struct netlink_batch *batch, struct netlink_answer *ret)
{
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ret->code = 0;
    ret->text[0] = '\0';
    ret->reply_length = 0;
    if (batch->failed)
        return ret->code = -EMSGSIZE;
    ssize_t sent;
    do
        sent = sendto(fd, batch->data, batch->length, 0,
                      (const struct sockaddr *)(const void *)&kernel, sizeof(kernel));
    while (sent < 0 && errno == EINTR);
    return ret->code = sent < 0 ? -errno : read_answers(fd, batch->acks, ret);
}

int netlink_fail(struct keg_err *err, const struct netlink_answer *answer, const char *format, ...)
{
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    const char *cause = keg_errno_text(answer->code);
    if (answer->text[0])
        return keg_fail(err, answer->code, "%s: %s (%s)", what, cause, answer->text);
    return keg_fail(err, answer->code, "%s: %s", what, cause);
}

const void *netlink_find(const void *attributes, size_t length, uint16_t type, size_t *ret_length)
{
    const char *p = attributes;
    while (length >= NLA_HDRLEN) {
        const struct nlattr *attribute = (const struct nlattr *)(const void *)p;
        if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > length)
            return NULL;
        if ((attribute->nla_type & NLA_TYPE_MASK) == type) {
            *ret_length = attribute->nla_len - NLA_HDRLEN;
            return p + NLA_HDRLEN;
        }
        size_t step = NLA_ALIGN(attribute->nla_len);
        if (step >= length)
            return NULL;
        p += step;
        length -= step;
    }
    return NULL;
}

const void *netlink_reply_payload(const struct netlink_answer *answer, size_t header_bytes,
                                  size_t *ret_length)
{
    size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(header_bytes);
    if (answer->reply_length < skip)
        return NULL;
    *ret_length = answer->reply_length - skip;
    return answer->reply + skip;
}
