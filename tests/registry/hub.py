#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays Docker Hub in front of a plain registry: TLS, token authentication, blobs by way of a CDN.

One TLS listener answers for three names, as in life:
  registry-1.docker.io              401 with a Bearer challenge, until a token that fits comes
  auth.docker.io                    /token?service=...&scope=... issues tokens
  production.cloudflare.docker.com  serves blobs to which the registry redirects (307), and refuses
                                    every request that carries an Authorization header

Each request is a line of JSON in the log. Behaviour can be changed while it runs, by the JSON file given
with --config (read anew at each request):
  expires_in     what the token answer says, in seconds (300)
  lives          how long the token really lives (expires_in)
  omit_expires   leave expires_in out of the answer
  refuse_fresh   answer 401 to the first N uses of any token
  private        list of repositories that need the user name "user" and the password "secret"
  limit          answer 429 to manifest requests, as a Hub that has counted too many pulls
"""

import argparse
import base64
import http.client
import json
import secrets
import ssl
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REGISTRY = "registry-1.docker.io"
AUTH = "auth.docker.io"
CDN = "production.cloudflare.docker.com"
SERVICE = "registry.docker.io"


class State:
    """What the handlers share."""

    def __init__(self, upstream, log_path, config_path):
        self.upstream = upstream
        self.config_path = config_path
        self.lock = threading.Lock()
        self.log_file = open(log_path, "a", buffering=1)
        self.tokens = {}  # token -> (repository or None, dies at)
        self.refused = 0

    def config(self):
        try:
            with open(self.config_path) as file:
                return json.load(file)
        except FileNotFoundError:
            return {}

    def log(self, **fields):
        with self.lock:
            self.log_file.write(json.dumps(fields) + "\n")

    def issue(self, repository, seconds):
        token = "tok-" + secrets.token_urlsafe(900)  # the Hub's are JWTs of two kilobytes
        with self.lock:
            self.tokens[token] = (repository, time.monotonic() + seconds)
        return token

    def accepts(self, header, repository, config):
        kind, _, token = header.partition(" ")
        with self.lock:
            if kind.lower() != "bearer" or token not in self.tokens:
                return False
            scope, dies_at = self.tokens[token]
            if scope != repository or time.monotonic() > dies_at:
                return False
            if self.refused < config.get("refuse_fresh", 0):
                self.refused += 1
                return False
        return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "hub"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.route()

    def do_HEAD(self):
        self.route()

    def route(self):
        host = self.headers.get("Host", "").split(":")[0]
        {REGISTRY: self.registry, AUTH: self.token, CDN: self.cdn}.get(host, self.unknown_host)()

    # ------------------------------------------------------------------ answers

    def answer(self, status, body=b"", headers=()):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers = [("Content-Type", "application/json"), *headers]
        self.record(status)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def record(self, status):
        self.server.state.log(
            host=self.headers.get("Host"), method=self.command, path=self.path, status=status,
            authorization=self.headers.get("Authorization"), range=self.headers.get("Range"),
            accept=self.headers.get_all("Accept"), agent=self.headers.get("User-Agent"))

    def error(self, status, code, message, headers=(), detail=None):
        self.answer(status, {"errors": [{"code": code, "message": message, "detail": detail}]}, headers)

    def forward(self, path):
        """Passes the plain registry's answer on, body streamed."""
        connection = http.client.HTTPConnection(self.server.state.upstream)
        wanted = ("Accept", "Range", "If-None-Match")
        headers = {name: ", ".join(self.headers.get_all(name)) for name in wanted if name in self.headers}
        connection.request(self.command, path, headers=headers)
        response = connection.getresponse()
        self.record(response.status)
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("connection", "date", "server", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        while self.command != "HEAD" and (chunk := response.read(1 << 16)):
            self.wfile.write(chunk)
        connection.close()

    # ------------------------------------------------------------------ the three hosts

    def unknown_host(self):
        self.answer(421, b"no such host here\n")

    def token(self):
        config = self.server.state.config()
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        user, password = self.basic()
        if url.path != "/token" or query.get("service") != [SERVICE]:
            return self.answer(400, {"details": "unsupported service"})
        if user is not None and (user, password) != ("user", "secret"):
            return self.answer(401, {"details": "incorrect username or password"})
        repository = self.known(granted(query.get("scope", []), user, config))
        seconds = config.get("expires_in", 300)
        token = self.server.state.issue(repository, config.get("lives", seconds))
        body = {"token": token, "access_token": token, "expires_in": seconds,
                "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        if config.get("omit_expires"):
            del body["expires_in"]
        self.answer(200, body)

    def known(self, repository):
        """The Hub gives a token for what does not exist too, but one that opens nothing."""
        connection = http.client.HTTPConnection(self.server.state.upstream)
        connection.request("GET", f"/v2/{repository}/tags/list")
        return repository if connection.getresponse().status == 200 else None

    def basic(self):
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None, None
        user, _, password = base64.b64decode(value).decode().partition(":")
        return user, password

    def registry(self):
        config = self.server.state.config()
        repository, kind, rest = split(urllib.parse.urlsplit(self.path).path)
        authorization = self.headers.get("Authorization")
        if authorization is None or not self.server.state.accepts(authorization, repository, config):
            return self.challenge(repository, authorization is not None)
        if repository is None:
            return self.answer(200, {})
        if kind == "manifests" and config.get("limit"):
            return self.too_many()
        if kind == "blobs":
            return self.redirect(repository, rest)
        self.forward(self.path)

    def challenge(self, repository, had_token):
        value = f'Bearer realm="https://{AUTH}/token",service="{SERVICE}"'
        if repository is not None:
            value += f',scope="repository:{repository}:pull"'
        if had_token:
            value += ',error="insufficient_scope"'
        detail = repository and [{"Type": "repository", "Class": "", "Name": repository, "Action": "pull"}]
        self.error(401, "UNAUTHORIZED", "authentication required", [("WWW-Authenticate", value)], detail)

    def too_many(self):
        self.error(429, "TOOMANYREQUESTS",
                   "You have reached your unauthenticated pull rate limit. "
                   "https://www.docker.com/increase-rate-limit",
                   [("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "0;w=21600"),
                    ("Retry-After", "1")])

    def redirect(self, repository, digest):
        signature = secrets.token_hex(8)
        self.answer(307, b"", [(
            "Location", f"https://{CDN}/blobs/{repository}/{digest}/data?verify={signature}")])

    def cdn(self):
        if "Authorization" in self.headers:
            return self.answer(400, b"<Error>Only one auth mechanism allowed</Error>")
        parts = urllib.parse.urlsplit(self.path).path.split("/")
        if len(parts) < 5 or parts[1] != "blobs" or parts[-1] != "data":
            return self.answer(404)
        self.forward(f"/v2/{'/'.join(parts[2:-2])}/blobs/{parts[-2]}")


def granted(scopes, user, config):
    """The one repository that a token for these scopes opens; None where it opens nothing."""
    for scope in scopes:
        kind, _, rest = scope.partition(":")
        repository, _, actions = rest.rpartition(":")
        if kind == "repository" and "pull" in actions.split(","):
            if user is None and repository in config.get("private", []):
                return None
            return repository
    return None


def split(path):
    """/v2/a/b/manifests/c -> ("a/b", "manifests", "c"); /v2/ -> (None, None, None)."""
    parts = path.strip("/").split("/")
    for kind in ("manifests", "blobs", "tags"):
        if kind in parts[2:]:
            at = len(parts) - 1 - parts[::-1].index(kind)
            return "/".join(parts[1:at]), kind, "/".join(parts[at + 1:])
    return None, None, None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", required=True, help="ADDRESS:PORT")
    parser.add_argument("--upstream", required=True, help="ADDRESS:PORT of the plain registry")
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--config", required=True)
    arguments = parser.parse_args()
    address, _, port = arguments.listen.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.cert, arguments.key)
    server = ThreadingHTTPServer((address, int(port)), Handler)
    server.daemon_threads = True
    server.state = State(arguments.upstream, arguments.log, arguments.config)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()
