/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a config.json, written. Each writes its own member where there is something to say.
 * Private to run/. */
#pragma once

#include "run/run.h"
#include "run/spec_writer.h"

void spec_write_process(struct spec_writer *writer, const struct run_process *process);
void spec_write_hooks(struct spec_writer *writer, const struct run_hooks hooks[RUN_HOOK_COUNT]);
void spec_write_linux(struct spec_writer *writer, const struct run_spec *spec);
void spec_write_resources(struct spec_writer *writer, const struct run_resources *resources);
void spec_write_seccomp(struct spec_writer *writer, const struct run_spec *spec);
void spec_write_id_maps(struct spec_writer *writer, const char *key,
                        const struct run_id_maps *maps);
