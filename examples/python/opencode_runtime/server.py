"""Server of an agent, which the gateway supervises."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import PurePath
from typing import List, Optional

from opencode_gateway import Gateway, GatewayError, NotFoundError
from opencode_gateway.types import AgentStatus

from .adapter import agent_url


class OpenCodeStartError(TimeoutError):
    """A server that the gateway could not start, or that was not healthy in time."""


class OpenCodeBinaryNotFoundError(RuntimeError):
    """A host of the gateway without the opencode binary."""


def _gateway_url() -> str:
    return os.environ.get("OPENCODE_GATEWAY_URL") or "http://127.0.0.1:7420"


@dataclass
class OpenCodeServerConfig:
    """Configuration of an agent. The first seven fields are those of a host's own runtime."""

    home: str
    """Names the agent, if ``agent_id`` does not. The gateway keeps the agent's home itself."""

    port: int
    """Not used: the gateway chooses ports."""

    server_password: Optional[str]
    """Token of the gateway; ``OPENCODE_GATEWAY_TOKEN`` if it is ``None``."""

    litellm_base_url: str
    """Address of the LiteLLM proxy; an empty text if the agent is declared elsewhere."""

    litellm_key: str
    """Key of the proxy."""

    model_ids: List[str]
    """Models of the agent."""

    binary: str = "opencode"
    """Path of the opencode binary on the gateway's host; ``opencode`` for the gateway's own."""

    gateway_url: str = field(default_factory=_gateway_url)
    """Address of the gateway; ``OPENCODE_GATEWAY_URL`` if it is not given."""

    agent_id: str = ""
    """Id of the agent; made from ``home`` if it is empty."""


class OpenCodeServer:
    """Server of one agent. The gateway starts it, restarts it and stops it."""

    def __init__(self, config: OpenCodeServerConfig) -> None:
        self._config = config
        self._gateway = Gateway(config.gateway_url, config.server_password)
        self._agent_id = config.agent_id or _id_of(config.home)
        self._last_state = "unknown"

    @property
    def base_url(self) -> str:
        """Address of the agent, for ``drive_turn``."""
        return agent_url(self._config.gateway_url, self._agent_id)

    def write_config(self) -> None:
        """Declares the agent at the gateway: its proxy, key and models. Needs the scope ``admin``.

        Other fields of a known agent are kept. Nothing is sent without ``litellm_base_url``.
        """
        self._declare(self._gateway)

    def _declare(self, gateway: Gateway) -> None:
        config = self._config
        if not config.litellm_base_url:
            return
        spec = {
            "proxy": {"base_url": config.litellm_base_url, "api_key": config.litellm_key},
            "models": list(config.model_ids),
            **({} if config.binary == "opencode" else {"binary": config.binary}),
        }
        try:
            gateway.patch_agent(self._agent_id, spec)
        except NotFoundError:
            gateway.put_agent(self._agent_id, spec)

    def is_running(self) -> bool:
        """Returns whether the gateway answers, and the server is healthy."""
        try:
            return self._status()["state"] == "healthy"
        except GatewayError:
            return False

    async def ensure_running(self, *, deadline_s: float = 20.0, poll_s: float = 0.5) -> None:
        """Declares the agent, starts its server if it does not run, and waits until it is healthy.

        Raises ``OpenCodeStartError`` (a ``TimeoutError``) if the server does not start within
        ``deadline_s`` seconds, ``OpenCodeBinaryNotFoundError`` without a binary, and the errors of
        ``opencode_gateway`` if the gateway refuses or does not answer.
        """
        config = self._config
        # A gateway that hangs must not keep a thread for longer than the deadline.
        gateway = Gateway(
            config.gateway_url,
            config.server_password,
            connect_s=min(10.0, deadline_s),
            silence_s=deadline_s,
        )
        try:
            await asyncio.wait_for(self._start(gateway, poll_s), deadline_s)
        except asyncio.TimeoutError as error:
            if isinstance(error, OpenCodeStartError):
                raise
            raise OpenCodeStartError(
                f"The server of the agent {self._agent_id!r} was not healthy within "
                f"{deadline_s:g} s; its last state is {self._last_state}"
            ) from None

    async def _start(self, gateway: Gateway, poll_s: float) -> None:
        self._last_state = "unknown"
        await asyncio.to_thread(self._declare, gateway)
        await asyncio.to_thread(gateway.start, self._agent_id)
        while True:
            status = (await asyncio.to_thread(gateway.agent, self._agent_id))["status"]
            self._last_state = status["state"]
            if status["state"] == "healthy":
                return
            _raise_failure(status)
            await asyncio.sleep(poll_s)

    async def stop(self) -> None:
        """Stops the server, and returns when it has ended. Does nothing if it does not run."""
        try:
            await asyncio.to_thread(self._gateway.stop, self._agent_id)
        except NotFoundError:
            pass  # There is no such agent, so that nothing runs.

    def _status(self) -> AgentStatus:
        return self._gateway.agent(self._agent_id)["status"]


def _raise_failure(status: AgentStatus) -> None:
    """Raises the error of a server that is given up."""
    if status["state"] != "failed":
        return
    error = status.get("error", {})
    message = error.get("message") or status.get("reason") or "The server failed"
    if error.get("code") == "ERR_OPENCODE_BINARY_NOT_FOUND":
        raise OpenCodeBinaryNotFoundError(message)
    raise OpenCodeStartError(message)


def _id_of(home: str) -> str:
    """Returns the id of an agent: the last part of its home, and a hash, as homes may end alike."""
    name = re.sub(r"[^a-z0-9]+", "-", PurePath(home).name.lower()).strip("-")[:40]
    return "-".join(filter(None, (name, sha256(home.encode()).hexdigest()[:8])))
