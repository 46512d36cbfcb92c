/* SPDX-License-Identifier: Apache-2.0 */
/* --blkio-weight and --device-{read,write}-{bps,iops}. */
#include "cmd/run/plan.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const char *const throttle_flags[RUN_THROTTLE_COUNT] = {
    [RUN_THROTTLE_READ_BPS] = "--device-read-bps",
    [RUN_THROTTLE_WRITE_BPS] = "--device-write-bps",
    [RUN_THROTTLE_READ_IOPS] = "--device-read-iops",
    [RUN_THROTTLE_WRITE_IOPS] = "--device-write-iops",
};

/* "PATH:VALUE": the block device's numbers, and where the value begins. */
static int parse_device(const char *flag, const char *text, dev_t *ret, const char **ret_value,
                        struct keg_err *err)
{
    struct stat st;
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || !colon[1])
        return keg_fail(err, -EINVAL, "%s '%s': not PATH:VALUE", flag, text);
    _cleanup_free_ char *path = keg_strndup(text, (size_t)(colon - text));
    if (!path)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (stat(path, &st) < 0)
        return keg_fail_errno(err, "%s '%s': '%s'", flag, text, path);
    if (!S_ISBLK(st.st_mode))
        return keg_fail(err, -ENOTBLK, "%s '%s': '%s' is not a block device", flag, text, path);
    *ret = st.st_rdev;
    *ret_value = colon + 1;
    return 0;
}

static int add_weight(const char *text, struct run_resources *ret, struct keg_err *err)
{
    dev_t device;
    const char *value;
    uint64_t weight;
    int r = parse_device("--blkio-weight-device", text, &device, &value, err);
    if (r < 0)
        return r;
    if (keg_parse_u64(value, 10, 1000, &weight) < 0)
        return keg_fail(err, -EINVAL,
                        "--blkio-weight-device '%s': the weight is not a number from 10 to 1000",
                        text);
    struct run_block_device *grown =
        reallocarray(ret->block_devices, ret->block_devices_count + 1, sizeof(*grown));
    if (!grown)
        return keg_fail(err, -ENOMEM, "out of memory");
    ret->block_devices = grown;
    grown[ret->block_devices_count++] = (struct run_block_device){
        .major = major(device), .minor = minor(device), .weight = (uint16_t)weight};
    return 0;
}

static bool is_bytes(enum run_throttle_kind kind)
{
    return kind == RUN_THROTTLE_READ_BPS || kind == RUN_THROTTLE_WRITE_BPS;
}

static int add_throttle(enum run_throttle_kind kind, const char *text, struct run_resources *ret,
                        struct keg_err *err)
{
    dev_t device;
    const char *value;
    uint64_t rate;
    int r = parse_device(throttle_flags[kind], text, &device, &value, err);
    if (r < 0)
        return r;
    r = is_bytes(kind) ? keg_parse_size(value, &rate) : keg_parse_u64(value, 1, UINT64_MAX, &rate);
    if (r < 0 || rate == 0)
        return keg_fail(err, -EINVAL, "%s '%s': '%s' is not a %s", throttle_flags[kind], text,
                        value, is_bytes(kind) ? "rate such as 1mb" : "number above 0");
    struct run_throttle *grown =
        reallocarray(ret->throttles, ret->throttles_count + 1, sizeof(*grown));
    if (!grown)
        return keg_fail(err, -ENOMEM, "out of memory");
    ret->throttles = grown;
    grown[ret->throttles_count++] = (struct run_throttle){
        .kind = kind, .major = major(device), .minor = minor(device), .rate = rate};
    return 0;
}

int plan_block_io(const struct plan_flags *flags, struct run_resources *ret, struct keg_err *err)
{
    uint64_t weight = 0;
    int r = 0;
    /* docker takes 0 for "none". */
    if (flags->blkio_weight && keg_parse_u64(flags->blkio_weight, 0, 1000, &weight) < 0)
        weight = 1;
    if (weight && weight < 10)
        return keg_fail(err, -EINVAL, "--blkio-weight '%s': not a number from 10 to 1000",
                        flags->blkio_weight);
    ret->blkio_weight = (uint16_t)weight;
    for (char *const *w = flags->blkio_weight_devices; r == 0 && w && *w; w++)
        r = add_weight(*w, ret, err);
    for (size_t kind = 0; kind < RUN_THROTTLE_COUNT; kind++)
        for (char *const *t = flags->throttles[kind]; r == 0 && t && *t; t++)
            r = add_throttle((enum run_throttle_kind)kind, *t, ret, err);
    return r;
}
