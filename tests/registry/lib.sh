# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Shell functions that start registries inside the box (see ./box). To be sourced; bash.
#
# Everything lives in $BOX. Servers are killed when the box ends, so nothing here stops them.

KEG_REGISTRY_LIB=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
HUB_ADDRESS=198.51.100.7

# wait_for_port ADDRESS PORT: until something accepts, at most ten seconds.
wait_for_port() {
    for _ in $(seq 200); do
        (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null && return 0
        sleep 0.05
    done
    echo "nothing listens on $1:$2" >&2
    return 1
}

# spawn LOG CMD...: in the background, with none of the caller's fds (bats waits for those that hold its own).
spawn() {
    local log=$1
    shift
    setsid "$@" >"$log" 2>&1 </dev/null 3>&- 4>&- &
}

# registry_start [PORT]: Debian's docker-registry, plain HTTP on loopback, empty.
registry_start() {
    local port=${1:-5000}
    mkdir -p "$BOX/registry-$port"
    cat >"$BOX/registry-$port.yml" <<CONFIG
version: 0.1
log: { level: error }
storage:
  filesystem: { rootdirectory: $BOX/registry-$port }
  delete: { enabled: true }
http: { addr: "127.0.0.1:$port" }
CONFIG
    spawn "$BOX/registry-$port.log" docker-registry serve "$BOX/registry-$port.yml"
    wait_for_port 127.0.0.1 "$port"
}

# image_push REPOSITORY:TAG NAME [PORT]: an image of images.py into that registry; prints its digest.
image_push() {
    python3 "$KEG_REGISTRY_LIB/images.py" push "http://127.0.0.1:${3:-5000}" "$1" "$2"
}

# image_digest NAME FIELD: top, manifest, config, layers (one a line), diff_ids of an image of images.py.
image_digest() {
    python3 "$KEG_REGISTRY_LIB/images.py" show "$1" | python3 -c '
import json, sys
value = json.load(sys.stdin)[sys.argv[1]]
print(*(value if isinstance(value, list) else [value]), sep="\n")' "$2"
}

# ca_make: a certificate authority of the test.
ca_make() {
    [ -f "$BOX/ca.crt" ] && return
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=keg test CA" \
        -keyout "$BOX/ca.key" -out "$BOX/ca.crt" 2>/dev/null
}

# ca_trust: put it where every program of the box looks: a bind mount over the system's bundle.
ca_trust() {
    cat /etc/ssl/certs/ca-certificates.crt "$BOX/ca.crt" >"$BOX/bundle.crt"
    mount --bind "$BOX/bundle.crt" /etc/ssl/certs/ca-certificates.crt
}

# certificate NAME HOST...: $BOX/NAME.crt and .key for these hosts, signed by the CA. $CERTIFICATE_DAYS may
# be set ("-1": expired).
certificate() {
    local name=$1 host names=
    shift
    for host in "$@"; do names+="${names:+,}DNS:$host"; done
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$BOX/$name.key" -out "$BOX/$name.csr" 2>/dev/null
    openssl x509 -req -in "$BOX/$name.csr" -CA "$BOX/ca.crt" -CAkey "$BOX/ca.key" -CAcreateserial \
        -days "${CERTIFICATE_DAYS:-2}" -extfile <(echo "subjectAltName=$names") -out "$BOX/$name.crt" \
        2>/dev/null
}

# host_add NAME...: an address outside loopback (so that no rule for loopback applies) under these names.
host_add() {
    ip addr show dev lo | grep -q "$HUB_ADDRESS" || ip addr add "$HUB_ADDRESS/32" dev lo
    echo "$HUB_ADDRESS $*" >>/etc/hosts
}

# hub_start: Docker Hub under its real names, in front of registry_start's port 5000.
hub_start() {
    registry_start 5000
    ca_make
    ca_trust
    host_add registry-1.docker.io auth.docker.io production.cloudflare.docker.com
    certificate hub registry-1.docker.io auth.docker.io production.cloudflare.docker.com
    hub_config '{}'
    spawn "$BOX/hub.out" python3 "$KEG_REGISTRY_LIB/hub.py" --listen "$HUB_ADDRESS:443" \
        --upstream 127.0.0.1:5000 --cert "$BOX/hub.crt" --key "$BOX/hub.key" --log "$BOX/hub.log" \
        --config "$BOX/hub.json"
    wait_for_port "$HUB_ADDRESS" 443
}

# hub_config JSON: see hub.py.
hub_config() {
    echo "$1" >"$BOX/hub.json.new"
    mv "$BOX/hub.json.new" "$BOX/hub.json"
}

# requests LOG EXPRESSION: how many requests of a server's log fit the Python expression over r (a dict); unquote() is there.
requests() {
    python3 -c '
import json, sys
from urllib.parse import unquote
print(sum(1 for line in open(sys.argv[1]) for r in [json.loads(line)] if eval(sys.argv[2])))' \
        "$BOX/$1.log" "$2"
}

# faults_start [NAME [PORT [ARG...]]]: a server of faults on 127.0.0.1; ARG go to faults.py. Its log is $BOX/NAME.log.
faults_start() {
    local name=${1:-faults} port=${2:-5001}
    shift $(($# < 2 ? $# : 2))
    mkdir -p "$BOX/tree"
    spawn "$BOX/$name.out" python3 "$KEG_REGISTRY_LIB/faults.py" --listen "${FAULTS_ADDRESS:-127.0.0.1}:$port" \
        --tree "$BOX/tree" --scenario "$BOX/$name.json" --log "$BOX/$name.log" "$@"
    wait_for_port "${FAULTS_ADDRESS:-127.0.0.1}" "$port"
}

# faults_scenario JSON [NAME]: see faults.py. The log begins anew.
faults_scenario() {
    : >"$BOX/${2:-faults}.log"
    echo "$1" >"$BOX/${2:-faults}.json.new"
    mv "$BOX/${2:-faults}.json.new" "$BOX/${2:-faults}.json"
}

# image_tree REPOSITORY:TAG NAME: an image of images.py into what faults_start serves; prints its digest.
image_tree() {
    python3 "$KEG_REGISTRY_LIB/images.py" tree "$BOX/tree" "$1" "$2"
}
