/* SPDX-License-Identifier: Apache-2.0 */
/* Facts in docker's words: how long ago, which status, which command. All take the time as an
 * argument. */
#pragma once

#include "base/base.h"

#include <stdbool.h>
#include <time.h>

#define CMD_ID_BYTES 13

/* cmd_short_id(id, text): The first twelve hex digits of an id or digest, the algorithm cut off. */
void cmd_short_id(const char *id, char text[static CMD_ID_BYTES]);

/* cmd_ago(t, now, text): "3 weeks ago"; "N/A" where ${t} is not set. A time that is yet to come
 * (another machine's clock made the image) is "Less than a second ago". ${text} holds 64. */
void cmd_ago(struct timespec t, struct timespec now, char text[static 64]);

/* cmd_local_time(t, text): "2026-11-22 01:29:30 +0000 UTC", as docker's CreatedAt. ${text}
 * holds 64. */
void cmd_local_time(struct timespec t, char text[static 64]);

/* How a container stands, for cmd_status(). */
enum cmd_status_kind { CMD_STATUS_CREATED, CMD_STATUS_UP, CMD_STATUS_EXITED };
struct cmd_status {
    enum cmd_status_kind kind;
    int exit_code;
    struct timespec started, finished;
};

/* cmd_status(status, now, text): docker's STATUS: "Created", "Up 3 minutes", "Exited (0) 2 hours
 * ago".
 * ${text} holds 96. */
void cmd_status(const struct cmd_status *status, struct timespec now, char text[static 96]);

/* cmd_command(command, whole): The words of ${command} with blanks between, in double quotes,
 * escaped as in C; unless ${whole} cut to 20 columns, the last "…". For the caller to free; NULL
 * when out of memory. */
char *cmd_command(char *const *command, bool whole);
