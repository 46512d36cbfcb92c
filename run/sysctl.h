/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel parameters that belong to a namespace, and so to a container. */
#pragma once

#include "run/run.h"

#include <limits.h>

/* sysctl_parse(spec, setting, path, ret_value, err): Check "net.ipv4.ip_forward=1" against
 * ${spec}'s namespaces and give its file below /proc ("sys/net/ipv4/ip_forward") in ${path} and the
 * text behind '=' in *ret_value (borrowed). -EINVAL: no '='; a name that is no parameter of a
 * namespace (kernel.core_pattern is the machine's); one whose namespace the container shares;
 * characters that do not belong in a name. Pure. */
int sysctl_parse(const struct run_spec *spec, const char *setting, char path[static PATH_MAX],
                 const char **ret_value, struct keg_err *err);
