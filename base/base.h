/* SPDX-License-Identifier: Apache-2.0 */
/* base: what every folder above stands on; it knows nothing of containers. */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/proc.h"
#include "base/source.h"
#include "base/str.h"
