"""Program that answers in the place of a gateway, as a proxy or a wrong address does."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import List, Tuple

#: Status, body, and value of the header ``Retry-After``, which is not sent if it is empty.
Answer = Tuple[int, bytes, str]


class OtherProgram(ThreadingHTTPServer):
    """Answers requests with the given answers in turn, and with the last one from then on.

    Without any answer it hangs until it ends.
    """

    daemon_threads = True

    def __init__(self, *answers: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: List[Answer] = list(answers)
        self.requests = 0
        self.has_ended = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self.has_ended.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: OtherProgram

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answers = self.server.answers
        if not answers:
            self.server.has_ended.wait()
            return
        status, body, retry_after = answers[min(self.server.requests, len(answers) - 1)]
        self.server.requests += 1
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PATCH = do_PUT = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing."""
