/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX ACLs of tar (SCHILY.acl.*) as the xattrs that the kernel keeps them in. */
#pragma once

#include <archive_entry.h>
#include <stdbool.h>
#include <stddef.h>

#define UNPACK_ACL_ACCESS  "system.posix_acl_access"
#define UNPACK_ACL_DEFAULT "system.posix_acl_default"

/* unpack_acl_value(entry, is_default, ret, ret_size): The access or default ACL of ${entry} as the
 * value of its xattr, for the caller to free. Return 1, or 0 where ${entry} has none, or one that
 * names users without a number (their names mean nothing outside the image: as docker and podman do
 * with every ACL, it is left out), or -ENOMEM. */
int unpack_acl_value(struct archive_entry *entry, bool is_default, void **ret, size_t *ret_size);
