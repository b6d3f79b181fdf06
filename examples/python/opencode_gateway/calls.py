"""Requests to any route of a gateway."""

from __future__ import annotations

import os
from typing import Any, Iterator, Optional
from urllib.parse import quote, urlencode

from .connection import Address


class Caller:
    """A gateway, and the token of its caller."""

    def __init__(
        self,
        url: Optional[str] = None,
        token: Optional[str] = None,
        *,
        connect_s: float = 10.0,
        silence_s: float = 60.0,
        retry_s: float = 30.0,
    ) -> None:
        url = url or os.environ.get("OPENCODE_GATEWAY_URL") or "http://127.0.0.1:7420"
        token = token or os.environ.get("OPENCODE_GATEWAY_TOKEN")
        self._address = Address(url, token, connect_s, silence_s)
        self._retry_s = retry_s

    @property
    def url(self) -> str:
        """Address of the gateway."""
        return self._address.url

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Sends a request to any route, and returns the JSON of its answer; ``None`` without any.

        Parameters of the query that are ``None`` are left out.
        """
        given = {name: value for name, value in query.items() if value is not None}
        whole = f"{path}?{urlencode(given)}" if given else path
        answer = self._address.send(method, whole, body)
        text = answer.read()
        return None if answer.status == 204 else answer.json(text)

    def pages(self, path: str, **query: Any) -> Iterator[Any]:
        """Yields the items of a list, page by page, from any route that has one."""
        before: Optional[str] = None
        while True:
            page = self.call("GET", path, before=before, **query)
            yield from page["items"]
            before = page["next_before"]
            if before is None:
                return


def path_of(*parts: str) -> str:
    """Returns the path of a route. The parts may have any characters."""
    return "/".join(["/v1", *(quote(part, safe="") for part in parts)])
