"""One turn, from its text to its last reply. Nothing is raised: a failure is one error reply."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import Any, Callable, Dict, Optional

from opencode_gateway import BusyError, ConnectionFailedError, ProblemError

from .adapter import OpenCodeAdapter, OpenCodeConfig

logger = logging.getLogger(__name__)

Reply = Dict[str, Any]

#: Codes of error replies that tell a wait; all others of a busy gateway are its own, or a proxy's.
_BUSY_CODES = ("overloaded", "rate_limited")
#: Time that the gateway has to tell the end of a turn whose time is over, in seconds.
_GRACE_S = 5.0


async def drive_turn(
    text: str,
    trace_id: Optional[str],
    sink: Callable[[Reply], Any],
    *,
    base_url: str,
    model_id: str,
    model_provider_id: str = "litellm",
    server_password: Optional[str] = None,
    adapter_factory: Callable[[OpenCodeConfig, Any], Any] = OpenCodeAdapter,
    turn_timeout: float = 300.0,
    sink_timeout: float = 30.0,
    session_id: Optional[str] = None,
) -> Reply:
    """Runs one turn, hands its replies to ``sink`` in order, and returns the last one.

    Every reply has the ``trace_id``. The last one is exactly one ``final`` or ``error``. Nothing is
    raised except the cancellation of the task, which cancels the turn too.

    Args:
        text: Prompt of the turn.
        trace_id: Id that each reply repeats.
        sink: Receiver of the replies, a function or a coroutine function. It is awaited. A sink
            that raises does not stop the turn.
        base_url: Address of the agent: ``OpenCodeServer.base_url``.
        model_id: Model of the turn; an empty text for the agent's own.
        model_provider_id: Provider of the model.
        server_password: Token of the gateway; ``OPENCODE_GATEWAY_TOKEN`` if it is ``None``.
        adapter_factory: Maker of the adapter from its config and its sink.
        turn_timeout: Time limit of the turn, in seconds.
        sink_timeout: Time limit of the sink for one reply, in seconds.
        session_id: Session that the turn goes on; ``None`` for a new one.
    """
    delivery = _Delivery(sink, sink_timeout)
    adapter = None
    try:
        config = OpenCodeConfig(
            base_url=base_url,
            server_password=server_password,
            model_provider_id=model_provider_id,
            model_id=model_id,
            deadline_ms=round(turn_timeout * 1000),
            session_id=session_id,
        )
        adapter = adapter_factory(config, delivery.deliver)
        await asyncio.wait_for(_run(adapter, text, trace_id), turn_timeout + _GRACE_S)
        if delivery.last is None:
            raise RuntimeError("The turn ended without a final or error reply")
    except Exception as error:
        logger.warning("A turn failed: %s", error, exc_info=True)
        await delivery.deliver(_error_reply(error, trace_id))
    finally:
        await _close(adapter)
    return delivery.last or {}


async def _run(adapter: Any, text: str, trace_id: Optional[str]) -> None:
    await adapter.ensure_session()
    await adapter.prompt(text, trace_id)


async def _close(adapter: Any) -> None:
    if adapter is None:
        return
    try:
        await adapter.close()
    except Exception:
        logger.exception("The adapter of a turn could not be closed")


class _Delivery:
    """Hands replies to a sink, up to the first terminal one."""

    def __init__(self, sink: Callable[[Reply], Any], limit_s: float) -> None:
        self._sink = sink
        self._limit_s = limit_s
        self.last: Optional[Reply] = None

    async def deliver(self, reply: Reply) -> None:
        """Hands a reply to the sink, and waits for it. Drops replies after the terminal one."""
        if self.last is not None:
            return
        if reply.get("kind") in ("final", "error"):
            self.last = reply
        try:
            result = self._sink(reply)
            if inspect.isawaitable(result):
                await asyncio.wait_for(result, self._limit_s)
        except Exception:
            logger.exception("The sink of a turn failed")


def _error_reply(error: Exception, trace_id: Optional[str]) -> Reply:
    code, retryable, message = _failure(error)
    return {
        "kind": "error",
        "trace_id": trace_id,
        "error": message,
        "code": code,
        "retryable": retryable,
    }


def _failure(error: Exception) -> tuple[str, bool, str]:
    """Returns the code of a failure, whether the same turn may succeed later, and a message.

    The text of an unknown exception may hold a secret, so that only the log has it.
    """
    if isinstance(error, ConnectionFailedError):
        return "server_unavailable", True, str(error)
    if isinstance(error, BusyError):
        code = error.code if error.code in _BUSY_CODES else "server_unavailable"
        return code, True, error.detail
    if isinstance(error, ProblemError):
        code = "internal" if error.status >= 500 else "rejected"
        return code, False, error.detail
    if isinstance(error, asyncio.TimeoutError):
        return "deadline_exceeded", True, "The turn took longer than turn_timeout."
    if isinstance(error, ValueError):
        return "rejected", False, "The turn has an option that is wrong: see the log."
    return "internal", False, "The turn failed: see the log."
