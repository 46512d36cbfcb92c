/* SPDX-License-Identifier: Apache-2.0 */
/* --log and --log-format. */
#include "cmd/runtime/log.h"

#include "cmd/common/terminal.h"

#include <stdarg.h>
#include <string.h>

/* A text whose every byte is escaped, and what is around it. */
#define LINE_MAX_BYTES (16 * KEG_ERR_TEXT_BYTES)

static const char *const level_names[] = {
    [RUNTIME_ERROR] = "error", [RUNTIME_WARNING] = "warning", [RUNTIME_DEBUG] = "debug"};

int runtime_log_open(struct runtime *runtime, struct keg_err *err)
{
    const char *path = runtime->log;
    if (!path)
        return 0;
    if (keg_starts_with(path, "journald:") || keg_starts_with(path, "syslog:"))
        return keg_fail(err, -ENOTSUP, "--log '%s': only files can be written", path);
    if (keg_starts_with(path, "file:"))
        path += strlen("file:");
    runtime->log_fd = keg_openat(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (runtime->log_fd >= 0)
        return 0;
    int code = runtime->log_fd;
    runtime->log_fd = -1;
    return keg_fail(err, code, "open the log '%s': %s", path, keg_errno_text(code));
}

static void add_json(enum runtime_level level, const char *time, const char *text,
                     struct keg_buf *ret)
{
    _cleanup_json_ json_t *line =
        json_pack("{s:s,s:s,s:s}", "level", level_names[level], "msg", text, "time", time);
    _cleanup_free_ char *dumped = line ? keg_json_dump(line, false) : NULL;
    /* A text that is not UTF-8 (a path, say) must not cost the line. */
    keg_buf_str(ret,
                dumped ? dumped : "{\"level\":\"error\",\"msg\":\"a text that is not UTF-8\"}");
}

static void add_quoted(const char *text, struct keg_buf *ret)
{
    keg_buf_str(ret, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            keg_buf_str(ret, "\\");
        keg_buf_add(ret, text, 1);
    }
    keg_buf_str(ret, "\"");
}

void runtime_log_line(enum runtime_level level, bool json, struct timespec time, const char *text,
                      struct keg_buf *ret)
{
    char when[40];
    keg_format_time(time, when);
    if (json) {
        add_json(level, when, text, ret);
    } else {
        keg_buf_printf(ret, "time=\"%s\" level=%s msg=", when, level_names[level]);
        add_quoted(text, ret);
    }
    keg_buf_str(ret, "\n");
}

/* Where even standard error cannot be written nothing better can be done. */
static void write_line(int fd, const struct keg_buf *line)
{
    if (fd == STDERR_FILENO)
        fflush(stdout);
    if (line->data)
        (void)keg_write_all(fd, line->data, line->length);
}

static void write_plain(enum runtime_level level, const char *text)
{
    _cleanup_buf_ struct keg_buf plain = keg_buf_init(LINE_MAX_BYTES);
    keg_buf_printf(&plain, "keg-runtime: %s%s\n", level == RUNTIME_WARNING ? "warning: " : "",
                   text);
    write_line(STDERR_FILENO, &plain);
}

void runtime_log(const struct runtime *runtime, enum runtime_level level, const char *format, ...)
{
    char text[2 * KEG_ERR_TEXT_BYTES];
    va_list arguments;
    if (level == RUNTIME_DEBUG && !runtime->debug)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    cmd_text_blunt(text);
    bool json = keg_streq(runtime->log_format, "json"), logged = runtime->log_fd >= 0;
    _cleanup_buf_ struct keg_buf line = keg_buf_init(LINE_MAX_BYTES);
    runtime_log_line(level, json, keg_now(), text, &line);
    if (logged || json || level == RUNTIME_DEBUG)
        write_line(logged ? runtime->log_fd : STDERR_FILENO, &line);
    /* Standard error is the container's under an engine: what is no failure has no place there. */
    if (level == RUNTIME_ERROR ? logged || !json : level == RUNTIME_WARNING && !logged && !json)
        write_plain(level, text);
}

void runtime_log_warnings(const struct runtime *runtime, char *const *warnings)
{
    for (; warnings && *warnings; warnings++)
        runtime_log(runtime, RUNTIME_WARNING, "%s", *warnings);
}
