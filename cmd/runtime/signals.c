/* SPDX-License-Identifier: Apache-2.0 */
/* Names of signals. */
#include "cmd/runtime/signals.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

/* "RTMIN", "RTMIN+3"; "RTMAX", "RTMAX-3". 0: neither. */
static int parse_realtime(const char *name)
{
    uint64_t offset = 0;
    bool from_min = strncasecmp(name, "RTMIN", 5) == 0;
    if (!from_min && strncasecmp(name, "RTMAX", 5) != 0)
        return 0;
    const char *rest = name + 5;
    if (*rest && (*rest != (from_min ? '+' : '-') ||
                  keg_parse_u64(rest + 1, 0, (uint64_t)(SIGRTMAX - SIGRTMIN), &offset) < 0))
        return 0;
    return from_min ? SIGRTMIN + (int)offset : SIGRTMAX - (int)offset;
}

static int parse_name(const char *name)
{
    for (int i = 1; i < SIGRTMIN; i++) {
        const char *known = sigabbrev_np(i);
        if (known && strcasecmp(known, name) == 0)
            return i;
    }
    return parse_realtime(name);
}

int runtime_signal_parse(const char *text, int *ret, struct keg_err *err)
{
    uint64_t number;
    if (keg_parse_u64(text, 0, (uint64_t)SIGRTMAX, &number) == 0) {
        *ret = (int)number;
        return 0;
    }
    int found = parse_name(strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text);
    if (found == 0)
        return keg_fail(err, -EINVAL, "unknown signal '%s'", text);
    *ret = found;
    return 0;
}
