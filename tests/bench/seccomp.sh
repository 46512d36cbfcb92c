#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# seccomp.sh BIN [RUNS]: how long a seccomp profile takes from its rules to the installed filter, with the
# libraries built beside the folder BIN and with libseccomp. Filters hold for processes of its own alone.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../..")
build=$(readlink -f "$1/..")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Podman's, where it is installed.
profiles=()
[ ! -e /usr/share/containers/seccomp.json ] || profiles+=(/usr/share/containers/seccomp.json)

"${CC:-cc}" -std=gnu17 -D_GNU_SOURCE -O2 -I"$root" -I"$build" -o "$scratch/seccomp" "$here/seccomp.c" \
    "$build/libkeg_run.a" "$build/libkeg_base.a" -ljansson -lseccomp
"$scratch/seccomp" "${2:-200}" "${profiles[@]}"
