"""``drive_turn`` of the drop-in with adapters that fail, as a host's own runtime is tested."""

from __future__ import annotations

import asyncio
import logging
import unittest
from typing import Any, Callable, ClassVar, Dict, List, Optional

from opencode_runtime import OpenCodeConfig, drive_turn

Reply = Dict[str, Any]


class FakeAdapter:
    """Adapter that sends a delta and a final reply. Subclasses fail at one step."""

    made: ClassVar[List[FakeAdapter]] = []

    def __init__(self, config: OpenCodeConfig, sink: Callable[[Reply], Any]) -> None:
        self.config = config
        self.sink = sink
        self.is_closed = False
        self.has_session = False
        self.made.append(self)

    async def ensure_session(self) -> None:
        self.has_session = True

    async def prompt(self, text: str, trace_id: Optional[str] = None) -> None:
        await self.sink({"kind": "delta", "trace_id": trace_id, "content": text})
        await self.sink({"kind": "final", "trace_id": trace_id, "content": text})

    async def close(self) -> None:
        self.is_closed = True


class NoSession(FakeAdapter):
    async def ensure_session(self) -> None:
        raise ConnectionError("no server, key sk-secret")


class NoPrompt(FakeAdapter):
    async def prompt(self, text: str, trace_id: Optional[str] = None) -> None:
        raise RuntimeError("exploded, key sk-secret")


class HalfAPrompt(FakeAdapter):
    async def prompt(self, text: str, trace_id: Optional[str] = None) -> None:
        await self.sink({"kind": "delta", "trace_id": trace_id, "content": text})
        raise RuntimeError("exploded")


class ErrorThenRaise(FakeAdapter):
    async def prompt(self, text: str, trace_id: Optional[str] = None) -> None:
        await self.sink({"kind": "error", "trace_id": trace_id, "error": "own", "code": "auth"})
        raise RuntimeError("exploded")


class MoreAfterTheEnd(FakeAdapter):
    async def prompt(self, text: str, trace_id: Optional[str] = None) -> None:
        await super().prompt(text, trace_id)
        await super().prompt(text, trace_id)


class NoEnd(FakeAdapter):
    async def prompt(self, text: str, trace_id: Optional[str] = None) -> None:
        return


class Hang(FakeAdapter):
    async def prompt(self, text: str, trace_id: Optional[str] = None) -> None:
        await asyncio.sleep(3600)


class NoClose(FakeAdapter):
    async def close(self) -> None:
        await super().close()
        raise RuntimeError("cannot close")


class NoAdapter(FakeAdapter):
    def __init__(self, config: OpenCodeConfig, sink: Callable[[Reply], Any]) -> None:
        raise RuntimeError("cannot be made")


class DriveTurn(unittest.IsolatedAsyncioTestCase):
    """Failures of an adapter, which need no gateway."""

    def setUp(self) -> None:
        FakeAdapter.made = []
        self.received: List[Reply] = []
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    async def sink(self, reply: Reply) -> None:
        await asyncio.sleep(0)
        self.received.append(reply)

    async def drive(self, factory: Callable[..., Any], sink: Any = None, **more: Any) -> Reply:
        given: Dict[str, Any] = {"base_url": "http://127.0.0.1:5900", "model_id": "gpt-4o"}
        return await drive_turn(
            "hello", "t1", sink or self.sink, adapter_factory=factory, **{**given, **more}
        )

    def kinds(self) -> List[str]:
        return [reply["kind"] for reply in self.received]

    async def test_delta_and_final_reach_the_sink_with_the_trace_id(self) -> None:
        last = await self.drive(FakeAdapter)
        self.assertEqual(self.kinds(), ["delta", "final"])
        self.assertEqual({reply["trace_id"] for reply in self.received}, {"t1"})
        self.assertEqual(last, self.received[-1])
        (adapter,) = FakeAdapter.made
        self.assertTrue(adapter.has_session and adapter.is_closed)

    async def test_the_arguments_reach_the_adapter(self) -> None:
        await self.drive(FakeAdapter, server_password="s3cr3t", model_provider_id="other")
        config = FakeAdapter.made[0].config
        self.assertEqual(config.base_url, "http://127.0.0.1:5900")
        self.assertEqual((config.model_provider_id, config.model_id), ("other", "gpt-4o"))
        self.assertEqual(config.server_password, "s3cr3t")

    async def test_each_failure_is_one_error_reply_and_closes_the_adapter(self) -> None:
        for factory, kinds in (
            (NoSession, ["error"]),
            (NoPrompt, ["error"]),
            (HalfAPrompt, ["delta", "error"]),
            (ErrorThenRaise, ["error"]),
            (NoEnd, ["error"]),
            (MoreAfterTheEnd, ["delta", "final"]),
            (NoClose, ["delta", "final"]),
        ):
            with self.subTest(factory.__name__):
                self.received, FakeAdapter.made = [], []
                last = await self.drive(factory)
                self.assertEqual(self.kinds(), kinds)
                self.assertEqual((last, last["trace_id"]), (self.received[-1], "t1"))
                self.assertNotIn("sk-secret", str(self.received))
                self.assertTrue(FakeAdapter.made[0].is_closed)

    async def test_an_adapter_that_cannot_be_made_is_one_error_reply(self) -> None:
        await self.drive(NoAdapter)
        self.assertEqual(self.kinds(), ["error"])

    async def test_the_log_has_the_exception(self) -> None:
        logging.disable(logging.NOTSET)
        with self.assertLogs("opencode_runtime", "WARNING") as logs:
            await self.drive(NoPrompt)
        self.assertIn("exploded", logs.output[0])

    async def test_a_sink_may_be_a_plain_function(self) -> None:
        await self.drive(FakeAdapter, sink=self.received.append)
        self.assertEqual(self.kinds(), ["delta", "final"])

    async def test_a_sink_that_raises_or_hangs_stops_nothing(self) -> None:
        async def hangs(reply: Reply) -> None:
            self.received.append(reply)
            await asyncio.sleep(3600)

        def raises(reply: Reply) -> None:
            self.received.append(reply)
            raise RuntimeError("the sink exploded")

        for sink in (hangs, raises):
            self.received = []
            last = await self.drive(FakeAdapter, sink=sink, sink_timeout=0.05)
            self.assertEqual(self.kinds(), ["delta", "final"])
            self.assertEqual(last["kind"], "final")

    async def test_a_cancelled_task_is_cancelled_and_closes_the_adapter(self) -> None:
        task = asyncio.ensure_future(self.drive(Hang))
        while not FakeAdapter.made:
            await asyncio.sleep(0)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual((self.kinds(), FakeAdapter.made[0].is_closed), ([], True))


if __name__ == "__main__":
    unittest.main()
