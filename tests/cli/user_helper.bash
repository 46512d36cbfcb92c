# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the files about ordinary users load, behind helper.bash: one of them, in an /etc of the box's own.

PERSON=keggy PERSON_ID=1500 FIRST_SUBID=200000
HOME_FOLDER=$BOX/home RUNTIME_FOLDER=$BOX/runtime STORE=$BOX/home/.local/share/keg
TUN=$BOX/tun
RANGES=$PERSON:$FIRST_SUBID:65536

AS=(setpriv --reuid "$PERSON_ID" --regid "$PERSON_ID" --clear-groups
    env -i "PATH=$PATH" "HOME=$HOME_FOLDER" "XDG_RUNTIME_DIR=$RUNTIME_FOLDER"
    "CONTAINERS_REGISTRIES_CONF=$BOX/registries.conf"
    "ASAN_OPTIONS=log_path=$HOME_FOLDER/sanitizer" "UBSAN_OPTIONS=log_path=$HOME_FOLDER/sanitizer"
    "LSAN_OPTIONS=log_path=$HOME_FOLDER/sanitizer")

# An /etc that can be written without touching the machine's.
own_etc() {
    mkdir "$BOX/etc" "$BOX/etc-work"
    mount -t overlay -o "lowerdir=/etc,upperdir=$BOX/etc,workdir=$BOX/etc-work" overlay /etc
    mount --bind "$BOX/hosts" /etc/hosts
    echo "$PERSON:x:$PERSON_ID:$PERSON_ID::$HOME_FOLDER:/bin/sh" >>/etc/passwd
    echo "$PERSON:x:$PERSON_ID:" >>/etc/group
}

# subids [LINE]: who has which subordinate ids; none by default.
subids() {
    printf '%s' "${1:+$1$'\n'}" | tee /etc/subuid >/etc/subgid
}

# person_ready: the user exists, with subordinate ids, a home and a folder for state.
person_ready() {
    own_etc
    mkdir "$HOME_FOLDER" "$RUNTIME_FOLDER"
    chown "$PERSON_ID:$PERSON_ID" "$HOME_FOLDER" "$RUNTIME_FOLDER"
    chmod 700 "$HOME_FOLDER" "$RUNTIME_FOLDER"
    subids "$RANGES"
}

# person_reports_nothing: no sanitizer had anything to say to the user.
person_reports_nothing() {
    local report
    for report in "$HOME_FOLDER"/sanitizer.*; do
        [ -e "$report" ] || return 0
        cat "$report"
        rm "$report"
        false
    done
}

# Processes of the user and of the user's subordinate ids, and programs that carry networks.
processes() {
    ps -eo uid=,comm= | awk -v own="$PERSON_ID" -v first="$FIRST_SUBID" \
        '$1 == own || ($1 >= first && $1 < first + 65536) || $2 ~ /^(pasta|passt|slirp4netns)/ { print $2 }'
}

no_processes() {
    [ -z "$(processes)" ]
}
