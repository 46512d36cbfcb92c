#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""console.py SOCKET SCREEN: what conmon does: take a terminal's master at SOCKET, write what comes to SCREEN."""

import array
import os
import socket
import sys

server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(1)
connection, _ = server.accept()
name, control, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
fds = array.array("i")
fds.frombytes(control[0][2])
screen = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
os.write(screen, b"name " + name + b"\n")
while True:
    try:
        data = os.read(fds[0], 4096)
    except OSError:  # EIO: the last program on it has ended
        break
    if not data:
        break
    os.write(screen, data)
