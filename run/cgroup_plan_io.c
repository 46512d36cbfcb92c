/* SPDX-License-Identifier: Apache-2.0 */
/* Block io limits in a plan: cgroup-v1/blkio-controller.rst, cgroup-v2.rst "IO", bfq-iosched.rst.
 */
#include "run/cgroup_internal.h"

#include <inttypes.h>
#include <stdio.h>

/* config-linux.md, "Block IO" */
#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000

static int check_weight(const struct cgroup_planner *p, const char *limit, unsigned weight)
{
    if (weight >= WEIGHT_MIN && weight <= WEIGHT_MAX)
        return 0;
    return keg_fail(p->err, -EINVAL, "%s: %u is not between %d and %d", limit, weight, WEIGHT_MIN,
                    WEIGHT_MAX);
}

/* v1's 10-1000 in v2's 1-10000, as runc and crun have it. */
static unsigned io_weight(unsigned weight)
{
    return 1 + (weight - WEIGHT_MIN) * 9999 / (WEIGHT_MAX - WEIGHT_MIN);
}

/* BFQ's file takes v1's weights on both versions. Where that scheduler is not loaded v2 has the
 * weights of the io cost model, and old kernels v1's own ones of CFQ. ${device} is "" or "8:0 ". */
static int add_weight(const struct cgroup_planner *p, struct cgroup_write write, const char *device,
                      unsigned weight)
{
    int result = check_weight(p, write.limit, weight);
    if (result == 0)
        result = cgroup_plan_need(p, CGROUP_IO, write.limit);
    if (result < 0)
        return result;
    unsigned other = cgroup_plan_is_v2(p) ? io_weight(weight) : weight;
    /* Both values in one text. */
    const size_t size = 64;
    write.text = calloc(2, size);
    if (!write.text)
        return keg_fail(p->err, -ENOMEM, "out of memory");
    snprintf(write.text, size, "%s%u", device, weight);
    snprintf(write.text + size, size, "%s%u", device, other);
    write.value = write.text;
    write.other_value = write.text + size;
    return cgroup_plan_take(p, &write);
}

static int plan_weight(const struct cgroup_planner *p)
{
    bool v2 = cgroup_plan_is_v2(p);
    const struct cgroup_write write = {.controller = CGROUP_IO,
                                       .limit = "block io weight",
                                       .file = v2 ? "io.bfq.weight" : "blkio.bfq.weight",
                                       .other_file = v2 ? "io.weight" : "blkio.weight"};
    return p->resources->blkio_weight ? add_weight(p, write, "", p->resources->blkio_weight) : 0;
}

/* Weights against the groups below were CFQ's, which Linux 5.0 took away. */
static int add_leaf_weight(const struct cgroup_planner *p, const char *file, const char *device,
                           unsigned weight)
{
    const struct cgroup_write write = {
        .controller = CGROUP_IO, .limit = "block io leaf weight", .file = file};
    if (!weight)
        return 0;
    int result = check_weight(p, write.limit, weight);
    if (result < 0)
        return result;
    return cgroup_plan_is_v2(p) ? cgroup_plan_unsupported(p, write.limit)
                                : cgroup_plan_add(p, write, "%s%u", device, weight);
}

static int format_device(const struct cgroup_planner *p, int64_t major, int64_t minor,
                         char ret[static 32])
{
    if (major < 0 || minor < 0 || major > UINT32_MAX || minor > UINT32_MAX)
        return keg_fail(p->err, -EINVAL, "block io: %" PRId64 ":%" PRId64 " is no block device",
                        major, minor);
    snprintf(ret, 32, "%" PRId64 ":%" PRId64 " ", major, minor);
    return 0;
}

static int plan_device(const struct cgroup_planner *p, const struct run_block_device *device)
{
    bool v2 = cgroup_plan_is_v2(p);
    const struct cgroup_write write = {
        .controller = CGROUP_IO,
        .limit = "block io device weight",
        .file = v2 ? "io.bfq.weight" : "blkio.bfq.weight_device",
        .other_file = v2 ? "io.weight" : "blkio.weight_device",
    };
    char name[32];
    int result = format_device(p, device->major, device->minor, name);
    if (result == 0 && device->weight)
        result = add_weight(p, write, name, device->weight);
    if (result == 0)
        result = add_leaf_weight(p, "blkio.leaf_weight_device", name, device->leaf_weight);
    return result;
}

static const struct {
    const char *limit, *file, *key;
} throttles[RUN_THROTTLE_COUNT] = {
    [RUN_THROTTLE_READ_BPS] = {"block io read rate", "blkio.throttle.read_bps_device", "rbps"},
    [RUN_THROTTLE_WRITE_BPS] = {"block io write rate", "blkio.throttle.write_bps_device", "wbps"},
    [RUN_THROTTLE_READ_IOPS] = {"block io reads", "blkio.throttle.read_iops_device", "riops"},
    [RUN_THROTTLE_WRITE_IOPS] = {"block io writes", "blkio.throttle.write_iops_device", "wiops"},
};

/* 0 takes the limit away. */
static int plan_throttle(const struct cgroup_planner *p, const struct run_throttle *throttle)
{
    struct cgroup_write write = {.controller = CGROUP_IO, .limit = throttles[throttle->kind].limit};
    char device[32];
    int result = format_device(p, throttle->major, throttle->minor, device);
    if (result < 0)
        return result;
    write.file = cgroup_plan_is_v2(p) ? "io.max" : throttles[throttle->kind].file;
    if (!cgroup_plan_is_v2(p))
        return cgroup_plan_add(p, write, "%s%" PRIu64, device, throttle->rate);
    if (!throttle->rate)
        return cgroup_plan_add(p, write, "%s%s=max", device, throttles[throttle->kind].key);
    return cgroup_plan_add(p, write, "%s%s=%" PRIu64, device, throttles[throttle->kind].key,
                           throttle->rate);
}

int cgroup_plan_block_io(const struct cgroup_planner *p)
{
    const struct run_resources *r = p->resources;
    int result = plan_weight(p);
    if (result == 0)
        result = add_leaf_weight(p, "blkio.leaf_weight", "", r->blkio_leaf_weight);
    for (size_t i = 0; result == 0 && i < r->block_devices_count; i++)
        result = plan_device(p, &r->block_devices[i]);
    for (size_t i = 0; result == 0 && i < r->throttles_count; i++)
        result = plan_throttle(p, &r->throttles[i]);
    return result;
}
