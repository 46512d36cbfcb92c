/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as Go writes them. */
#include "cmd/runtime/duration.h"

#include <string.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static int64_t unit_ms(const char *name)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(units); i++)
        if (keg_streq(units[i].name, name))
            return units[i].ms;
    return 0;
}

int runtime_duration_parse(const char *text, int64_t *ret_ms, struct keg_err *err)
{
    int64_t count;
    size_t digits = strspn(text, "0123456789");
    int64_t unit = unit_ms(text + digits);
    _cleanup_free_ char *number = keg_strndup(text, digits);
    if (!number || unit == 0 || keg_parse_i64(number, 1, DAY_MS / unit, &count) < 0)
        return keg_fail(err, -EINVAL, "'%s' is not a duration above 0 (like 500ms, 5s or 1m)",
                        text);
    *ret_ms = count * unit;
    return 0;
}
