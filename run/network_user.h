/* SPDX-License-Identifier: Apache-2.0 */
/* A network without privilege: a program that carries what a container sends by sockets of its own.
 * Private to run/; how it looks from inside is in run/run.h (struct run_network_user). */
#pragma once

#include "run/run.h"
#include "run/state.h"

/* network_user_start(network, netns_fd, ret_pid, err): Start the first program of ${network} that
 * can serve the network namespace ${netns_fd}, a child of this process that ends with it. Returns
 * when "eth0" is configured. -ENOENT: there is no program; else what the programs said. */
int network_user_start(const struct run_network_user *network, int netns_fd, pid_t *ret_pid,
                       struct keg_err *err);

/* network_user_stop(state): Kill the program that ${state} names, and no other that got its number
 * since; reap it where it is a child of this process. Nothing where there is none. */
void network_user_stop(const struct state *state);

/* network_user_arguments(program, ret): How the program at ${program}, a pasta(1) or else a
 * slirp4netns(1), is run, with the network namespace as fd 0. 0 or -ENOMEM. */
int network_user_arguments(const char *program, char ***ret);

/* network_user_words(text): The line of ${text}, what such a program said, that tells why it ended.
 * Cuts ${text}; never NULL. */
const char *network_user_words(char *text);
