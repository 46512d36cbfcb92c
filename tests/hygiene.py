#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules about the source itself, as tests (TAP): layering, headers, banned calls, close-on-exec.

  tests/hygiene.py BUILD-FOLDER     (for the generated headers and the archives)
"""

import glob
import os
import re
import subprocess
import sys

# What each folder may include of the others: the arrows of the house (docs/architecture.md).
MAY_INCLUDE = {"base": [], "store": ["base"], "unpack": ["base"], "pull": ["base", "store"],
               "run": ["base"], "cmd": ["base", "store", "unpack", "pull", "run"]}
PREFIXES = {"base": "keg_", "store": "store_", "unpack": "unpack_", "pull": "pull_", "run": "run_",
            "cmd": "cmd_"}
# base's headers are all public; of the others only FOLDER/FOLDER.h may be included from outside.
PUBLIC = re.compile(r"^(base/\w+|(\w+)/\2)\.h$")

BANNED = ("system popen getpwnam getpwuid getgrnam getgrgid strcpy strcat stpcpy sprintf vsprintf gets strtok "
          "atoi atol atoll atof strtol strtoll strtoul strtoull mktemp tmpnam alloca sigqueue "
          "pipe dup dup2 accept epoll_create inotify_init").split()
ALLOWED = {("base", "strtoull"), ("base", "strtoll"),  # the checked wrappers live there
           ("run/seccomp/generate.c", "strtoul"),  # a program of the build
           ("run", "dup2")}  # 0, 1 and 2 of the container: the one place where fds are to survive exec
# Calls that make an fd, and what must stand in their arguments (or a variable that holds it).
CLOSE_ON_EXEC = {"open": "O_CLOEXEC", "openat": "O_CLOEXEC", "openat2": "how", "socket": "SOCK_CLOEXEC",
                 "socketpair": "SOCK_CLOEXEC", "pipe2": "O_CLOEXEC", "dup3": "O_CLOEXEC",
                 "accept4": "SOCK_CLOEXEC", "memfd_create": "MFD_CLOEXEC", "signalfd": "SFD_CLOEXEC",
                 "timerfd_create": "TFD_CLOEXEC", "eventfd": "EFD_CLOEXEC",
                 "epoll_create1": "EPOLL_CLOEXEC", "fsopen": "FSOPEN_CLOEXEC",
                 "fsmount": "FSMOUNT_CLOEXEC", "open_tree": "OPEN_TREE_CLOEXEC", "fopen": "e\"",
                 "fdopen": "", "mkostemp": "O_CLOEXEC"}
# 0, 1 and 2, of the container and where keg was started without them.
MEANT_TO_STAY = {("run/child_console.c", "dup3"), ("cmd/common/program.c", "open")}
FORBIDDEN_WORDS = ["CURLOPT_UNRESTRICTED_AUTH", "archive_read_support_filter_all",
                   "archive_read_support_format_all", "archive_write_disk"]

count = 0
failed = 0


def check(name, problems):
    global count, failed
    count += 1
    failed += bool(problems)
    print(("not ok" if problems else "ok"), count, "-", name)
    for problem in problems:
        print("#   " + problem)


def sources(*extensions):
    return sorted(path for folder in PREFIXES for extension in extensions
                  for path in glob.glob(f"{folder}/**/*{extension}", recursive=True))


def without_comments(path):
    text = open(path, encoding="utf-8").read()

    def blank(match):
        return match.group(0) if match.group(0)[0] in "\"'" else re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])*\'|/\*.*?\*/|//[^\n]*', blank, text, flags=re.S)


def without_strings(text):
    return re.sub(r'"(\\.|[^"\\\n])*"', lambda match: '"' + " " * (len(match.group(0)) - 2) + '"', text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def arguments_at(text, at):
    """The text between the parenthesis at `at` and the one that closes it."""
    depth = 0
    for end in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if depth == 0:
            return text[at + 1:end]
    return ""


def headers_compile_alone(build):
    flags = subprocess.run(["pkg-config", "--cflags", "jansson"], stdout=subprocess.PIPE, text=True,
                           check=True).stdout.split()
    for header in sources(".h"):
        result = subprocess.run(
            ["cc", "-std=gnu17", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-Wall", "-Wextra", "-Werror",
             "-Wno-unused-function", "-I.", f"-I{build}", f"-I{build}/run/seccomp", *flags, "-fsyntax-only",
             "-include", header, "-x", "c", "/dev/null"], stderr=subprocess.PIPE, text=True)
        check(f"{header} compiles alone", result.stderr.splitlines()[:5] if result.returncode else [])


def includes_point_down():
    problems = []
    for path in sources(".c", ".h"):
        folder = path.split("/")[0]
        for number, line in enumerate(open(path, encoding="utf-8"), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            target = match.group(1) if match else ""
            if "/" not in target or target.startswith(folder + "/"):
                continue
            other = target.split("/")[0]
            if other not in MAY_INCLUDE[folder]:
                problems.append(f"{path}:{number}: {folder} may not include {target}")
            elif not PUBLIC.match(target):
                problems.append(f"{path}:{number}: {target} is private to {other}/")
    check("includes point down, and only at public headers", problems)


def banned_calls():
    problems = []
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    for path in sources(".c", ".h"):
        text = without_strings(without_comments(path))
        for match in pattern.finditer(text):
            if not {(path.split("/")[0], match.group(1)), (path, match.group(1))} & ALLOWED:
                problems.append(f"{path}:{line_of(text, match.start())}: {match.group(1)}()")
    check("no banned call", problems)


def fds_are_close_on_exec():
    problems = []
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(CLOSE_ON_EXEC) + r")\s*(\()")
    for path in sources(".c"):
        text = without_comments(path)
        for match in pattern.finditer(text):
            arguments = arguments_at(text, match.start(2))
            wanted = CLOSE_ON_EXEC[match.group(1)]
            if (path, match.group(1)) in MEANT_TO_STAY:
                continue
            if wanted not in arguments and not re.search(r"flags|how|CLOEXEC", arguments):
                problems.append(f"{path}:{line_of(text, match.start())}: "
                                f"{match.group(1)}({' '.join(arguments.split())})")
    check("every fd is close-on-exec from birth", problems)


def no_forbidden_words():
    problems = []
    for path in sources(".c", ".h"):
        text = without_comments(path)
        problems += [f"{path}: {word}" for word in FORBIDDEN_WORDS if word in text]
    check("no switch that opens a hole in curl or libarchive", problems)


def heads_and_leftovers():
    heads, leftovers = [], []
    scripts = glob.glob("tests/**/*.sh", recursive=True) + glob.glob("tests/**/*.py", recursive=True)
    for path in sources(".c", ".h") + scripts + glob.glob("tests/**/*.c", recursive=True):
        text = open(path, encoding="utf-8").read()
        if "SPDX-License-Identifier: Apache-2.0" not in text[:200]:
            heads.append(path)
        if path != "tests/hygiene.py" and re.search(r"\b(TODO|FIXME|XXX)\b", text):
            leftovers.append(path)
    check("every file says its licence", heads)
    check("no TODO", leftovers)


def lines_fit():
    problems = []
    for path in sources(".c", ".h") + glob.glob("tests/**/*.[ch]", recursive=True):
        with open(path, encoding="utf-8") as file:
            problems += [f"{path}:{number}" for number, line in enumerate(file, 1) if len(line) > 101]
    check("no line is longer than 100 columns", problems)


def symbols(archive):
    listing = subprocess.run(["nm", "-g", "--defined-only", archive], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, check=True).stdout
    return {fields[2] for fields in map(str.split, listing.splitlines())
            if len(fields) == 3 and not fields[2].startswith(("__", ".", "_ZTI"))}


def exported_names(build):
    """What a public header shows has its folder's prefix; private names are at least nobody else's."""
    homes = {}
    for folder, prefix in PREFIXES.items():
        archives = glob.glob(f"{build}/libkeg_{folder}*.a")
        problems = [] if archives else [f"no libkeg_{folder}.a in {build}"]
        names = set().union(*map(symbols, archives))
        public = f"{folder}/{folder}.h"
        shown = set(re.findall(r"\w+", without_comments(public))) if os.path.exists(public) else set()
        problems += sorted(name for name in names & shown if not name.startswith(prefix))
        problems += sorted(f"{name} is also in {homes[name]}/" for name in names & homes.keys())
        homes.update(dict.fromkeys(names, folder))
        check(f"names that {folder}/ exports are its own", problems)


def main():
    build = os.path.abspath(sys.argv[1])
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    headers_compile_alone(build)
    includes_point_down()
    banned_calls()
    fds_are_close_on_exec()
    no_forbidden_words()
    heads_and_leftovers()
    lines_fit()
    exported_names(build)
    print(f"1..{count}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
