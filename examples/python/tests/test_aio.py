"""The client for asyncio."""

from __future__ import annotations

import asyncio
import time
import unittest
from typing import List

from opencode_gateway import AsyncGateway, TurnFailedError
from opencode_gateway.types import Reply

from .support import WithGateway


class AsyncTurns(WithGateway, unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.agents = AsyncGateway(self.gateway)

    async def test_a_turn_streams_while_the_loop_does_other_things(self) -> None:
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0.01)
                beats += 1

        heart = asyncio.ensure_future(beat())
        replies: List[Reply] = []
        async with self.agents.turn("alice", "every:50 stream:6") as stream:
            async for reply in stream:
                replies.append(reply)
        heart.cancel()
        self.assertEqual(replies[-1]["kind"], "final")
        self.assertGreater(beats, 10)

    async def test_many_streams_do_not_use_up_the_threads_of_the_loop(self) -> None:
        await self.agents.call("PATCH", "/v1/agents/alice", {"max_concurrent_turns": 20})
        streams = [self.agents.turn("alice", "hang") for _ in range(12)]
        ids = await asyncio.gather(*(stream.turn_id() for stream in streams))
        waiting = [asyncio.ensure_future(stream.__anext__()) for stream in streams]
        await asyncio.sleep(0)
        self.assertEqual(await asyncio.wait_for(self.agents.requests(), 20), [])
        await asyncio.gather(*(self.agents.cancel(turn_id) for turn_id in ids))
        ends = await asyncio.gather(*waiting)
        self.assertEqual({end["kind"] for end in ends}, {"error"})
        for stream in streams:
            stream.close()

    async def test_a_cancelled_task_closes_its_stream_and_the_turn_goes_on(self) -> None:
        stream = self.agents.turn("alice", "slow:800 echo:still here")
        turn_id = await stream.turn_id()
        task = asyncio.ensure_future(stream.__anext__())
        await asyncio.sleep(0)
        began = time.monotonic()
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertLess(time.monotonic() - began, 0.5)
        rest = [reply async for reply in self.agents.replies(turn_id)]
        self.assertEqual((rest[-1]["kind"], rest[-1].get("content")), ("final", "still here"))

    async def test_ask_returns_the_answer_or_raises_the_error_reply(self) -> None:
        self.assertEqual(await self.agents.ask("alice", "echo:hi"), "hi")
        with self.assertRaises(TurnFailedError):
            await self.agents.ask("alice", "fail:401")


if __name__ == "__main__":
    unittest.main()
