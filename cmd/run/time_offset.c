/* SPDX-License-Identifier: Apache-2.0 */
/* --time-offset: what the clocks of the container are ahead of the host's (time_namespaces(7)). */
#include "cmd/run/plan.h"

#include <string.h>

#define SECOND_NS 1000000000

static const struct {
    const char *name;
    enum run_clock clock;
} clocks[] = {
    {"monotonic", RUN_CLOCK_MONOTONIC},
    {"boottime", RUN_CLOCK_BOOTTIME},
};

static const struct {
    const char *name;
    int64_t seconds;
} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};

static int64_t unit_seconds(const char *name, size_t length)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(units); i++)
        if (strlen(units[i].name) == length && memcmp(units[i].name, name, length) == 0)
            return units[i].seconds;
    return 0;
}

/* "[+-]SECONDS[.FRACTION]" or a whole number and a unit. The fraction always counts upwards, as in
 * a timespec: -1.5 is -2 s and 500,000,000 ns. */
static bool parse_offset(const char *text, size_t length, struct run_time_offset *ret)
{
    const char *at = text, *end = text + length;
    bool negative = *at == '-';
    int64_t whole = 0, scale = SECOND_NS, fraction = 0;
    at += *at == '-' || *at == '+';
    const char *digits = at;
    for (; at < end && *at >= '0' && *at <= '9' && at - digits < 12; at++)
        whole = whole * 10 + (*at - '0');
    if (at == digits)
        return false;
    bool has_fraction = at < end && *at == '.';
    const char *behind = has_fraction ? ++at : at;
    for (; has_fraction && at < end && *at >= '0' && *at <= '9' && at - behind < 9; at++)
        fraction += (*at - '0') * (scale /= 10);
    int64_t unit = unit_seconds(at, (size_t)(end - at));
    if (unit == 0 || (has_fraction && (at == behind || unit != 1)))
        return false;
    whole *= unit;
    ret->set = true;
    ret->seconds = negative ? -whole - (fraction > 0) : whole;
    ret->nanoseconds = (uint32_t)(negative && fraction ? SECOND_NS - fraction : fraction);
    return true;
}

/* "boottime=+1d" */
static bool parse_clock(const char *text, size_t length, struct run_spec *spec)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(clocks); i++) {
        size_t name = strlen(clocks[i].name);
        if (length > name + 1 && memcmp(text, clocks[i].name, name) == 0 && text[name] == '=')
            return parse_offset(text + name + 1, length - name - 1,
                                &spec->time_offsets[clocks[i].clock]);
    }
    return false;
}

int plan_time_offsets(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err)
{
    for (char *const *t = flags->time_offsets; t && *t; t++) {
        for (const char *at = *t;; at++) {
            size_t length = strcspn(at, ",");
            if (!parse_clock(at, length, spec))
                return keg_fail(err, -EINVAL,
                                "--time-offset '%s': not CLOCK=[+-]TIME, where CLOCK is boottime "
                                "or monotonic, and TIME seconds or a number with s, m, h, d or w",
                                *t);
            at += length;
            if (!*at)
                break;
        }
        spec->namespaces[RUN_NS_TIME].wanted = true;
    }
    return 0;
}
