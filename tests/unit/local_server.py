"""A local server that sends weights correctly or with faults, depending on the path."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CONTENT = bytes(range(256)) * 4000  # 1 MB
NOWHERE = "http://127.0.0.1:9"  # refuses every connection


class LocalServer(http.server.ThreadingHTTPServer):
    """Send `CONTENT`; the first part of the path selects the fault.

    Attributes:
        address: Address of the server.
        requested: Requested paths.
        gate: Event that `/held` waits for in the middle of the file.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.requested: list[str] = []
        self.gate = threading.Event()
        self.closing = threading.Event()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.requested.append(self.path)
        how = self.path.split("/")[1]
        if how == "missing":
            self.send_error(404)
            return
        if how == "silent":
            self.server.closing.wait()
            return
        if how == "linked":  # as the Hugging Face hub does
            self.send_response(302)
            self.send_header("X-Linked-ETag", f'"{"a" * 64}"')
            self.send_header("Location", "/good")
            self.end_headers()
            return
        self.send_response(200)
        if how not in ("unsized", "endless"):
            self.send_header("Content-Length", str(len(CONTENT)))
        if how == "announced":
            self.send_header("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==")
        self.end_headers()
        with suppress(OSError):  # the client has gone
            getattr(self, how)()

    def good(self) -> None:
        self.wfile.write(CONTENT)

    unsized = announced = good

    def cut(self) -> None:
        self.wfile.write(CONTENT[:1000])

    def stall(self) -> None:
        self.cut()
        self.server.closing.wait()

    def held(self) -> None:
        self.cut()
        self.server.gate.wait(60)
        self.wfile.write(CONTENT[1000:])

    def slow(self) -> None:
        for value in CONTENT:
            self.wfile.write(bytes([value]))
            time.sleep(0.02)

    def endless(self) -> None:
        while not self.server.closing.is_set():
            self.wfile.write(CONTENT)

    def log_message(self, *_args) -> None:
        """Keep the tests' output quiet."""


@contextmanager
def serving() -> Iterator[LocalServer]:
    """Run a server until the end of the block."""
    server = LocalServer()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server
    finally:
        server.gate.set()
        server.closing.set()
        server.shutdown()
        server.server_close()
