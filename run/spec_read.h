/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a config.json, each read into its struct of run/spec.h. Private to run/.
 *
 * All take what they read into zeroed; on an error it holds what was read until then, for whoever
 * owns it to free. */
#pragma once

#include "run/run.h"
#include "run/spec_node.h"

int spec_read_process(const struct spec_node *node, void *ret);   /* struct run_process */
int spec_read_hooks(const struct spec_node *node, void *ret);     /* struct run_hooks[COUNT] */
int spec_read_linux(const struct spec_node *node, void *ret);     /* struct run_spec */
int spec_read_resources(const struct spec_node *node, void *ret); /* struct run_resources */
int spec_read_block_io(const struct spec_node *node, void *ret);  /* struct run_resources */
int spec_read_id_maps(const struct spec_node *node, void *ret);   /* struct run_id_maps */

/* spec_read_seccomp(node, bounding, ret): See run_seccomp_parse(). */
int spec_read_seccomp(const struct spec_node *node, uint64_t bounding,
                      struct run_seccomp_profile *ret);

void spec_seccomp_rule_done(struct run_seccomp_rule *rule);
