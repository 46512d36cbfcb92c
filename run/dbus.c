/* SPDX-License-Identifier: Apache-2.0 */
/* D-Bus messages: written and read. */
#include "run/dbus.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 16

enum field {
    FIELD_PATH = 1,
    FIELD_INTERFACE = 2,
    FIELD_MEMBER = 3,
    FIELD_ERROR_NAME = 4,
    FIELD_REPLY_SERIAL = 5,
    FIELD_SIGNATURE = 8,
};

/* ---- written */

void dbus_put_align(struct keg_buf *body, size_t alignment)
{
    static const char zeroes[8];
    size_t rest = body->length % alignment;
    if (rest)
        keg_buf_add(body, zeroes, alignment - rest);
}

void dbus_put_u32(struct keg_buf *body, uint32_t value)
{
    dbus_put_align(body, sizeof(value));
    keg_buf_add(body, &value, sizeof(value));
}

void dbus_put_u64(struct keg_buf *body, uint64_t value)
{
    dbus_put_align(body, sizeof(value));
    keg_buf_add(body, &value, sizeof(value));
}

void dbus_put_bool(struct keg_buf *body, bool value)
{
    dbus_put_u32(body, value);
}

void dbus_put_string(struct keg_buf *body, const char *value)
{
    size_t length = strlen(value);
    dbus_put_u32(body, (uint32_t)length);
    keg_buf_add(body, value, length + 1);
}

void dbus_put_signature(struct keg_buf *body, const char *value)
{
    uint8_t length = (uint8_t)strlen(value);
    keg_buf_add(body, &length, 1);
    keg_buf_add(body, value, (size_t)length + 1);
}

size_t dbus_open_array(struct keg_buf *body, size_t alignment)
{
    dbus_put_u32(body, 0);
    size_t mark = body->length;
    dbus_put_align(body, alignment);
    return mark;
}

/* What is counted begins with the first element, behind its padding. */
void dbus_close_array(struct keg_buf *body, size_t mark, size_t alignment)
{
    size_t first = (mark + alignment - 1) / alignment * alignment;
    if (body->failed)
        return;
    uint32_t length = (uint32_t)(body->length - first);
    memcpy(body->data + mark - sizeof(length), &length, sizeof(length));
}

/* ---- read */

static bool take(struct dbus_reader *reader, size_t alignment, size_t length)
{
    size_t at = (reader->at + alignment - 1) / alignment * alignment;
    if (reader->failed || at > reader->length || length > reader->length - at) {
        reader->failed = true;
        return false;
    }
    reader->at = at + length;
    return true;
}

uint32_t dbus_take_u32(struct dbus_reader *reader)
{
    uint32_t value;
    if (!take(reader, sizeof(value), sizeof(value)))
        return 0;
    memcpy(&value, reader->data + reader->at - sizeof(value), sizeof(value));
    return value;
}

static uint8_t take_byte(struct dbus_reader *reader)
{
    return take(reader, 1, 1) ? reader->data[reader->at - 1] : 0;
}

static const char *take_text(struct dbus_reader *reader, size_t length)
{
    if (!take(reader, 1, length + 1))
        return "";
    const char *text = (const char *)reader->data + reader->at - length - 1;
    if (strnlen(text, length + 1) == length)
        return text;
    reader->failed = true;
    return "";
}

const char *dbus_take_string(struct dbus_reader *reader)
{
    uint32_t length = dbus_take_u32(reader);
    return take_text(reader, length);
}

static const char *take_signature(struct dbus_reader *reader)
{
    return take_text(reader, take_byte(reader));
}

/* One header field: its code, its type as a signature, its value. */
static void take_field(struct dbus_reader *reader, struct dbus_message *message)
{
    if (!take(reader, 8, 0))
        return;
    uint8_t code = take_byte(reader);
    const char *type = take_signature(reader), *text = "";
    uint32_t number = 0;
    if (strcmp(type, "s") == 0 || strcmp(type, "o") == 0)
        text = dbus_take_string(reader);
    else if (strcmp(type, "g") == 0)
        text = take_signature(reader);
    else if (strcmp(type, "u") == 0)
        number = dbus_take_u32(reader);
    else
        reader->failed = true;
    if (code == FIELD_PATH)
        message->path = text;
    else if (code == FIELD_INTERFACE)
        message->interface = text;
    else if (code == FIELD_MEMBER)
        message->member = text;
    else if (code == FIELD_ERROR_NAME)
        message->error_name = text;
    else if (code == FIELD_SIGNATURE)
        message->signature = text;
    else if (code == FIELD_REPLY_SERIAL)
        message->reply_serial = number;
}

static uint32_t number_at(const uint8_t *bytes, size_t offset)
{
    uint32_t value;
    memcpy(&value, bytes + offset, sizeof(value));
    return value;
}

static uint8_t own_order(void)
{
    return __BYTE_ORDER == __LITTLE_ENDIAN ? 'l' : 'B';
}

size_t dbus_message_length(const uint8_t head[static 16])
{
    uint32_t body = number_at(head, 4), fields = number_at(head, 12);
    if (head[0] != own_order() || head[3] != 1 || body > DBUS_MESSAGE_MAX_BYTES ||
        fields > DBUS_MESSAGE_MAX_BYTES)
        return 0;
    size_t length = HEAD_BYTES + ((size_t)fields + 7) / 8 * 8 + body;
    return length > DBUS_MESSAGE_MAX_BYTES ? 0 : length;
}

int dbus_parse(const uint8_t *bytes, size_t length, struct dbus_message *ret)
{
    if (length < HEAD_BYTES || dbus_message_length(bytes) != length)
        return -EPROTO;
    size_t end = HEAD_BYTES + number_at(bytes, 12);
    size_t body = (end + 7) / 8 * 8;
    struct dbus_reader fields = {.data = bytes, .length = end, .at = HEAD_BYTES};
    *ret = (struct dbus_message){
        .type = (enum dbus_type)bytes[1],
        .serial = number_at(bytes, 8),
        .path = "",
        .interface = "",
        .member = "",
        .error_name = "",
        .signature = "",
        .body = {.data = bytes + body, .length = length - body},
    };
    while (!fields.failed && fields.at < fields.length)
        take_field(&fields, ret);
    return fields.failed ? -EPROTO : 0;
}

void dbus_message_done(struct dbus_message *message)
{
    free(message->bytes);
    *message = (struct dbus_message){0};
}
