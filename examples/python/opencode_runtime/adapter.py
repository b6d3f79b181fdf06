"""Adapter that runs one turn of an agent of the gateway, and hands its replies to a sink."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Awaitable, Callable, Dict, Optional, Tuple
from urllib.parse import quote, unquote

from opencode_gateway import AsyncGateway, AsyncReplies, Gateway, GatewayError
from opencode_gateway.types import TurnInput

logger = logging.getLogger(__name__)

#: Receiver of replies, which the adapter awaits.
Sink = Callable[[Dict[str, Any]], Awaitable[None]]

_AGENTS = "/v1/agents/"
#: Time for which a gateway that does not answer is asked again, in seconds.
_RETRY_S = 10.0
#: Longest silence of a connection, in seconds.
_SILENCE_S = 60.0
#: Time after the limit of a turn in which the gateway tells the end, in seconds.
_MARGIN_S = 2.0
#: Time limit of each request that ends a turn, in seconds.
_CLOSE_S = 10.0


@dataclass
class OpenCodeConfig:
    """Address of an agent, and what its turns are run with."""

    base_url: str
    """Address of the agent, as ``OpenCodeServer.base_url`` has it."""

    server_password: Optional[str]
    """Token of the gateway."""

    model_provider_id: str
    """Provider of the model."""

    model_id: str
    """Model; empty for the agent's own."""

    deadline_ms: Optional[int] = None
    """Time limit of a turn at the gateway; ``None`` for the agent's own."""

    session_id: Optional[str] = None
    """Session that the turn goes on; ``None`` for a new one."""


def agent_url(gateway_url: str, agent_id: str) -> str:
    """Returns the address of an agent."""
    return f"{gateway_url.rstrip('/')}{_AGENTS}{quote(agent_id, safe='')}"


def split_agent_url(base_url: str) -> Tuple[str, str]:
    """Returns the address of the gateway, and the id of the agent. Raises ``ValueError``."""
    gateway_url, _, name = base_url.rstrip("/").rpartition(_AGENTS)
    if not gateway_url or not name or "/" in name:
        raise ValueError(f"Expected the address of an agent, …{_AGENTS}ID, got {base_url!r}")
    return gateway_url, unquote(name)


class OpenCodeAdapter:
    """Runs a turn of an agent. ``close`` leaves no turn running."""

    def __init__(self, config: OpenCodeConfig, sink: Sink) -> None:
        self._config = config
        self._sink = sink
        self._gateway: Optional[AsyncGateway] = None
        self._agent_id = ""
        self._replies: Optional[AsyncReplies] = None
        self._start: Optional[asyncio.Task[str]] = None

    async def ensure_session(self) -> None:
        """Prepares the turn. The gateway makes a session together with its first turn."""
        url, self._agent_id = split_agent_url(self._config.base_url)
        limit_s = (self._config.deadline_ms or 0) / 1000 or _RETRY_S
        # A thread that waits for a gateway that hangs would outlive the turn.
        gateway = Gateway(
            url,
            self._config.server_password,
            retry_s=min(_RETRY_S, limit_s),
            silence_s=min(_SILENCE_S, limit_s + _MARGIN_S),
        )
        self._gateway = AsyncGateway(gateway)

    async def prompt(self, text: str, trace_id: Optional[str] = None) -> None:
        """Runs a turn, and hands each reply to the sink, which is awaited."""
        if self._gateway is None:
            raise RuntimeError("Call ensure_session() before prompt()")
        self._replies = self._gateway.turn(self._agent_id, self._input(text, trace_id))
        # A task of its own: if the prompt is cancelled meanwhile, close() needs the id.
        self._start = asyncio.ensure_future(self._replies.turn_id())
        await asyncio.shield(self._start)
        async for reply in self._replies:
            await self._sink({name: value for name, value in reply.items() if name != "seq"})
        self._replies = None

    async def close(self) -> None:
        """Cancels a turn that has not ended."""
        replies, self._replies = self._replies, None
        if replies is None or self._gateway is None or self._start is None:
            return
        if self._start.done() and self._start.exception():
            return  # No turn has begun.
        try:
            turn_id = await asyncio.wait_for(self._start, _CLOSE_S)
            await asyncio.wait_for(self._gateway.cancel(turn_id), _CLOSE_S)
        except (GatewayError, asyncio.TimeoutError) as error:
            logger.warning("A turn could not be cancelled: %s", error)
        finally:
            replies.close()

    def _input(self, text: str, trace_id: Optional[str]) -> TurnInput:
        config = self._config
        turn: TurnInput = {"text": text, "trace_id": trace_id}
        if config.model_id:
            turn["model"] = {
                "provider_id": config.model_provider_id,
                "model_id": config.model_id,
            }
        if config.session_id is not None:
            turn["session_id"] = config.session_id
        if config.deadline_ms is not None:
            turn["deadline_ms"] = config.deadline_ms
        return turn
