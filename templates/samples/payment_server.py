#!/usr/bin/env python3
"""A payment service to try templates/payment_flow.yaml with: nothing but Python's standard library, nothing is stored.

    payment_server.py [--port 8402] [--token sandbox]

POST /v1/authorizations          {"reference", "amount_cents", "currency", "card_token"} -> 201 {"authorization_id"}
POST /v1/authorizations/ID/capture   {"amount_cents"} -> 201 {"capture_id", "captured_cents"}

A request with the Idempotency-Key of an earlier one that went well gets the same answer again. card_token decides what else
is answered: tok_declined 402, tok_busy 429 for the first request of a key, tok_down 503 for the first two."""

import argparse
import http.server
import json
import re
import threading


class Service:
    """What the service knows; one lock around everything."""

    def __init__(self, token):
        self.token = token
        self.lock = threading.Lock()
        self.refused = {}   # idempotency key -> how often it was told to come again
        self.answers = {}   # idempotency key -> the answer that went well
        self.held = {}      # authorization id -> cents

    def answer(self, path, key, body):
        """Status, document, headers."""
        with self.lock:
            if not key:
                return 400, {"error": "the header Idempotency-Key is missing"}, {}
            if key in self.answers:
                return self.answers[key]
            found = re.fullmatch(r"/v1/authorizations/([a-z0-9_]+)/capture", path)
            if found:
                answer = self.capture(found.group(1), body)
            elif path == "/v1/authorizations":
                answer = self.authorize(key, body)
            else:
                return 404, {"error": "there is no " + path}, {}
            if answer[0] == 201:
                self.answers[key] = answer
            return answer

    def authorize(self, key, body):
        card, cents = body.get("card_token"), body.get("amount_cents")
        if not isinstance(cents, int) or cents < 1:
            return 422, {"error": "amount_cents must be a positive integer"}, {}
        if card == "tok_declined":
            return 402, {"error": "payment required", "reason": "insufficient funds"}, {}
        for token, times, status in (("tok_busy", 1, 429), ("tok_down", 2, 503)):
            if card == token and self.refused.get(key, 0) < times:
                self.refused[key] = self.refused.get(key, 0) + 1
                return status, {"error": "come again"}, {"Retry-After": "1"}
        name = f"auth_{len(self.held) + 1}"
        self.held[name] = cents
        return 201, {"authorization_id": name}, {}

    def capture(self, name, body):
        cents = body.get("amount_cents")
        if name not in self.held:
            return 404, {"error": "there is no authorization " + name}, {}
        if not isinstance(cents, int) or not 1 <= cents <= self.held[name]:
            return 422, {"error": "amount_cents is more than is held"}, {}
        return 201, {"capture_id": "cap_" + name.removeprefix("auth_"), "captured_cents": cents}, {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > 65536:
            self.close_connection = True
            return self.reply(413, {"error": "the body is larger than 64 KiB"}, {})
        text = self.rfile.read(length)
        service = self.server.service
        if self.headers.get("Authorization") != "Bearer " + service.token:
            return self.reply(401, {"error": "the token is wrong"}, {})
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return self.reply(400, {"error": "the body is no JSON object"}, {})
        return self.reply(*service.answer(self.path, self.headers.get("Idempotency-Key"), body))

    def reply(self, status, document, headers):
        text = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)


def main():
    parser = argparse.ArgumentParser(description="A payment service for the example payment_flow")
    parser.add_argument("--port", type=int, default=8402, help="0: a free one")
    parser.add_argument("--token", default="sandbox")
    options = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.daemon_threads = True
    server.service = Service(options.token)
    print(f"payment sandbox: http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


main()
