#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""notify.py listen SOCKET FILE: a service manager: the first message at SOCKET, written to FILE.
notify.py say SOCKET MESSAGE: a service."""

import os
import socket
import sys

verb, path, argument = sys.argv[1:]
end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if verb == "listen":
    end.bind(path)
    message = end.recv(4096)
    with open(argument + ".new", "wb") as file:
        file.write(message)
    os.rename(argument + ".new", argument)
else:
    end.sendto(argument.encode(), path)
