/* SPDX-License-Identifier: Apache-2.0 */
/* Raw netlink (netlink(7)): messages built into a buffer of fixed size, sent together, acknowledged
 * each. */
#pragma once

#include "base/base.h"

#include <linux/netlink.h>
#include <stdint.h>

/* The largest batch of ours is below 1 KiB; an answer about one link or chain below 4 KiB. */
#define NETLINK_BATCH_BYTES 2048
#define NETLINK_REPLY_BYTES 8192

/* Messages that are sent in one go. What does not fit sets `failed`, which netlink_talk() reports.
 * / */
struct netlink_batch {
    _Alignas(struct nlmsghdr) char data[NETLINK_BATCH_BYTES];
    size_t length;
    size_t message; /* offset of the message under construction */
    unsigned acks;  /* messages that ask for an acknowledgement */
    bool failed;
};

/* The kernel's answer to a batch. */
struct netlink_answer {
    int code;       /* 0, or -errno of the first message that failed */
    char text[160]; /* the kernel's own words about it (extended ack), or "" */
    _Alignas(
        struct nlmsghdr) char reply[NETLINK_REPLY_BYTES]; /* the first message that is no ack */
    size_t reply_length;                                  /* 0: there was none */
};

/* netlink_open(protocol, err): A close-on-exec socket in the caller's network namespace. fd or
 * -errno. */
int netlink_open(int protocol, struct keg_err *err);

/* netlink_begin(batch, type, flags): Start a message: NLM_F_REQUEST is added. With NLM_F_ACK its
 * acknowledgement is waited for. */
void netlink_begin(struct netlink_batch *batch, uint16_t type, uint16_t flags);

/* netlink_put(batch, data, length): Append a fixed header of the message, aligned. */
void netlink_put(struct netlink_batch *batch, const void *data, size_t length);

void netlink_attr(struct netlink_batch *batch, uint16_t type, const void *data, size_t length);
void netlink_attr_u32(struct netlink_batch *batch, uint16_t type, uint32_t value);
void netlink_attr_string(struct netlink_batch *batch, uint16_t type, const char *value);

/* netlink_nest(batch, type), netlink_nest_end(batch, nest): What is appended between them is
 * inside. */
size_t netlink_nest(struct netlink_batch *batch, uint16_t type);
void netlink_nest_end(struct netlink_batch *batch, size_t nest);

/* netlink_talk(fd, batch, ret): Send ${batch} and read all acknowledgements. Never blocks: the
 * kernel works a request off within sendto(2). Return ret->code. */
int netlink_talk(int fd, const struct netlink_batch *batch, struct netlink_answer *ret);

/* netlink_fail(err, answer, format, ...): keg_fail() with the answer's code, and its words at the
 * end. */
int netlink_fail(struct keg_err *err, const struct netlink_answer *answer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* netlink_find(attributes, length, type, ret_length): The payload of the first attribute ${type},
 * or NULL. */
const void *netlink_find(const void *attributes, size_t length, uint16_t type, size_t *ret_length);

/* netlink_reply_payload(answer, header_bytes, ret_length): Attributes of the reply, behind a fixed
 * header of ${header_bytes}; NULL where there is no (whole) reply. */
const void *netlink_reply_payload(const struct netlink_answer *answer, size_t header_bytes,
                                  size_t *ret_length);
