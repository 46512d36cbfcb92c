/* SPDX-License-Identifier: Apache-2.0 */
/* The little of D-Bus that asking systemd for a scope takes (dbus.freedesktop.org, "D-Bus
 * Specification"): one connection, calls with a reply, and signals meanwhile. Parent only. */
#pragma once

#include "base/base.h"

#include <stdbool.h>
#include <stdint.h>

/* A body that is being written. Values are aligned by its beginning, as the specification wants. */
#define DBUS_BODY_MAX_BYTES (256u * 1024)
/* A message that is taken. The other side is systemd, or whoever pretends to be. */
#define DBUS_MESSAGE_MAX_BYTES (1024u * 1024)

void dbus_put_align(struct keg_buf *body, size_t alignment);
void dbus_put_u32(struct keg_buf *body, uint32_t value);
void dbus_put_u64(struct keg_buf *body, uint64_t value);
void dbus_put_bool(struct keg_buf *body, bool value);
void dbus_put_string(struct keg_buf *body, const char *value);
void dbus_put_signature(struct keg_buf *body, const char *value);
/* dbus_open_array(body, alignment): Begin an array of elements of that alignment; what is returned
 * is for dbus_close_array(), behind the last element. */
size_t dbus_open_array(struct keg_buf *body, size_t alignment);
void dbus_close_array(struct keg_buf *body, size_t mark, size_t alignment);

/* A part of a message that is read; `failed` once something did not fit. */
struct dbus_reader {
    const uint8_t *data;
    size_t length, at;
    bool failed;
};

uint32_t dbus_take_u32(struct dbus_reader *reader);
/* dbus_take_string(reader): A string or an object path, inside the message: NUL-terminated, without
 * another NUL. "" where it failed. */
const char *dbus_take_string(struct dbus_reader *reader);

enum dbus_type { DBUS_CALL = 1, DBUS_RETURN = 2, DBUS_ERROR = 3, DBUS_SIGNAL = 4 };

struct dbus_message {
    enum dbus_type type;
    uint32_t serial, reply_serial;
    const char *path, *interface, *member, *error_name, *signature; /* "" where not there */
    struct dbus_reader body;
    uint8_t *bytes; /* on the heap: what those above are in */
};

/* dbus_parse(bytes, length, ret): Pure. One whole message, of this machine's byte order. The
 * strings point into ${bytes}, which must outlive them. 0 or -EPROTO. */
int dbus_parse(const uint8_t *bytes, size_t length, struct dbus_message *ret);
/* dbus_message_length(head): How long the message is whose first 16 bytes are ${head}; 0: it is
 * none, or longer than DBUS_MESSAGE_MAX_BYTES. */
size_t dbus_message_length(const uint8_t head[static 16]);
void dbus_message_done(struct dbus_message *message);

struct dbus {
    int fd;
    uint32_t serial;
    int64_t deadline_ms; /* keg_monotonic_ms(): nothing waits longer */
    void (*on_signal)(const struct dbus_message *message, void *data);
    void *data;
};

/* dbus_connect(address, timeout_ms, ret, err): To a socket's path, or "@name" for an abstract one,
 * as this process's user (SASL EXTERNAL). dbus_close() ends it. */
int dbus_connect(const char *address, int64_t timeout_ms, struct dbus *ret, struct keg_err *err);
void dbus_close(struct dbus *dbus);

struct dbus_method {
    const char *destination, *path, *interface, *member;
};

/* dbus_call(dbus, method, signature, body, ret, err): Call, and wait for the reply; signals that
 * come meanwhile go to on_signal. ${body} with ${signature} "" may be NULL; ${ret} may be. An error
 * in reply is -EREMOTEIO, with its name and words: "NAME: WORDS". -ETIMEDOUT, -ECONNRESET, -EPROTO.
 */
int dbus_call(struct dbus *dbus, const struct dbus_method *method, const char *signature,
              const struct keg_buf *body, struct dbus_message *ret, struct keg_err *err);

/* dbus_next(dbus, err): Wait for one message and hand it to on_signal where it is a signal. */
int dbus_next(struct dbus *dbus, struct keg_err *err);
