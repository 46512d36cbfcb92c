/* SPDX-License-Identifier: Apache-2.0 */
/* What the parsers of manifests and configs share. */
#pragma once

#include "base/base.h"

/* document_refuse_twins(object, names, err): -EPROTO where a member's name differs from one of
 * ${names} (up to NULL) only by case: other tools match names without case and would read the twin
 * instead. */
int document_refuse_twins(const json_t *object, const char *const *names, struct keg_err *err);
