/* SPDX-License-Identifier: Apache-2.0 */
/* The WWW-Authenticate header (RFC 9110 §11.6.1): what a registry wants to see before it answers.
 * Pure. */
#pragma once

#include "base/base.h"

#include <stddef.h>

/* One challenge; members that it does not have are NULL. Other parameters are ignored. */
struct challenge {
    char *scheme; /* as it came; compare without case */
    char *realm;
    char *service;
    char *scope;
    char *error;
};

struct challenges {
    struct challenge *items;
    size_t count;
};

/* One answer names Basic, Bearer, and on some servers Negotiate and NTLM. */
#define CHALLENGES_MAX 16

/* challenges_parse(value, list, err): Append the challenges of one header line's ${value} to
 * ${list}; a line may hold several, with quoted strings, backslash escapes and commas between all
 * of them. Return 0, -EPROTO where it is malformed, -E2BIG over CHALLENGES_MAX, or -ENOMEM. */
int challenges_parse(const char *value, struct challenges *list, struct keg_err *err);

/* challenges_find(list, scheme): The first of that scheme, case ignored, or NULL. */
const struct challenge *challenges_find(const struct challenges *list, const char *scheme);

void challenges_done(struct challenges *list);
