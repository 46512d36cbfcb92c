/* SPDX-License-Identifier: Apache-2.0 */
/* What a filter answers, worked out in user space; and libseccomp's filters, to compare with. */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* simulate_filter(filter, length, data): What ${filter} returns for ${data}. Aborts the test at an
 * instruction that neither libseccomp nor keg uses, and where the kernel would refuse it. */
uint32_t simulate_filter(const struct sock_filter *filter, size_t length,
                         const struct seccomp_data *data);

/* export_filter(ctx, ret, room): The filter that libseccomp makes; returns its length. */
size_t export_filter(scmp_filter_ctx ctx, struct sock_filter *ret, size_t room);
