/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as text, by a stack of what is open. */
#include "run/spec_writer.h"

#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

struct spec_writer spec_writer_init(struct keg_buf *buf)
{
    return (struct spec_writer){.buf = buf};
}

static void new_line(struct spec_writer *writer, size_t depth)
{
    static const char spaces[SPEC_WRITER_DEPTH * 4 + 1] =
        "                                                ";
    keg_buf_str(writer->buf, "\n");
    keg_buf_add(writer->buf, spaces, depth * 4);
}

/* Bytes of the character that ${text} begins with, or 0 where it is not UTF-8 (RFC 3629: no
 * overlong forms, no surrogates, nothing beyond U+10FFFF). */
static size_t character_length(const unsigned char *text)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max, length;
    } forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    if (text[0] < 0x80)
        return 1;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(forms); i++) {
        if (text[0] < forms[i].first_min || text[0] > forms[i].first_max)
            continue;
        if (text[1] < forms[i].second_min || text[1] > forms[i].second_max)
            return 0;
        for (size_t n = 2; n < forms[i].length; n++)
            if ((text[n] & 0xC0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

static bool is_utf8(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t length = character_length(at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

static void write_escaped(struct keg_buf *buf, const char *text)
{
    static const char plain_escapes[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
    while (*text) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        keg_buf_add(buf, text, plain);
        text += plain;
        if (!*text)
            return;
        const char *escape = strchr(plain_escapes, *text);
        if (escape)
            keg_buf_printf(buf, "\\%c", letters[escape - plain_escapes]);
        else
            keg_buf_printf(buf, "\\u%04x", (unsigned char)*text);
        text++;
    }
}

static void write_text(struct keg_buf *buf, const char *text)
{
    keg_buf_str(buf, "\"");
    write_escaped(buf, is_utf8(text) ? text : REPLACEMENT);
    keg_buf_str(buf, "\"");
}

static void write_bracket(struct spec_writer *writer, size_t level);

/* Comma, line, indentation and name of a value in the innermost that is open at ${depth}. */
static void write_place(struct spec_writer *writer, size_t depth, const char *key)
{
    if (depth > 0) {
        struct spec_writer_level *level = &writer->levels[depth - 1];
        if (!level->written)
            write_bracket(writer, depth - 1);
        if (level->filled)
            keg_buf_str(writer->buf, ",");
        level->filled = true;
        new_line(writer, depth);
    }
    if (key) {
        write_text(writer->buf, key);
        keg_buf_str(writer->buf, ": ");
    }
}

static void write_bracket(struct spec_writer *writer, size_t level)
{
    write_place(writer, level, writer->levels[level].key);
    writer->levels[level].written = true;
    keg_buf_str(writer->buf, writer->levels[level].list ? "[" : "{");
}

static void push(struct spec_writer *writer, const char *key, bool list)
{
    if (writer->depth == SPEC_WRITER_DEPTH) {
        writer->failed = true;
        return;
    }
    writer->levels[writer->depth++] = (struct spec_writer_level){.key = key, .list = list};
}

void spec_open_if_used(struct spec_writer *writer, const char *key)
{
    push(writer, key, false);
}

void spec_open_object(struct spec_writer *writer, const char *key)
{
    push(writer, key, false);
    write_bracket(writer, writer->depth - 1);
}

void spec_open_list(struct spec_writer *writer, const char *key)
{
    push(writer, key, true);
    write_bracket(writer, writer->depth - 1);
}

void spec_close(struct spec_writer *writer)
{
    const struct spec_writer_level *level = &writer->levels[--writer->depth];
    if (level->filled)
        new_line(writer, writer->depth);
    if (level->written)
        keg_buf_str(writer->buf, level->list ? "]" : "}");
}

void spec_put_key(struct spec_writer *writer, const char *key)
{
    write_place(writer, writer->depth, key);
}

void spec_put_bool(struct spec_writer *writer, const char *key, bool value)
{
    spec_put_key(writer, key);
    keg_buf_str(writer->buf, value ? "true" : "false");
}

void spec_put_i64(struct spec_writer *writer, const char *key, int64_t value)
{
    spec_put_key(writer, key);
    keg_buf_printf(writer->buf, "%lld", (long long)value);
}

void spec_put_u64(struct spec_writer *writer, const char *key, uint64_t value)
{
    spec_put_key(writer, key);
    keg_buf_printf(writer->buf, "%llu", (unsigned long long)value);
}

void spec_put_text(struct spec_writer *writer, const char *key, const char *text)
{
    if (!text)
        return;
    spec_put_key(writer, key);
    write_text(writer->buf, text);
}

void spec_put_name(struct spec_writer *writer, const char *key, const struct spec_names *names,
                   uint32_t value)
{
    const char *name = spec_name_of(names, value);
    writer->failed |= !name;
    spec_put_text(writer, key, name);
}

void spec_put_all_names(struct spec_writer *writer, const char *key, const struct spec_names *names)
{
    spec_open_list(writer, key);
    for (size_t i = 0; i < names->count; i++)
        spec_put_text(writer, NULL, names->items[i].name);
    spec_close(writer);
}

void spec_put_flags(struct spec_writer *writer, const char *key, const struct spec_names *names,
                    uint64_t flags)
{
    spec_open_list(writer, key);
    for (size_t i = 0; i < names->count; i++) {
        if (flags & names->items[i].value)
            spec_put_text(writer, NULL, names->items[i].name);
        flags &= ~(uint64_t)names->items[i].value;
    }
    writer->failed |= flags != 0;
    spec_close(writer);
}

void spec_put_texts(struct spec_writer *writer, const char *key, char *const *strings)
{
    if (!strings || !*strings)
        return;
    spec_open_list(writer, key);
    for (; *strings; strings++)
        spec_put_text(writer, NULL, *strings);
    spec_close(writer);
}

void spec_put_pairs(struct spec_writer *writer, const char *key, char *const *pairs)
{
    if (!pairs || !*pairs)
        return;
    spec_open_object(writer, key);
    for (; *pairs; pairs++) {
        const char *equals = strchr(*pairs, '=');
        _cleanup_free_ char *name = equals ? keg_strndup(*pairs, (size_t)(equals - *pairs)) : NULL;
        if (name)
            spec_put_text(writer, name, equals + 1);
        else
            writer->failed = true;
    }
    spec_close(writer);
}
