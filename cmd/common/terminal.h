/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal that output goes to, and how wide text is on it. */
#pragma once

#include <stddef.h>

/* cmd_terminal_width(fd): Columns of the terminal ${fd}, or 0 where it is none (then nothing is
 * cut). */
unsigned cmd_terminal_width(int fd);

/* cmd_text_width(text): Columns that ${text} takes, by its characters of UTF-8 (one each: what keg
 * prints holds no wide ones but in names that the user chose). */
size_t cmd_text_width(const char *text);

/* cmd_text_cut(text, width, ret, size): ${text} in at most ${width} columns, its last one "…" where
 * it was cut; never inside a character. ${ret} holds ${size} bytes: four a column and one are
 * enough. */
void cmd_text_cut(const char *text, size_t width, char *ret, size_t size);

/* cmd_text_blunt(text): Replace each control character in ${text} (C0, DEL, and C1 as UTF-8 spells
 * it) by '?', in place: what comes from an image or the command line must not drive the terminal.
 */
void cmd_text_blunt(char *text);
