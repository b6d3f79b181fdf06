"""Errors of the client. Each message says what happened, and what to do."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from .types import ErrorReply


class GatewayError(Exception):
    """Base class of all errors of this package."""


class ConnectionFailedError(GatewayError):
    """No gateway answered, or the connection broke and could not be opened again in time."""


class TurnFailedError(GatewayError):
    """A turn that ended with an error reply.

    ``reply`` is the error reply, ``code`` its code, and ``retryable`` tells whether the same turn
    may succeed later without any change.
    """

    def __init__(self, reply: ErrorReply) -> None:
        super().__init__(f"{reply['error']} ({reply['code']})")
        self.reply = reply
        self.code = reply["code"]
        self.retryable = reply["retryable"]


class ProblemError(GatewayError):
    """An answer of the gateway that tells a failure (``application/problem+json``).

    ``status``, ``code`` and ``detail`` are those of the answer; ``field`` is the wrong field of the
    request, and ``retry_after_s`` the wait after which the same request may succeed, if known.
    """

    advice = "See the log of the gateway."

    def __init__(
        self, status: int, problem: Mapping[str, Any], retry_after: Optional[str] = None
    ) -> None:
        self.status = status
        self.code = str(problem.get("code") or f"HTTP_{status}")
        self.detail = str(problem.get("detail") or f"The gateway answered with {status}")
        self.field: Optional[str] = problem.get("field")
        self.retry_after_s = _wait_s(problem.get("retry_after_ms"), retry_after)
        super().__init__(f"{self.detail} ({self.code}). {self.advice}")


class InvalidRequestError(ProblemError):
    """A request that is wrong: the same request fails again (400, 413, 414, 415, 422, 431)."""

    advice = "Correct the request: the same request fails again."


class AccessError(ProblemError):
    """A token that is missing, unknown or expired (401), or that may not do this (403)."""

    advice = "Check the token and its scopes: opencode-runtime token list --data-dir DIR."


class NotFoundError(ProblemError):
    """An agent, turn, request or session that is not there, or not for this token (404)."""

    advice = "Check the id, and that the token may see it."


class ConflictError(ProblemError):
    """A request that was answered already, or a change that the agent's server refused (409)."""

    advice = "Read the present state before you try again."


class BusyError(ProblemError):
    """A gateway that cannot take the request now (429, 503, 507). Wait, then send it again.

    502 and 504 are answers of a proxy that does not reach the gateway.
    """

    advice = "Send the same request again later."


_BY_STATUS = {
    **dict.fromkeys((400, 405, 413, 414, 415, 422, 431), InvalidRequestError),
    **dict.fromkeys((401, 403), AccessError),
    404: NotFoundError,
    409: ConflictError,
    **dict.fromkeys((429, 502, 503, 504, 507), BusyError),
}


def problem_of(
    status: int, problem: Mapping[str, Any], retry_after: Optional[str] = None
) -> ProblemError:
    """Returns the error of a problem, of the class that its status has.

    ``retry_after`` is the header, which counts if the problem tells no wait.
    """
    return _BY_STATUS.get(status, ProblemError)(status, problem, retry_after)


def _wait_s(wait_ms: Any, retry_after: Optional[str]) -> Optional[float]:
    """Returns a wait in seconds; ``None`` if none is told, or a date."""
    if isinstance(wait_ms, (int, float)):
        return wait_ms / 1000
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdecimal() else None
