#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A registry that does what it is told, wrong things above all.

It serves a tree that images.py writes: TREE/<repository>/<tag or digest> with the document and
<same>.type with its media type; TREE/blobs/<digest>. Nothing is checked: a blob may lie under a name that
is not its digest. Rules of a scenario file come before the tree:

  [{"path": "/v2/x/manifests/latest",   a glob; "*" matches slashes too
    "method": "GET",                    any method where missing
    "nth": 1,                           only the nth request that fits the rest; or [1, 3]
    "range": true,                      only requests with (false: without) a Range header
    "delay": 0.5,                       seconds before anything is sent
    "reset": true,                      close the connection with RST, no answer
    "status": 500, "headers": {"Retry-After": "1"},
    "body": "text" | "json": {...} | "file": "PATH",
    "length": 100,                      Content-Length to claim, where it is not the true one; null: none
    "cut": 512,                         send so many bytes of the body, then RST
    "flip": 100,                        flip a bit of that byte of the body
    "append": "text",                   behind the true body
    "endless": true,                    never stop sending
    "rate": 1000}]                      bytes a second

Without "status" and a body the tree's own answer is taken, with "cut", "flip", "append", "length", "rate"
and "headers" applied. Scenario and tree are read anew at each request; requests are lines of JSON in
the log. "@HOST@" in a header's value is the Host that was asked.
"""

import argparse
import fnmatch
import json
import os
import socket
import ssl
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class State:
    def __init__(self, tree, scenario, log_path):
        self.tree = tree
        self.scenario = scenario
        self.lock = threading.Lock()
        self.log_file = open(log_path, "a", buffering=1)
        self.counts = {}  # rule's text -> requests that it fitted so far

    def log(self, **fields):
        with self.lock:
            self.log_file.write(json.dumps(fields) + "\n")

    def rule(self, method, path, has_range):
        """The first rule that fits, or an empty one. Counts the request for each rule that it fits."""
        try:
            with open(self.scenario) as file:
                rules = json.load(file)
        except FileNotFoundError:
            rules = []
        chosen = None
        for rule in rules:
            if not fits(rule, method, path, has_range):
                continue
            key = json.dumps(rule, sort_keys=True)
            with self.lock:
                self.counts[key] = count = self.counts.get(key, 0) + 1
            nth = rule.get("nth")
            if nth is None or count in (nth if isinstance(nth, list) else [nth]):
                chosen = chosen or rule
        return chosen or {}


def fits(rule, method, path, has_range):
    return (fnmatch.fnmatchcase(path, rule.get("path", "*"))
            and rule.get("method", method) == method
            and rule.get("range", has_range) == has_range)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "faults"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.act()

    do_HEAD = do_POST = do_PUT = do_GET

    def act(self):
        rule = self.server.state.rule(self.command, self.path, "Range" in self.headers)
        time.sleep(rule.get("delay", 0))
        if rule.get("reset"):
            self.record("reset")
            return self.reset()
        status, headers, body = self.told(rule) if self.is_answer(rule) else self.from_tree()
        headers.update({name: value.replace("@HOST@", self.headers.get("Host", ""))
                        for name, value in rule.get("headers", {}).items()})
        self.record(status)
        self.send(rule, rule.get("status", status), headers, damaged(rule, body))

    @staticmethod
    def is_answer(rule):
        return any(key in rule for key in ("status", "body", "json", "file"))

    def told(self, rule):
        if "json" in rule:
            return 200, {"Content-Type": "application/json"}, json.dumps(rule["json"]).encode()
        if "file" in rule:
            with open(rule["file"], "rb") as file:
                return 200, {}, file.read()
        return 200, {}, rule.get("body", "").encode()

    # ------------------------------------------------------------------ the tree

    def from_tree(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts == ["v2"]:
            return 200, {"Content-Type": "application/json"}, b"{}"
        if len(parts) < 4 or ".." in parts or parts[0] != "v2" or parts[-2] not in ("manifests", "blobs"):
            return 404, {}, b""
        if parts[-2] == "blobs":
            return self.blob(os.path.join(self.server.state.tree, "blobs", parts[-1]))
        return self.manifest(os.path.join(self.server.state.tree, *parts[1:-2], parts[-1]))

    def manifest(self, path):
        try:
            with open(path, "rb") as file, open(path + ".type") as media_type:
                return 200, {"Content-Type": media_type.read()}, file.read()
        except FileNotFoundError:
            return 404, {"Content-Type": "application/json"}, json.dumps(
                {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}).encode()

    def blob(self, path):
        try:
            with open(path, "rb") as file:
                body = file.read()
        except FileNotFoundError:
            return 404, {}, b""
        headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        wanted = self.headers.get("Range", "")
        if not wanted.startswith("bytes="):
            return 200, headers, body
        first, _, last = wanted[len("bytes="):].partition("-")
        first, last = int(first), int(last) if last else len(body) - 1
        if first >= len(body):
            return 416, {"Content-Range": f"bytes */{len(body)}"}, b""
        headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
        return 206, headers, body[first:last + 1]

    # ------------------------------------------------------------------ sending

    def send(self, rule, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        length = rule.get("length", len(body))
        if length is None or rule.get("endless"):
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.write(rule, body[:rule.get("cut", len(body))])
        if "cut" in rule:
            self.reset()
        elif length is not None and length > len(body):
            self.close_connection = True
        while rule.get("endless"):
            self.wfile.write(b" " * 65536)

    def write(self, rule, body):
        if "rate" not in rule:
            return self.wfile.write(body)
        step = max(1, rule["rate"] // 10)
        for at in range(0, len(body), step):
            self.wfile.write(body[at:at + step])
            time.sleep(step / rule["rate"])

    def reset(self):
        """RST instead of FIN: linger for zero seconds."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def record(self, status):
        self.server.state.log(
            host=self.headers.get("Host"), method=self.command, path=self.path, status=status,
            authorization=self.headers.get("Authorization"), range=self.headers.get("Range"))


def damaged(rule, body):
    if "flip" in rule:
        at = rule["flip"]
        body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]
    return body + rule.get("append", "").encode()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that hangs up is what is tested here


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", required=True, help="ADDRESS:PORT")
    parser.add_argument("--tree", required=True)
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--cert", help="speak TLS with this certificate")
    parser.add_argument("--key")
    arguments = parser.parse_args()
    address, _, port = arguments.listen.rpartition(":")
    server = Server((address, int(port)), Handler)
    server.state = State(arguments.tree, arguments.scenario, arguments.log)
    if arguments.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.cert, arguments.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()
