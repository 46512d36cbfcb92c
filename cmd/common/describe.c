/* SPDX-License-Identifier: Apache-2.0 */
/* Facts in docker's words. */
#include "cmd/common/describe.h"

#include "cmd/common/terminal.h"

#include <string.h>

enum { COMMAND_COLUMNS = 20 };

void cmd_short_id(const char *id, char text[static CMD_ID_BYTES])
{
    const char *colon = strchr(id, ':');
    snprintf(text, CMD_ID_BYTES, "%s", colon ? colon + 1 : id);
}

static int64_t seconds_since(struct timespec t, struct timespec now)
{
    int64_t seconds = (int64_t)now.tv_sec - (int64_t)t.tv_sec - (now.tv_nsec < t.tv_nsec);
    return seconds > 0 ? seconds : 0;
}

void cmd_ago(struct timespec t, struct timespec now, char text[static 64])
{
    char duration[48];
    if (t.tv_sec == 0) {
        snprintf(text, 64, "N/A");
        return;
    }
    keg_format_duration(seconds_since(t, now), duration);
    snprintf(text, 64, "%s ago", duration);
}

void cmd_local_time(struct timespec t, char text[static 64])
{
    struct tm tm;
    time_t seconds = t.tv_sec;
    if (!localtime_r(&seconds, &tm) || strftime(text, 64, "%Y-%m-%d %H:%M:%S %z %Z", &tm) == 0)
        snprintf(text, 64, "N/A");
}

void cmd_status(const struct cmd_status *status, struct timespec now, char text[static 96])
{
    char words[64];
    switch (status->kind) {
    case CMD_STATUS_CREATED:
        snprintf(text, 96, "Created");
        return;
    case CMD_STATUS_UP:
        keg_format_duration(seconds_since(status->started, now), words);
        snprintf(text, 96, "Up %s", words);
        return;
    case CMD_STATUS_EXITED:
        cmd_ago(status->finished, now, words);
        snprintf(text, 96, "Exited (%d) %s", status->exit_code, words);
        return;
    }
}

static void add_quoted(struct keg_buf *buf, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            keg_buf_printf(buf, "\\%c", c);
        else if (c == '\n' || c == '\t' || c == '\r')
            keg_buf_printf(buf, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (c < 0x20 || c == 0x7f)
            keg_buf_printf(buf, "\\x%02x", c);
        else
            keg_buf_add(buf, text, 1);
    }
}

char *cmd_command(char *const *command, bool whole)
{
    _cleanup_buf_ struct keg_buf words = keg_buf_init(KEG_STORE_FILE_MAX_BYTES);
    _cleanup_buf_ struct keg_buf quoted = keg_buf_init(4 * KEG_STORE_FILE_MAX_BYTES + 3);
    char cut[COMMAND_COLUMNS * 4 + 1];
    for (size_t i = 0; command && command[i]; i++) {
        keg_buf_str(&words, i > 0 ? " " : "");
        keg_buf_str(&words, command[i]);
    }
    keg_buf_add(&words, "", 0);
    if (words.failed)
        return NULL;
    const char *text = words.data ? words.data : "";
    cmd_text_cut(text, COMMAND_COLUMNS, cut, sizeof(cut));
    keg_buf_str(&quoted, "\"");
    add_quoted(&quoted, whole ? text : cut);
    keg_buf_str(&quoted, "\"");
    return keg_buf_take(&quoted);
}
