/* SPDX-License-Identifier: Apache-2.0 */
/* What the user is told on standard error. */
#include "cmd/common/report.h"

#include "cmd/common/options.h"
#include "cmd/common/terminal.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Room for a text and for the longest object worth repeating. */
enum { LINE_BYTES = 2 * KEG_ERR_TEXT_BYTES + 64 };

/* "invalid reference 'Busybox': …" has said already whose it is. */
static bool names_object(const char *text, const char *object)
{
    _cleanup_free_ char *quoted = keg_asprintf("'%s'", object);
    return quoted && strstr(text, quoted);
}

void cmd_error_line(const char *verb, const char *object, const char *text, char *ret, size_t size)
{
    if (object && names_object(text, object))
        object = NULL;
    snprintf(ret, size, "keg: %s%s%s%.*s%s%s%s", verb ? verb : "", verb && object ? " " : "",
             object ? "'" : "", KEG_ERR_TEXT_BYTES, object ? object : "", object ? "'" : "",
             verb || object ? ": " : "", text);
    cmd_text_blunt(ret);
}

/* Nothing better can be done where standard error is gone. */
static void print_line(const char *verb, const char *object, const char *text)
{
    char line[LINE_BYTES];
    cmd_error_line(verb, object, text, line, sizeof(line) - 1);
    size_t length = strlen(line);
    line[length] = '\n';
    fflush(stdout);
    (void)keg_write_all(STDERR_FILENO, line, length + 1);
}

int cmd_error(const char *verb, const char *object, const struct keg_err *err)
{
    print_line(verb, object, err->text[0] ? err->text : "failed");
    return CMD_EXIT_FAILED;
}

int cmd_complain(const char *verb, const char *object, const char *format, ...)
{
    char text[KEG_ERR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    print_line(verb, object, text);
    return CMD_EXIT_FAILED;
}

void cmd_warn(const char *verb, const char *format, ...)
{
    char text[KEG_ERR_TEXT_BYTES] = "warning: ";
    size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + length, sizeof(text) - length, format, arguments);
    va_end(arguments);
    print_line(verb, NULL, text);
}

int cmd_exit_combine(int a, int b)
{
    if (a == b || b == CMD_EXIT_OK)
        return a;
    return a == CMD_EXIT_OK ? b : CMD_EXIT_FAILED;
}

void cmd_ignore_sigpipe(void)
{
    signal(SIGPIPE, SIG_IGN);
}
