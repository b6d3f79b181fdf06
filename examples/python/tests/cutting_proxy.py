"""Proxy that cuts connections to the gateway."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import List, Optional
from urllib.parse import urlsplit


class CuttingProxy(ThreadingTCPServer):
    """Proxy on loopback that cuts each connection after some bytes of the answer.

    ``cuts`` has the number of bytes for each connection in order. All later connections are whole.
    """

    daemon_threads = True

    def __init__(self, target: str, cuts: List[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Cut)
        parts = urlsplit(target)
        self.target = (parts.hostname or "", parts.port or 80)
        self.connections = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._cuts = cuts
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self._thread.start()

    def next_limit(self) -> Optional[int]:
        """Returns the number of bytes of the next connection, ``None`` for all."""
        self.connections += 1
        return self._cuts[self.connections - 1] if self.connections <= len(self._cuts) else None

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Cut(BaseRequestHandler):
    server: CuttingProxy

    def handle(self) -> None:
        client = self.request
        limit = self.server.next_limit()
        with socket.create_connection(self.server.target) as gateway:
            asks = threading.Thread(target=_copy, args=(client, gateway, None))
            asks.start()
            _copy(gateway, client, limit)
            asks.join()


def _copy(source: socket.socket, sink: socket.socket, limit: Optional[int]) -> None:
    """Copies bytes until the end or the limit, then ends both connections."""
    with suppress(OSError):
        while limit is None or limit > 0:
            data = source.recv(65_536)
            if not data:
                break
            sink.sendall(data if limit is None else data[:limit])
            limit = None if limit is None else limit - len(data)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
