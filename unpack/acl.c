/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX ACLs of tar as xattr values: version 2 of linux/posix_acl_xattr.h, little-endian. */
#include "unpack/acl.h"

#include <archive.h>
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define ACL_VERSION 2u
/* ACL_UNDEFINED_ID: the entry names nobody. */
#define ACL_NO_ID UINT32_MAX

struct acl_header {
    uint32_t version;
};

struct acl_entry {
    uint16_t tag;
    uint16_t permissions;
    uint32_t id;
};

struct tag {
    int archive;
    uint16_t kernel;
};

/* In the order that the kernel wants its entries in (posix_acl_valid()). */
static const struct tag tags[] = {
    {ARCHIVE_ENTRY_ACL_USER_OBJ, 0x01},  {ARCHIVE_ENTRY_ACL_USER, 0x02},
    {ARCHIVE_ENTRY_ACL_GROUP_OBJ, 0x04}, {ARCHIVE_ENTRY_ACL_GROUP, 0x08},
    {ARCHIVE_ENTRY_ACL_MASK, 0x10},      {ARCHIVE_ENTRY_ACL_OTHER, 0x20},
};

static uint16_t kernel_permissions(int set)
{
    return (uint16_t)((set & ARCHIVE_ENTRY_ACL_READ ? 4 : 0) |
                      (set & ARCHIVE_ENTRY_ACL_WRITE ? 2 : 0) |
                      (set & ARCHIVE_ENTRY_ACL_EXECUTE ? 1 : 0));
}

/* Append the entries of one tag. Return their number, or -1 for one that has a name but no number.
 */
static int add_tag(struct archive_entry *entry, int type, const struct tag *tag,
                   struct acl_entry *entries)
{
    int count = 0, found_type, permissions, found_tag, id;
    const char *name;
    archive_entry_acl_reset(entry, type);
    while (archive_entry_acl_next(entry, type, &found_type, &permissions, &found_tag, &id, &name) ==
           ARCHIVE_OK) {
        if (found_tag != tag->archive)
            continue;
        int is_named = tag->kernel == 0x02 || tag->kernel == 0x08;
        if (is_named && id < 0)
            return -1;
        entries[count++] = (struct acl_entry){
            .tag = htole16(tag->kernel),
            .permissions = htole16(kernel_permissions(permissions)),
            .id = htole32(is_named ? (uint32_t)id : ACL_NO_ID),
        };
    }
    return count;
}

int unpack_acl_value(struct archive_entry *entry, bool is_default, void **ret, size_t *ret_size)
{
    int type = is_default ? ARCHIVE_ENTRY_ACL_TYPE_DEFAULT : ARCHIVE_ENTRY_ACL_TYPE_ACCESS;
    int count = archive_entry_acl_reset(entry, type);
    if (count <= 0)
        return 0;
    /* libarchive counts the three entries that are the mode's own, or not, by what else there is.
     */
    size_t room = sizeof(struct acl_header) + ((size_t)count + 3) * sizeof(struct acl_entry);
    char *value = malloc(room);
    if (!value)
        return -ENOMEM;
    *(struct acl_header *)(void *)value = (struct acl_header){.version = htole32(ACL_VERSION)};
    struct acl_entry *entries = (struct acl_entry *)(void *)(value + sizeof(struct acl_header));
    size_t used = 0;
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        int n = add_tag(entry, type, &tags[i], entries + used);
        if (n < 0) {
            free(value);
            return 0;
        }
        used += (size_t)n;
    }
    *ret = value;
    *ret_size = sizeof(struct acl_header) + used * sizeof(struct acl_entry);
    return 1;
}
