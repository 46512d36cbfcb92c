#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""terminal.py STEP... -- CMD ARG...: run CMD on a terminal of its own and play a user.

Steps, in order: expect:REGEX (of what was printed since the last step that matched; fails after ten seconds),
send:TEXT (with Python's escapes, \\x03 is Ctrl-C), size:ROWSxCOLUMNS, kill:SIGNAL (to CMD), sleep:SECONDS.
Then waits for CMD. Prints what CMD printed, then "exit N" and "terminal restored" or "terminal changed".
"""

import os
import re
import pty
import select
import signal
import sys
import termios
import time
import fcntl
import struct


class Terminal:
    def __init__(self, command):
        self.master, self.slave = pty.openpty()
        self.set_size(24, 80)
        self.before = termios.tcgetattr(self.slave)
        self.text, self.seen = b"", 0
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(self.slave, fd)
            os.closerange(3, 256)
            os.execvp(command[0], command)

    def set_size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            self.text += os.read(self.master, 65536)
        return bool(ready)

    def expect(self, pattern):
        end = time.monotonic() + 10
        while True:
            match = re.compile(pattern.encode()).search(self.text, self.seen)
            if match:
                self.seen = match.end()
                return
            if time.monotonic() > end:
                self.finish(f"nothing printed that fits {pattern!r}")
            self.read(0.05)

    def step(self, kind, value):
        if kind == "expect":
            self.expect(value)
        elif kind == "send":
            os.write(self.master, value.encode().decode("unicode_escape").encode("latin1"))
        elif kind == "size":
            self.set_size(*map(int, value.split("x")))
        elif kind == "kill":
            os.kill(self.pid, getattr(signal, "SIG" + value))
        elif kind == "sleep":
            end = time.monotonic() + float(value)
            while time.monotonic() < end:
                self.read(0.05)
        else:
            self.finish(f"no such step: {kind}")

    def wait(self):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while self.read(0.1):
                    pass
                return os.waitstatus_to_exitcode(status)
            self.read(0.05)
        self.finish("the program does not end")

    def show(self):
        sys.stdout.write(self.text.decode("utf-8", "replace").replace("\r\n", "\n"))

    def finish(self, complaint):
        os.kill(self.pid, signal.SIGKILL)
        self.show()
        sys.exit(f"\nterminal.py: {complaint}")


def main():
    at = sys.argv.index("--")
    terminal = Terminal(sys.argv[at + 1:])
    for step in sys.argv[1:at]:
        terminal.step(*step.split(":", 1))
    code = terminal.wait()
    terminal.show()
    after = termios.tcgetattr(terminal.slave)
    print(f"\nexit {code}\nterminal {'restored' if after == terminal.before else 'changed'}")


main()
