/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal that output goes to, and how wide text is on it. */
#include "cmd/common/terminal.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

unsigned cmd_terminal_width(int fd)
{
    struct winsize size;
    if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) < 0)
        return 0;
    return size.ws_col;
}

/* Bytes 10xxxxxx only continue a character (RFC 3629). */
static size_t character_length(const char *text)
{
    size_t n = 1;
    while (((unsigned char)text[n] & 0xc0) == 0x80)
        n++;
    return n;
}

size_t cmd_text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text += character_length(text))
        width++;
    return width;
}

void cmd_text_cut(const char *text, size_t width, char *ret, size_t size)
{
    if (cmd_text_width(text) <= width) {
        snprintf(ret, size, "%s", text);
        return;
    }
    size_t bytes = 0;
    for (size_t column = 0; column + 1 < width; column++)
        bytes += character_length(text + bytes);
    snprintf(ret, size, "%.*s%s", (int)bytes, text, width > 0 ? "…" : "");
}

void cmd_text_blunt(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        unsigned char c = (unsigned char)*from, next = (unsigned char)from[1];
        if (c == 0xc2 && next >= 0x80 && next < 0xa0)
            from++; /* U+0080 to U+009F: terminals take U+009B for ESC [ */
        else if (c >= 0x20 && c != 0x7f) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '?';
    }
    *to = '\0';
}
