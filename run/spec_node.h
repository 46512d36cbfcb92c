/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a document of the runtime spec: values that know the way to them, so that an error can
 * say "linux.namespaces[2].type: unknown namespace 'pidd'". Private to run/.
 *
 * Functions return 0 (or as said) and -EINVAL with words, or -ENOMEM. */
#pragma once

#include "base/base.h"
#include "run/spec_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole number that int64_t does not hold, as JSON writes it. */
struct spec_number {
    bool negative, overflow; /* overflow: uint64_t does not hold it either */
    uint64_t value;
};

struct spec_document {
    json_t *json;
    struct spec_number *numbers;
    size_t numbers_count;
    char ***warnings; /* lines are added to it; NULL: nobody wants them */
    struct keg_err *err;
};

/* One value. `parent` is NULL for the document itself; `key` is NULL for an item of a list. They
 * live on the reader's stack, a child no longer than its parent. */
struct spec_node {
    struct spec_document *document;
    const struct spec_node *parent;
    const char *key;
    size_t index;
    const json_t *value;
};

/* spec_document_parse(text, length, ret_warnings, ret, err): Parse, exactly also for whole numbers
 * from 2^63 to 2^64-1, which jansson cannot hold; ${err} is used by all that read from it.
 * -EPROTO with line and column where it is not JSON. spec_document_done() frees it. */
int spec_document_parse(const char *text, size_t length, char ***ret_warnings,
                        struct spec_document *ret, struct keg_err *err);
void spec_document_done(struct spec_document *document);
struct spec_node spec_document_root(struct spec_document *document);

/* spec_fail(node, format, ...): -EINVAL, with the path of ${node} and ": " in front of the text. */
int spec_fail(const struct spec_node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* spec_fail_at(node, key, format, ...): The same of its member ${key}, which may be missing. */
int spec_fail_at(const struct spec_node *node, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int spec_out_of_memory(const struct spec_node *node);
/* spec_warn(node, format, ...): A line for the warnings. */
int spec_warn(const struct spec_node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* spec_member(node, key, ret): The member ${key} of the object ${node}: 1, or 0 where it is missing
 * or null, which JSON writers of other languages put for missing. */
int spec_member(const struct spec_node *node, const char *key, struct spec_node *ret);

/* One member of an object: how it is read, and where it goes in the struct that the object is read
 * into. */
struct spec_field {
    const char *key;
    int (*read)(const struct spec_node *node, void *ret);
    size_t offset;
    bool required;
};
/* spec_fields(node, fields, count, ret): Read those members of the object ${node} that are there
 * and not null; a missing required one is an error. Others are ignored (config.md,
 * "Extensibility"). */
int spec_fields(const struct spec_node *node, const struct spec_field *fields, size_t count,
                void *ret);
#define SPEC_FIELDS(node, fields, ret) spec_fields(node, fields, KEG_ARRAY_SIZE(fields), ret)

/* spec_list(node, item_bytes, read, ret_items, ret_count): A list as a new array of structs of
 * ${item_bytes} that ${read} fills. *ret_items and *ret_count hold what was read on an error, too,
 * the half-read one included: whoever owns them frees them. They must be empty before. */
int spec_list(const struct spec_node *node, size_t item_bytes,
              int (*read)(const struct spec_node *node, void *ret), void **ret_items,
              size_t *ret_count);
/* spec_each_member(node, read, ret), spec_each_item(node, read, ret): ${read} for each member of an
 * object, or item of a list. */
int spec_each_member(const struct spec_node *node,
                     int (*read)(const struct spec_node *node, void *ret), void *ret);
int spec_each_item(const struct spec_node *node,
                   int (*read)(const struct spec_node *node, void *ret), void *ret);

/* Readers for struct spec_field, with the type that ${ret} points to. */
int spec_bool(const struct spec_node *node, void *ret);  /* bool */
int spec_i64(const struct spec_node *node, void *ret);   /* int64_t */
int spec_u64(const struct spec_node *node, void *ret);   /* uint64_t */
int spec_i32(const struct spec_node *node, void *ret);   /* int32_t */
int spec_u32(const struct spec_node *node, void *ret);   /* uint32_t */
int spec_u16(const struct spec_node *node, void *ret);   /* uint16_t */
int spec_id(const struct spec_node *node, void *ret);    /* uid_t or gid_t, not (uid_t)-1 */
int spec_text(const struct spec_node *node, void *ret);  /* char *; "" gives NULL */
int spec_path(const struct spec_node *node, void *ret);  /* char *; absolute; "" gives NULL */
int spec_texts(const struct spec_node *node, void *ret); /* char **; [] gives NULL */
int spec_paths(const struct spec_node *node, void *ret); /* char **; absolute ones */
/* spec_add_pair(node, ret): The text with its name in front, "name=text", appended to the char **
 * that ${ret} points to; for spec_each_member(). */
int spec_add_pair(const struct spec_node *node, void *ret);

/* spec_string(node, ret): The text itself, borrowed, at most KEG_SPEC_TEXT_MAX_BYTES. */
int spec_string(const struct spec_node *node, const char **ret);
/* Numbers from ${min} to ${max}. */
int spec_signed(const struct spec_node *node, int64_t min, int64_t max, int64_t *ret);
int spec_unsigned(const struct spec_node *node, uint64_t min, uint64_t max, uint64_t *ret);
/* spec_named(node, names, ret): One of ${names}, by its value. */
int spec_named(const struct spec_node *node, const struct spec_names *names, uint32_t *ret);
