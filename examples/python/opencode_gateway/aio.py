"""The client for asyncio. It runs the client for threads in threads of its own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, AsyncIterator, List, Optional, Union, cast

from .client import Gateway, Input
from .errors import TurnFailedError
from .replies import Replies
from .types import PendingRequest, Reply, TerminalReply, Turn


class AsyncReplies(AsyncIterator[Reply]):
    """Replies of a turn for ``async for``: each once, in order, until the terminal reply.

    A stream waits in a thread of its own, so that many streams do not use up the threads of the
    loop. A task that is cancelled while it waits closes the stream; the turn goes on.
    """

    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="opencode-replies")

    async def turn_id(self) -> str:
        """Returns the id of the turn. Starts the turn, if that has not happened yet."""
        return cast(str, await self._wait(lambda: self._replies.turn_id))

    async def __anext__(self) -> Reply:
        reply = await self._wait(lambda: next(self._replies, None))
        if reply is None:
            self.close()
            raise StopAsyncIteration
        return cast(Reply, reply)

    def close(self) -> None:
        """Stops reading. The turn goes on at the gateway."""
        self._replies.close()
        self._thread.shutdown(wait=False)

    async def __aenter__(self) -> AsyncReplies:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def _wait(self, step: Any) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, step)
        except BaseException:
            self.close()
            raise


class AsyncGateway:
    """A gateway for asyncio: the most used methods of ``Gateway``, and ``call`` for all others."""

    def __init__(self, gateway: Optional[Gateway] = None) -> None:
        self.gateway = gateway or Gateway()

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Sends a request to any route: see ``Gateway.call``."""
        return await asyncio.to_thread(self.gateway.call, method, path, body, **query)

    def turn(self, agent: str, turn: Input, *, key: Optional[str] = None) -> AsyncReplies:
        """Returns the replies of a new turn, as they come: see ``Gateway.turn``."""
        return AsyncReplies(self.gateway.turn(agent, turn, key=key))

    def replies(self, turn_id: str, after: int = 0) -> AsyncReplies:
        """Returns the replies of a turn after a number, then live ones: see ``Gateway.replies``."""
        return AsyncReplies(self.gateway.replies(turn_id, after))

    async def end_of(self, agent: str, turn: Input, *, key: Optional[str] = None) -> TerminalReply:
        """Runs a turn, and returns its terminal reply: ``final`` or ``error``."""
        async with self.turn(agent, turn, key=key) as replies:
            async for reply in replies:
                last = reply
        return cast(TerminalReply, last)

    async def ask(self, agent: str, turn: Input, *, key: Optional[str] = None) -> str:
        """Runs a turn, and returns its answer. Raises ``TurnFailedError`` for an error reply."""
        last = await self.end_of(agent, turn, key=key)
        if last["kind"] == "error":
            raise TurnFailedError(last)
        return last["content"]

    async def get_turn(self, turn_id: str) -> Turn:
        """Returns a turn: see ``Gateway.get_turn``."""
        return await asyncio.to_thread(self.gateway.get_turn, turn_id)

    async def cancel(self, turn_id: str) -> Turn:
        """Cancels a turn: see ``Gateway.cancel``."""
        return await asyncio.to_thread(self.gateway.cancel, turn_id)

    async def requests(self) -> List[PendingRequest]:
        """Returns the open requests of all agents, the oldest first."""
        return await asyncio.to_thread(self.gateway.requests)

    async def answer(
        self,
        request_id: str,
        answer: Union[str, List[List[str]]],
        message: Optional[str] = None,
    ) -> None:
        """Answers a request: see ``Gateway.answer``."""
        await asyncio.to_thread(self.gateway.answer, request_id, answer, message)
