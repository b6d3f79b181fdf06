"""Requests about agents."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Optional, cast

from .calls import Caller, path_of
from .types import Agent


class AgentCalls(Caller):
    """Requests about the agents of a gateway."""

    def agents(self, tenant: Optional[str] = None, state: Optional[str] = None) -> Iterator[Agent]:
        """Yields the agents that the token may see, by their ids."""
        return self.pages("/v1/agents", tenant=tenant, state=state)

    def agent(self, agent: str) -> Agent:
        """Returns an agent."""
        return cast(Agent, self.call("GET", path_of("agents", agent)))

    def put_agent(self, agent: str, spec: Mapping[str, Any]) -> Agent:
        """Declares an agent; the spec replaces the whole spec of a known agent."""
        return cast(Agent, self.call("PUT", path_of("agents", agent), dict(spec)))

    def patch_agent(self, agent: str, changes: Mapping[str, Any]) -> Agent:
        """Changes fields of an agent's spec; ``None`` removes a field."""
        return cast(Agent, self.call("PATCH", path_of("agents", agent), dict(changes)))

    def delete_agent(self, agent: str) -> None:
        """Removes an agent, and erases the texts of its turns."""
        self.call("DELETE", path_of("agents", agent))

    def start(self, agent: str) -> Agent:
        """Starts an agent's server, when a place is free. Returns at once."""
        return cast(Agent, self.call("POST", path_of("agents", agent, "start")))

    def stop(self, agent: str, drain_ms: int = 0) -> Agent:
        """Stops an agent's server. Running turns have ``drain_ms`` to end."""
        path = path_of("agents", agent, "stop")
        return cast(Agent, self.call("POST", path, {"drain_ms": drain_ms}))
