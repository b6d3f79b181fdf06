"""``drive_turn`` of the drop-in at a gateway."""

from __future__ import annotations

import asyncio
import logging
import unittest
import uuid
from typing import Any, Dict, List

from opencode_gateway.types import Turn
from opencode_runtime import drive_turn

from .support import WithGateway, until

Reply = Dict[str, Any]


class GatewayTurns(WithGateway, unittest.IsolatedAsyncioTestCase):
    """Turns of the real adapter."""

    def setUp(self) -> None:
        self.received: List[Reply] = []
        self.trace_id = str(uuid.uuid4())
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    async def sink(self, reply: Reply) -> None:
        self.received.append(reply)

    async def drive(self, text: str, **more: Any) -> Reply:
        given: Dict[str, Any] = {
            "base_url": f"{self.url}/v1/agents/alice",
            "model_id": "gpt-4o",
            "server_password": self.token,
        }
        return await drive_turn(text, self.trace_id, self.sink, **{**given, **more})

    def turns(self) -> List[Turn]:
        """Returns the turns at the gateway that have the trace id of the test."""
        return [each for each in self.gateway.turns("alice") if each["trace_id"] == self.trace_id]

    def the_turn(self) -> Turn:
        """Returns the turn at the gateway that has the trace id of the test."""
        (turn,) = self.turns()
        return turn

    async def test_a_turn_streams_deltas_and_one_final_with_the_trace_id(self) -> None:
        last = await self.drive("every:20 stream:5")
        self.assertEqual([each["kind"] for each in self.received[-2:]], ["delta", "final"])
        self.assertEqual({each["trace_id"] for each in self.received}, {self.trace_id})
        self.assertEqual((last["content"], "seq" in last), ("x " * 5, False))

    async def test_a_failing_provider_is_one_error_with_its_code(self) -> None:
        last = await self.drive("fail:401")
        self.assertEqual(self.received, [last])
        self.assertEqual((last["kind"], last["code"]), ("error", "auth"))

    async def test_each_failure_before_the_turn_is_one_error(self) -> None:
        for more, code, retryable in (
            ({"base_url": f"{self.url}/v1/agents/alicia"}, "rejected", False),
            ({"base_url": "http://127.0.0.1:5900"}, "rejected", False),
            ({"server_password": "not-a-token"}, "rejected", False),
            ({"session_id": "ses_of_nobody"}, "session_not_found", False),
            ({"turn_timeout": -1.0}, "rejected", False),
        ):
            with self.subTest(str(more)):
                self.received = []
                last = await self.drive("echo:hi", **more)
                self.assertEqual(self.received, [last])
                self.assertEqual((last["code"], last["retryable"]), (code, retryable))
                self.assertNotIn("\n", last["error"])

    async def test_a_gateway_that_is_gone_is_one_error(self) -> None:
        last = await self.drive(
            "echo:hi", base_url="http://127.0.0.1:9/v1/agents/alice", turn_timeout=0.2
        )
        self.assertEqual((self.received, last["retryable"]), ([last], True))
        self.assertEqual(last["code"], "server_unavailable")

    async def test_a_turn_that_takes_too_long_ends_here_and_at_the_gateway(self) -> None:
        last = await self.drive("hang", turn_timeout=0.6)
        self.assertEqual((len(self.received), last["code"]), (1, "deadline_exceeded"))
        self.assertEqual(self.the_turn()["state"], "done")

    async def test_a_cancelled_task_cancels_the_turn_at_the_gateway(self) -> None:
        task = asyncio.ensure_future(self.drive("hang"))
        await asyncio.to_thread(until, self.turns, bool)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        reply = until(self.the_turn, lambda turn: turn["state"] == "done")["reply"]
        assert reply is not None and reply["kind"] == "error"
        self.assertEqual(reply["code"], "cancelled")

    async def test_a_task_that_is_cancelled_at_once_leaves_no_turn_running(self) -> None:
        task = asyncio.ensure_future(self.drive("hang"))
        await asyncio.sleep(0)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        until(self.turns, lambda turns: {each["state"] for each in turns} <= {"done"})

    async def test_a_session_goes_on(self) -> None:
        await self.drive("echo:one")
        session = self.the_turn()["session_id"]
        self.trace_id = str(uuid.uuid4())
        await self.drive("echo:two", session_id=session)
        self.assertEqual(self.the_turn()["session_id"], session)


if __name__ == "__main__":
    unittest.main()
