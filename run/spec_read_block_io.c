/* SPDX-License-Identifier: Apache-2.0 */
/* Weights and rates of block devices (config-linux.md, "Block IO"). */
#include "run/spec_read.h"

#include <stddef.h>

/* What no scheduler of the kernel goes beyond; 0 is "not set" to engines. The least that is taken
 * depends on the scheduler, 10 or 1, and the kernel says so. */
#define WEIGHT_MAX 1000

static int read_weight(const struct spec_node *node, void *ret)
{
    uint64_t value = 0;
    int r = spec_unsigned(node, 0, WEIGHT_MAX, &value);
    if (r >= 0)
        *(uint16_t *)ret = (uint16_t)value;
    return r;
}

static int read_number(const struct spec_node *node, void *ret)
{
    return spec_signed(node, 0, UINT32_MAX, ret);
}

static int read_device(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"major", read_number, offsetof(struct run_block_device, major), true},
        {"minor", read_number, offsetof(struct run_block_device, minor), true},
        {"weight", read_weight, offsetof(struct run_block_device, weight), false},
        {"leafWeight", read_weight, offsetof(struct run_block_device, leaf_weight), false},
    };
    const struct run_block_device *device = ret;
    int r = SPEC_FIELDS(node, fields, ret);
    if (r >= 0 && device->weight == 0 && device->leaf_weight == 0)
        return spec_fail(node, "neither weight nor leafWeight");
    return r;
}

static int read_devices(const struct spec_node *node, void *ret)
{
    struct run_resources *resources = ret;
    return spec_list(node, sizeof(*resources->block_devices), read_device,
                     (void **)&resources->block_devices, &resources->block_devices_count);
}

static int read_throttle(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"major", read_number, offsetof(struct run_throttle, major), true},
        {"minor", read_number, offsetof(struct run_throttle, minor), true},
        {"rate", spec_u64, offsetof(struct run_throttle, rate), true},
    };
    return SPEC_FIELDS(node, fields, ret);
}

/* One list for each kind in the document, one for all in memory. */
static int add_throttles(const struct spec_node *node, enum run_throttle_kind kind,
                         struct run_resources *resources)
{
    struct run_throttle *list = NULL;
    size_t count = 0, before = resources->throttles_count;
    int r = spec_list(node, sizeof(*list), read_throttle, (void **)&list, &count);
    struct run_throttle *all =
        r < 0 || count == 0 ? NULL
                            : reallocarray(resources->throttles, before + count, sizeof(*all));
    for (size_t i = 0; all && i < count; i++) {
        all[before + i] = list[i];
        all[before + i].kind = kind;
    }
    free(list);
    if (r < 0 || count == 0)
        return r;
    if (!all)
        return spec_out_of_memory(node);
    resources->throttles = all;
    resources->throttles_count = before + count;
    return 0;
}

static int read_throttles(const struct spec_node *node, struct run_resources *resources)
{
    for (size_t i = 0; i < spec_throttles.count; i++) {
        struct spec_node member;
        int r = spec_member(node, spec_throttles.items[i].name, &member);
        if (r > 0)
            r = add_throttles(&member, (enum run_throttle_kind)spec_throttles.items[i].value,
                              resources);
        if (r < 0)
            return r;
    }
    return 0;
}

int spec_read_block_io(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"weight", read_weight, offsetof(struct run_resources, blkio_weight), false},
        {"leafWeight", read_weight, offsetof(struct run_resources, blkio_leaf_weight), false},
        {"weightDevice", read_devices, 0, false},
    };
    int r = SPEC_FIELDS(node, fields, ret);
    return r < 0 ? r : read_throttles(node, ret);
}
