#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The bridge, the way out through NAT, none and host.

load helper

# An "internet" in a namespace of its own, one hop behind the box: 192.0.2.2, which knows no way back to 10.78/16,
# answers on port 80 with the address that it was asked from.
setup_file() {
    busybox_ready
    spawn "$BOX/internet.log" unshare --net sh -c \
        'echo $$ >"$BOX/internet.pid"; until ip link show far >/dev/null 2>&1; do sleep 0.05; done
         ip link set lo up; ip addr add 192.0.2.2/24 dev far; ip link set far up
         exec python3 -c "
import http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(self.client_address[0].encode())
http.server.HTTPServer((\"192.0.2.2\", 80), H).serve_forever()"'
    until_true 10 test -s "$BOX/internet.pid"
    ip link add near type veth peer name far
    ip link set far netns "$(cat "$BOX/internet.pid")"
    ip addr add 192.0.2.1/24 dev near
    ip link set near up
    wait_for_port 192.0.2.2 80
}

setup() {
    mirror_dockerio localhost:5000
}

@test "eth0 has an address of the pool, and the default route goes to the gateway" {
    keg_ok run --rm busybox sh -c 'ip -4 addr show eth0; ip route; ip addr show lo'
    matches "$output" 'inet 10\.78\.[0-9]+\.[0-9]+/16'
    matches "$output" '^default via 10\.78\.0\.1 dev eth0'
    matches "$output" 'inet 127\.0\.0\.1/8'
}

@test "the gateway answers ping" {
    keg_ok run --rm --cap-add NET_RAW busybox ping -c 1 -W 5 10.78.0.1
    matches "$output" "1 packets received"
}

@test "the internet is reached, from the machine's address" {
    keg_ok run --rm busybox wget -q -O - http://192.0.2.2/
    equal "$output" 192.0.2.1
}

@test "containers reach each other" {
    keg run --rm --name server busybox sh -c \
        'ip -4 addr show eth0 | sed -n "s/.*inet \([0-9.]*\).*/\1/p"; echo hello >/www; httpd -f -p 8080 -h /' \
        >"$BOX/server" 2>&1 3>&- &
    until_true 10 test -s "$BOX/server"
    keg_ok run --rm busybox sh -c "sleep 0.3; wget -q -O - http://$(cat "$BOX/server"):8080/www"
    equal "$output" hello
    keg rm -f server
}

@test "--network none: only lo" {
    keg_ok run --rm --network none busybox ls /sys/class/net
    equal "$output" lo
}

@test "--network host: the machine's own" {
    keg_ok run --rm --network host busybox sh -c 'readlink /proc/self/ns/net'
    equal "$output" "$(readlink /proc/self/ns/net)"
    keg_ok run --rm --network host busybox wget -q -O - http://192.0.2.2/
    equal "$output" 192.0.2.1
}

@test "names are looked up where resolv.conf of the machine says; loopback servers are not passed on" {
    printf 'nameserver 127.0.0.53\nnameserver 192.0.2.53\nsearch example.test\n' >"$BOX/resolv.conf"
    mount --bind "$BOX/resolv.conf" /etc/resolv.conf
    run --separate-stderr keg run --rm busybox cat /etc/resolv.conf
    umount /etc/resolv.conf
    matches "$output" "^nameserver 192.0.2.53$"
    matches "$output" "^search example.test$"
    [[ "$output" != *127.0.0.53* ]] || fail "a server that the container cannot reach"
}

@test "addresses are given back, and not used again at once" {
    local first second
    first=$(keg run --rm busybox ip -4 addr show eth0 | sed -n 's/.*inet \([0-9.]*\).*/\1/p')
    second=$(keg run --rm busybox ip -4 addr show eth0 | sed -n 's/.*inet \([0-9.]*\).*/\1/p')
    [ "$first" != "$second" ]
    equal "$(find "$KEG_RUNROOT/network" -type f | wc -l)" 0
}

@test "the firewall rules come back after somebody flushed them" {
    keg run --rm busybox true
    nft flush ruleset
    keg_ok run --rm busybox wget -q -O - http://192.0.2.2/
    equal "$output" 192.0.2.1
}

@test "the bridge comes back after somebody deleted it" {
    ip link del keg0
    keg_ok run --rm busybox wget -q -O - http://192.0.2.2/
    equal "$output" 192.0.2.1
}

@test "veths and leases are gone after the containers" {
    until_true 5 sh -c '[ "$(ls /sys/class/net | grep -vcE "^(lo|keg0|near)$")" = 0 ]'
}
