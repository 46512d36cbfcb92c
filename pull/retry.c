/* SPDX-License-Identifier: Apache-2.0 */
/* The one retry policy of all requests. */
#include "pull/retry.h"

#include "pull/headers.h"

/* How often a wait looks whether to stop. */
#define STOP_POLL_MS 50

bool retry_is_worth(long status)
{
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

uint64_t retry_delay_ms(unsigned attempt, const char *retry_after, time_t now)
{
    uint64_t seconds = 0;
    uint64_t delay_ms;
    if (headers_retry_after(retry_after, now, &seconds) == 0)
        delay_ms = seconds * 1000;
    else
        delay_ms = (uint64_t)PULL_RETRY_DELAY_MIN_MS << (attempt > 8 ? 8 : attempt - 1);
    return delay_ms < PULL_RETRY_DELAY_MAX_MS ? delay_ms : PULL_RETRY_DELAY_MAX_MS;
}

int retry_wait(const struct pull_stop *stop, uint64_t delay_ms, struct keg_err *err)
{
    int64_t end = keg_monotonic_ms() + (int64_t)delay_ms;
    for (int64_t left; (left = end - keg_monotonic_ms()) > 0;) {
        if (pull_check_stop(stop, err) < 0)
            return -EINTR;
        long step_ms = left < STOP_POLL_MS ? (long)left : STOP_POLL_MS;
        nanosleep(&(struct timespec){.tv_nsec = step_ms * 1000 * 1000}, NULL);
    }
    return 0;
}
