/* SPDX-License-Identifier: Apache-2.0 */
/* Account databases: files of lines with ':' between fields (passwd(5), group(5), subuid(5)), read
 * without NSS. Private to run/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* POSIX leaves uid_t to the system; docker and the OCI spec stop at 2^31-1, so that no -1 gets in.
 */
#define ACCOUNTS_ID_MAX 2147483647u

/* accounts_next(text, fields, count): Cut the next line of at least ${count} fields off *text, in
 * place, and its first ${count} fields into ${fields}; the last one ends at its ':' or the line's
 * end. Lines with fewer are skipped, as every libc does. False at the end. */
bool accounts_next(char **text, char **fields, size_t count);

/* accounts_id(text, ret): A uid or gid: decimal digits, at most ACCOUNTS_ID_MAX. */
bool accounts_id(const char *text, uint32_t *ret);
