# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves as its first path segment says: /html, /error, /slow, /cut, /endless, /moved, /secret,
/nothing, /path (a 404 that is no registry's), /refuses, /once (503 at first, then right), /gate (500 until /open is asked),
/mixed (another answer for each id). Prints its port; requests are counted at /count.

    odd_registry.py [certificate key [CA]]

https, with a CA only for those who show a certificate that it has signed. The certificate is read again for each connection, as
by a server that is told of a new one.
"""
import base64
import functools
import http.server
import json
import ssl
import sys
import threading
import time

SCHEMA = json.dumps({"type": "record", "name": "R", "fields": [{"name": "id", "type": "int"}]})
COUNTS = {}


@functools.cache
def fields(count):
    text = ",".join('{"name":"f%d","type":"int"}' % i for i in range(count))
    return 200, json.dumps({"schema": '{"type":"record","name":"R","fields":[%s]}' % text})


def by_id(word):
    """1 is good, 2 has a million fields, 3 a hundred thousand; no other is known."""
    if word == "1":
        return 200, json.dumps({"schema": SCHEMA})
    if word in ("2", "3"):
        return fields(1000000 if word == "2" else 100000)
    return 404, json.dumps({"error_code": 40403, "message": f"Schema {word} not found"})


class Odd(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, kind="application/vnd.schemaregistry.v1+json", length=None, headers=()):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(data)
        except OSError:  # more than is taken
            self.close_connection = True

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self):
        mode = self.path.split("/")[1]
        count = COUNTS[mode] = COUNTS.get(mode, 0) + 1
        good = json.dumps({"schema": SCHEMA, "id": 1, "version": 1})
        if mode == "count":
            self.answer(200, json.dumps(COUNTS))
        elif mode == "html":
            self.answer(200, "<html><body>Welcome to nginx</body></html>", "text/html; charset=utf-8")
        elif mode == "error" or (mode == "gate" and "open" not in COUNTS):
            self.answer(500, json.dumps({"error_code": 50001, "message": "the store is on fire"}))
        elif mode == "slow":
            time.sleep(30)
        elif mode == "cut":
            self.answer(200, good[: len(good) // 2])
        elif mode == "short":
            self.answer(200, good, length=len(good) + 100)
            self.close_connection = True
        elif mode == "endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b" " * 65536)
            except OSError:
                pass
            self.close_connection = True
        elif mode == "moved":
            self.answer(301, "", headers=[("Location", "http://127.0.0.1:1/")])
        elif mode == "secret":
            wanted = "Basic " + base64.b64encode(b"reader:s3cr3t-word").decode()
            if self.headers.get("Authorization") == wanted:
                self.answer(200, good)
            else:
                self.answer(401, json.dumps({"error_code": 40101, "message": "Unauthorized"}))
        elif mode == "nothing":
            self.answer(404, json.dumps({"error_code": 40403, "message": "Schema not found"}))
        elif mode == "path":
            self.answer(404, json.dumps({"error_code": 404, "message": "HTTP 404 Not Found"}))
        elif mode == "mixed":
            self.answer(*by_id(self.path.split("/")[-1]))
        elif mode == "refuses":
            if "compatibility" in self.path:
                self.answer(200, json.dumps({"is_compatible": False, "messages": ["READER_FIELD_MISSING_DEFAULT_VALUE: id"]}))
            else:
                self.answer(404, json.dumps({"error_code": 40403, "message": "Schema not found"}))
        elif mode == "once" and count <= 2:
            self.answer(503, "", "text/plain")
        else:
            self.answer(200, good)

    def log_message(self, *_):
        pass


class Secure(http.server.ThreadingHTTPServer):
    def get_request(self):
        connection, address = super().get_request()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        if len(sys.argv) > 3:
            context.load_verify_locations(sys.argv[3])
            context.verify_mode = ssl.CERT_REQUIRED
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, *_):  # a client that does not trust us
        pass


if __name__ == "__main__":
    server = (Secure if len(sys.argv) > 1 else http.server.ThreadingHTTPServer)(("127.0.0.1", 0), Odd)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
