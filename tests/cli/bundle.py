#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bundle.py DIR [STATEMENTS]: the config.json of a bundle, "c", after the Python statements have changed it.

Without a config.json in DIR the statements begin with a small one: busybox's sleep in namespaces of its own."""

import json
import os
import sys

CAPABILITIES = ["CAP_KILL", "CAP_CHOWN", "CAP_SETUID", "CAP_SETGID"]
BEGIN = {
    "ociVersion": "1.0.2",
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": ["sleep", "1000"],
        "env": ["PATH=/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": {"bounding": CAPABILITIES, "effective": CAPABILITIES, "permitted": CAPABILITIES},
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024}],
        "noNewPrivileges": True,
    },
    "root": {"path": "rootfs", "readonly": False},
    "hostname": "bundle",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
    ],
    "annotations": {"org.example.key": "value"},
    "linux": {
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        "namespaces": [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
        "maskedPaths": ["/proc/kcore"],
        "readonlyPaths": ["/proc/sys"],
    },
}


def main():
    path = os.path.join(sys.argv[1], "config.json")
    config = BEGIN
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
    for statement in sys.argv[2:]:
        exec(statement, {"c": config})
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)


main()
