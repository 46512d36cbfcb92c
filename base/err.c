/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as flat values: formatting, cutting and cleaning of their text. */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cut where a UTF-8 sequence would be broken, so that a terminal never sees half a character. */
static void trim_utf8(char *text)
{
    size_t length = strlen(text);
    size_t start = length;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80 && length - start < 4)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (want > length - start + 1)
        text[start - 1] = '\0';
}

static void clean(char *text)
{
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            *p = '?';
}

static void set_text(struct keg_err *err, const char *text)
{
    int length = snprintf(err->text, sizeof(err->text), "%s", text);
    if (length >= (int)sizeof(err->text))
        trim_utf8(err->text);
    clean(err->text);
}

int keg_fail(struct keg_err *err, int code, const char *format, ...)
{
    if (code >= 0)
        code = -EINVAL;
    if (!err)
        return code;
    char text[KEG_ERR_TEXT_BYTES + 8];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    err->code = code;
    set_text(err, text);
    return code;
}

const char *keg_errno_text(int code)
{
    static _Thread_local char text[128];
    const char *name = strerrordesc_np(code < 0 ? -code : code);
    if (name)
        (void)snprintf(text, sizeof(text), "%s", name);
    else
        (void)snprintf(text, sizeof(text), "error %d", code < 0 ? -code : code);
    bool acronym = text[0] && text[1] >= 'A' && text[1] <= 'Z';
    if (!acronym && text[0] >= 'A' && text[0] <= 'Z')
        text[0] = (char)(text[0] - 'A' + 'a');
    return text;
}

int keg_fail_errno(struct keg_err *err, const char *format, ...)
{
    int code = errno ? -errno : -EIO;
    char text[KEG_ERR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return keg_fail(err, code, "%s: %s", text, keg_errno_text(code));
}

int keg_wrap(struct keg_err *err, const char *format, ...)
{
    if (!err)
        return -EIO;
    char outer[KEG_ERR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(outer, sizeof(outer), format, args);
    va_end(args);
    char text[2 * KEG_ERR_TEXT_BYTES + 4];
    (void)snprintf(text, sizeof(text), "%s: %s", outer, err->text);
    set_text(err, text);
    return err->code < 0 ? err->code : -EIO;
}
