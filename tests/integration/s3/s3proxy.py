"""A proxy before the S3 server: counts what passes and answers with scripted faults.

Signatures stay valid, because the Host header that the client signed is passed on as it is.
"""
import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Request:
    def __init__(self, method, path, span, status, size):
        self.method, self.path, self.range = method, path, span
        self.status, self.size = status, size

    def __repr__(self):
        return f"{self.method} {self.path} {self.range or ''} -> {self.status}, {self.size} bytes"


class Proxy:
    """`fault(method, path)` gives None, (status, headers, body) or "hang", "cut", "half", "lost"."""

    def __init__(self, port):
        self.requests, self.fault = [], None
        self.released = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def handle_one(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                fault = proxy.fault and proxy.fault(self.command, self.path)
                if fault == "hang":
                    proxy.note(self, 0, 0)
                    proxy.released.wait()
                if fault in ("hang", "cut"):
                    self.close_connection = True
                    return
                if fault and fault not in ("half", "lost"):
                    status, headers, answer = fault
                else:
                    status, headers, answer = proxy.forward(port, self, body)
                proxy.note(self, status, len(answer))
                if fault == "lost":  # done, but the answer does not come back
                    self.close_connection = True
                    return
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if self.command != "HEAD":
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                if fault == "half":
                    self.wfile.write(answer[:len(answer) // 2])
                    self.close_connection = True
                elif self.command != "HEAD":
                    self.wfile.write(answer)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def note(self, handler, status, size):
        self.requests.append(Request(handler.command, handler.path, handler.headers.get("Range"),
                                     status, size))
        self.requests[-1].at = time.monotonic()

    @staticmethod
    def forward(port, handler, body):
        upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        upstream.putrequest(handler.command, handler.path, skip_host=True,
                            skip_accept_encoding=True)
        for name, value in handler.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders(body)
        answer = upstream.getresponse()
        data = answer.read()
        kept = {n: v for n, v in answer.getheaders()
                if n.lower() not in ("connection", "transfer-encoding", "keep-alive") and
                (n.lower() != "content-length" or handler.command == "HEAD")}
        upstream.close()
        return answer.status, kept, data

    def fetched(self, part=""):
        """Bytes of the bodies that GET requests for this path brought."""
        return sum(r.size for r in self.requests if r.method == "GET" and part in r.path)

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
