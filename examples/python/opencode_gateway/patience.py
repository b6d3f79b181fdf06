"""Waits between the attempts to open a broken connection again."""

from __future__ import annotations

import time
from typing import Optional

from .errors import BusyError, GatewayError

_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 2.0


class Patience:
    """Time limit of a row of failures, with a wait before each further attempt."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._give_up_at: Optional[float] = None
        self._wait_s = 0.0

    def reset(self) -> None:
        """Notes a success: the next failure begins a new row."""
        self._give_up_at = None
        self._wait_s = 0.0

    def wait_after(self, error: GatewayError) -> float:
        """Returns the wait after a failure, in seconds. Raises the error if the time is over."""
        now = time.monotonic()
        if self._give_up_at is None:
            self._give_up_at = now + self._limit_s
        self._wait_s = min(max(2 * self._wait_s, _FIRST_WAIT_S), _LONGEST_WAIT_S)
        asked = error.retry_after_s if isinstance(error, BusyError) else None
        wait_s = max(self._wait_s, asked or 0.0)
        if now + wait_s > self._give_up_at:
            raise error
        return wait_s
