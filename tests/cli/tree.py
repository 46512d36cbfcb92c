#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tree.py FOLDER [--no-folder-times]: one line for all that can be told apart of each file below it, for comparing trees.

Path, type, mode, owner, size, content or target or device, time in nanoseconds, link count and xattrs (but for
those that overlayfs keeps its books in). Of folders neither size nor link count: they are the file
system's business.
"""

import hashlib
import os
import stat
import sys


def xattrs(path):
    names = [name for name in os.listxattr(path, follow_symlinks=False) if ".overlay." not in name]
    return ",".join(f"{name}={os.getxattr(path, name, follow_symlinks=False).hex()}" for name in sorted(names))


def content(path, status):
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(path)
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            return f"{status.st_size} {hashlib.sha256(file.read()).hexdigest()[:16]}"
    return "-"


def main(root, *options):
    paths = [os.path.join(folder, name) for folder, folders, files in os.walk(root)
             for name in folders + files]
    for path in sorted(paths):
        status = os.lstat(path)
        is_folder = stat.S_ISDIR(status.st_mode)
        links = "-" if is_folder else status.st_nlink
        time = "-" if is_folder and "--no-folder-times" in options else status.st_mtime_ns
        print(os.path.relpath(path, root).encode("utf-8", "surrogateescape"), stat.filemode(status.st_mode),
              f"{status.st_uid}:{status.st_gid}", content(path, status), time, links, xattrs(path))


main(*sys.argv[1:])
