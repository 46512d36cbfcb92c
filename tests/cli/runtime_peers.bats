#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg-runtime beside runc: the same words, the same bundle, the same answers.

load helper
load runtime_helper

setup_file() {
    command -v runc >/dev/null || skip "runc is not installed"
}

setup() {
    bundle_new 'c["process"]["user"]["additionalGids"] = [4]'
}

teardown() {
    local id
    for id in $(runc list -q 2>/dev/null); do
        runc delete --force "$id"
    done
    runtime_teardown
}

# both ARG...: by keg-runtime, then by runc. Standard output in ours and theirs, exit codes in ours_code, theirs_code.
both() {
    ours_code=0 theirs_code=0
    ours=$(keg-runtime "$@" 3>&- 2>"$BOX/ours.err" </dev/null) || ours_code=$?
    theirs=$(runc "$@" 3>&- 2>"$BOX/theirs.err" </dev/null) || theirs_code=$?
}

# same_code ARG...: both end with the same exit code.
same_code() {
    both "$@"
    [ "$ours_code" = "$theirs_code" ] ||
        fail "$*: keg-runtime $ours_code: $(cat "$BOX/ours.err"); runc $theirs_code: $(cat "$BOX/theirs.err")"
}

# same ARG...: and print the same.
same() {
    same_code "$@"
    [ "$ours" = "$theirs" ] || fail "$(printf '%s:\nkeg-runtime: %s\nrunc: %s' "$*" "$ours" "$theirs")"
}

create_both() {
    local program
    for program in keg-runtime runc; do
        $program create -b "$BUNDLE" "$@" c </dev/null >/dev/null 2>&1 3>&-
    done
}

stopped_both() {
    keg-runtime state c | grep -q '"status": "stopped"' && runc state c | grep -q '"status": "stopped"'
}

# keys JSON: its members and their types, sorted; of a list those of its first.
keys() {
    python3 -c 'import json, sys
o = json.loads(sys.argv[1])
o = o[0] if isinstance(o, list) else o
print(*sorted(f"{k}:{type(v).__name__}" for k, v in o.items()))' "$1"
}

@test "a life: the same exit codes at each step" {
    local words
    create_both
    while read -r words; do
        # shellcheck disable=SC2086
        same_code $words
    done <<WORDS
create -b $BUNDLE c
exec c true
start c
start c
delete c
exec c nosuch
exec c /bin
exec c
exec none true
pause c
pause c
exec c true
delete c
resume c
resume c
update --memory 64m c
update --memory 64x c
update --pids-limit 10 --cpu-share 512 c
ps c
events --stats c
kill c NOSUCH
kill c KILL
WORDS
    until_true 10 stopped_both
    while read -r words; do
        # shellcheck disable=SC2086
        same_code $words
    done <<WORDS
kill c KILL
kill --all c KILL
pause c
exec c true
ps c
events --stats c
update --memory 64m c
state c
start c
delete c
delete c
delete --force c
state c
start c
state ../x
create -b /no/such c
create --nosuchflag c
run -b $BUNDLE
--nosuchflag list
WORDS
}

@test "the state and the list have the same members" {
    local status
    create_both
    for status in created running paused; do
        case $status in
        running) same_code start c ;;
        paused) same_code pause c ;;
        esac
        both state c
        equal "$(keys "$ours")" "$(keys "$theirs")"
        both list --format json
        equal "$(keys "$ours")" "$(keys "$theirs")"
    done
    same list --quiet
    both list
    equal "$(head -1 <<<"$ours" | tr -s ' ')" "$(head -1 <<<"$theirs" | tr -s ' ')"
    equal "$(awk 'NR == 2 { print $1, $3, $4, $6 }' <<<"$ours")" "$(awk 'NR == 2 { print $1, $3, $4, $6 }' <<<"$theirs")"
    both ps c
    equal "$(head -1 <<<"$ours" | tr -s ' ')" "$(head -1 <<<"$theirs" | tr -s ' ')"
}

@test "the stopped state has the same members" {
    create_both
    same_code kill c KILL
    until_true 10 stopped_both
    both state c
    equal "$(keys "$ours")" "$(keys "$theirs")"
}

@test "events --stats: every figure of ours is one of runc's" {
    create_both
    same_code start c
    both events --stats c
    python3 - "$ours" "$theirs" <<'P'
import json, sys
ours, theirs = (json.loads(text) for text in sys.argv[1:])

# What runc leaves out where it is 0, or has since 1.2 only.
MAY_BE_MISSING = {"cache", "periods", "throttledPeriods", "throttledTime", "limit", "usage", "percpu",
                  "ioServiceBytesRecursive", "ioServicedRecursive"}

def check(ours, theirs, path):
    for key, value in ours.items():
        if key not in theirs:
            assert key in MAY_BE_MISSING, f"{path}.{key}"
        elif isinstance(value, dict):
            check(value, theirs[key], f"{path}.{key}")
        else:
            assert type(value) is type(theirs[key]), f"{path}.{key}"

del ours["data"]["memory"]["raw"]
check(ours, theirs, "")
assert ours["data"]["pids"] == theirs["data"]["pids"]
P
}

# runc makes /dev/core where the machine has /proc/kcore, keg-runtime always.
@test "what a container sees is the same" {
    local script
    for script in id env pwd 'cat /proc/self/limits' 'cat /proc/self/mountinfo | wc -l' 'ls /dev | grep -v core' 'ls /proc/self/fd' \
        'grep -E "^(Cap|NoNew|Seccomp:|Groups|Umask|Sig(Blk|Ign))" /proc/self/status' \
        'cat /proc/self/oom_score_adj /proc/sys/kernel/hostname' \
        'cut -d: -f2- /proc/self/cgroup | sort -u | wc -l'; do
        ln -sf busybox "$BUNDLE/rootfs/bin/grep"
        ln -sf busybox "$BUNDLE/rootfs/bin/cut"
        ln -sf busybox "$BUNDLE/rootfs/bin/sort"
        ln -sf busybox "$BUNDLE/rootfs/bin/wc"
        bundle_script "$script"
        same run -b "$BUNDLE" c
        [ -n "$ours" ] || fail "$script printed nothing"
    done
}

@test "what another process in it sees is the same" {
    local script
    create_both
    same_code start c
    for script in id env pwd 'cat /proc/self/limits' 'ls /proc/self/fd' \
        'cat /proc/self/oom_score_adj /proc/sys/kernel/hostname'; do
        same exec c sh -c "$script"
        [ -n "$ours" ] || fail "$script printed nothing"
    done
    same exec -u 5:6 -g 7 c id
    same exec --cwd /bin -e A=b c sh -c 'pwd; echo $A'
    same exec c sh -c 'exit 77'
    # shellcheck disable=SC2016
    same exec c sh -c 'kill -KILL $$'
}

@test "run: the same exit codes" {
    local code
    for code in 0 3 125 126 127 255; do
        bundle_script "exit $code"
        same run -b "$BUNDLE" c
    done
    bundle_set 'c["process"]["args"] = ["nosuch"]'
    same_code run -b "$BUNDLE" c
    same_code create -b "$BUNDLE" c
}
