"""An HTTP server that keeps what is posted to it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any


class WebhookSink:
    """`posted`: path and JSON of what came. `codes`: what is answered, one after the other; then 200. `headers`: of answers. `hangs`:
    answers wait for it."""

    def __init__(self) -> None:
        self.posted: Queue[tuple[str, dict[str, Any]]] = Queue()
        self.codes: list[int] = []
        self.headers: dict[str, str] = {}
        self.hangs = threading.Event()
        self.hangs.set()
        self.url = ""

    @contextmanager
    def open(self, port: int = 0) -> Iterator["WebhookSink"]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                sink.hangs.wait()
                self.send_response(sink.codes.pop(0) if sink.codes else 200)
                for name, value in sink.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
                sink.posted.put((self.path, body))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 its signature
                """Says nothing."""

        with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
            server.daemon_threads = True
            self.url = f"http://127.0.0.1:{server.server_port}/hook?key=s3cret"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield self
            finally:
                self.hangs.set()
                server.shutdown()
                thread.join()
