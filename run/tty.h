/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's terminal: raw mode that is undone on every way out, and window sizes. Private to
 * run/. */
#pragma once

#include "base/err.h"

/* tty_raw_enter(fd, err): Put the terminal ${fd} in raw mode (termios(3), cfmakeraw) and remember
 * what it was; a crash of this process (SIGSEGV and the like) restores it before it goes on. One
 * terminal at a time: -EBUSY else. -ENOTTY where ${fd} is none. ${fd} is borrowed and must stay
 * open until tty_raw_leave(). */
int tty_raw_enter(int fd, struct keg_err *err);

/* tty_raw_again(): Raw mode once more, after a stop gave the terminal to others (SIGCONT). Nothing
 * where tty_raw_enter() was not called. */
void tty_raw_again(void);

/* tty_raw_leave(): As it was before tty_raw_enter(); nothing where that was not called. Does not
 * wait for output that the terminal holds back. */
void tty_raw_leave(void);

/* tty_copy_size(from, to): Give the terminal ${to} the size of ${from}; its foreground processes
 * get SIGWINCH from the kernel where that changes it. 0 or -errno. */
int tty_copy_size(int from, int to);
