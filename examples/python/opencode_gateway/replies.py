"""Replies of a turn, read live. A connection that breaks is opened again after the last reply."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Iterator, Mapping, Optional, TypeVar, cast

from .calls import path_of
from .connection import Address, Answer, not_of_the_gateway
from .errors import BusyError, ConnectionFailedError
from .patience import Patience
from .types import Reply

Result = TypeVar("Result")

_LINES = {"Accept": "application/x-ndjson"}
_TERMINAL = ("final", "error")
#: Answers of a gateway that ends, and of a proxy while the gateway is away.
_GATEWAY_AWAY = (502, 503, 504)
#: Time after which an open connection counts as a success, in seconds.
_GOOD_AFTER_S = 1.0


class Start:
    """Request that starts a turn. It may be sent again: its key makes it the same turn."""

    def __init__(self, agent: str, body: Mapping[str, Any], key: str) -> None:
        self.path = path_of("agents", agent, "turns")
        self.body = body
        self.headers = {"Idempotency-Key": key}


class Replies(Iterator[Reply]):
    """Iterator of a turn's replies: each once, in order, until the terminal reply.

    One thread iterates; ``close()`` may be called in any thread. A turn goes on without its reader,
    unless it was started with ``on_disconnect: "cancel"``.
    """

    def __init__(
        self,
        address: Address,
        *,
        start: Optional[Start] = None,
        turn_id: Optional[str] = None,
        after: int = 0,
        retry_s: float,
    ) -> None:
        self._address = address
        self._start = start
        self._turn_id = turn_id
        self._after = after
        self._patience = Patience(retry_s)
        self._answer: Optional[Answer] = None
        self._opened_at = 0.0
        self._lines: Iterator[bytes] = iter(())
        self._has_ended = False
        self._is_closed = threading.Event()
        self._reading = threading.Lock()

    @property
    def turn_id(self) -> str:
        """Id of the turn. Sends the request that starts the turn, if that has not happened yet."""
        with self._reading:
            if self._turn_id is None:
                self._persist(self._open)
        if self._turn_id is None:
            raise ConnectionFailedError("The stream was closed before the turn had an id.")
        return self._turn_id

    @property
    def last_seq(self) -> int:
        """Number of the last reply that was read; 0 before the first one."""
        return self._after

    def __next__(self) -> Reply:
        with self._reading:
            reply = None if self._has_ended else self._persist(self._read)
            if reply is None:
                self._drop()
                raise StopIteration
            return reply

    def close(self) -> None:
        """Stops reading. The turn goes on at the gateway."""
        self._is_closed.set()
        if self._answer:
            self._answer.interrupt()
        # A reader in another thread notices the end, and closes the connection itself.
        if self._reading.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._reading.release()

    def __enter__(self) -> Replies:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _persist(self, step: Callable[[], Result]) -> Optional[Result]:
        """Repeats a step while the connection breaks; returns ``None`` if the stream was closed."""
        wait_s = 0.0
        while not self._is_closed.wait(wait_s):
            try:
                return step()
            except (BusyError, ConnectionFailedError) as error:
                if isinstance(error, BusyError) and error.status not in _GATEWAY_AWAY:
                    raise
                self._drop()
                if not self._is_closed.is_set():
                    wait_s = self._patience.wait_after(error)
        return None

    def _open(self) -> None:
        if self._turn_id is not None:
            path = f"{path_of('turns', self._turn_id, 'replies')}?after={self._after}"
            answer = self._address.send("GET", path, headers=_LINES)
        elif self._start is not None:
            headers = {**_LINES, **self._start.headers}
            answer = self._address.send("POST", self._start.path, self._start.body, headers)
            self._turn_id = answer.header("Turn-Id")
        else:
            raise ValueError("Expected a turn to start, or the id of a turn")
        self._answer = answer
        self._opened_at = time.monotonic()
        self._lines = answer.lines()
        if self._is_closed.is_set():
            answer.interrupt()

    def _read(self) -> Reply:
        if self._answer is None:
            self._open()
        line = next(self._lines, None)
        if line is None:
            raise ConnectionFailedError("The stream ended before the last reply of the turn.")
        reply = self._reply_of(line)
        self._patience.reset()
        self._after = reply["seq"]
        self._has_ended = reply["kind"] in _TERMINAL
        return reply

    def _reply_of(self, line: bytes) -> Reply:
        value = self._answer.json(line) if self._answer else None
        if not isinstance(value, dict) or not {"kind", "seq"} <= value.keys():
            raise not_of_the_gateway(self._address.url)
        return cast(Reply, value)

    def _drop(self) -> None:
        """Closes the connection, if there is one."""
        answer, self._answer = self._answer, None
        if not answer:
            return
        answer.close()
        if time.monotonic() - self._opened_at > _GOOD_AFTER_S:
            self._patience.reset()
