/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of config.json for the tests of the reader and the writer. */
#pragma once

#include "run/run.h"

/* What is wrong, as members of the smallest config.json, and the whole message. */
struct spec_refusal {
    const char *members, *message;
};

/* spec_config(members): The smallest config.json, with ${members} added; for the caller to free. */
char *spec_config(const char *members);
/* spec_config_parse(text), spec_config_of(members): The spec, or a failed test. */
struct run_spec *spec_config_parse(const char *text);
struct run_spec *spec_config_of(const char *members);
/* spec_config_refused(text, message): Not taken, with these words. */
void spec_config_refused(const char *text, const char *message);
/* spec_config_refusals(cases, count): The same for members. */
void spec_config_refusals(const struct spec_refusal *cases, size_t count);
