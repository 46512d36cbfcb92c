/* SPDX-License-Identifier: Apache-2.0 */
/* When a failed request is worth another try, and after how long. */
#pragma once

#include "pull/stop.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Tries of one request in all, the first included; and the longest wait between two, whatever the
 * server asks for: an answer of "come back in an hour" is better told to the user. */
#define PULL_ATTEMPTS_MAX       5u
#define PULL_RETRY_DELAY_MAX_MS (60u * 1000)
#define PULL_RETRY_DELAY_MIN_MS 500u

/* retry_is_worth(status): 408, 429 and the 5xx that pass (500, 502, 503, 504). */
bool retry_is_worth(long status);

/* retry_delay_ms(attempt, retry_after, now): How long to wait after failed try number ${attempt}
 * (from 1): what the server asks for in Retry-After, else doubling from PULL_RETRY_DELAY_MIN_MS;
 * never over PULL_RETRY_DELAY_MAX_MS. ${retry_after} may be NULL; garbage and dates in the past
 * count as absent. */
uint64_t retry_delay_ms(unsigned attempt, const char *retry_after, time_t now);

/* retry_wait(stop, delay_ms, err): Wait so long, or until ${stop}: 0 or -EINTR. */
int retry_wait(const struct pull_stop *stop, uint64_t delay_ms, struct keg_err *err);
