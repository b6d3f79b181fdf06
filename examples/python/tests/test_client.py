"""Turns, streams and their cuts, requests and lists."""

from __future__ import annotations

import tempfile
import threading
import time
import unittest
import uuid
from pathlib import Path
from typing import Any, Dict, List, Mapping

from opencode_gateway import (
    ConflictError,
    ConnectionFailedError,
    Gateway,
    TurnFailedError,
    attachment,
)

from .cutting_proxy import CuttingProxy
from .support import WithGateway, until


def text_of(replies: List[Any]) -> str:
    return "".join(reply["content"] for reply in replies if reply["kind"] == "delta")


class Turns(WithGateway):
    def test_a_turn_streams_its_replies_live_and_in_order(self) -> None:
        replies = self.gateway.turn("alice", {"text": "every:150 stream:8", "trace_id": "t1"})
        first = next(replies)
        self.assertEqual(self.gateway.get_turn(replies.turn_id)["state"], "running")
        all_of_them = [first, *replies]
        self.assertEqual(
            [reply["seq"] for reply in all_of_them], list(range(1, len(all_of_them) + 1))
        )
        self.assertEqual({reply["trace_id"] for reply in all_of_them}, {"t1"})
        last = all_of_them[-1]
        assert last["kind"] == "final"
        self.assertEqual(last["content"], "x " * 8)
        self.assertEqual(text_of(all_of_them), last["content"])
        turn = self.gateway.get_turn(replies.turn_id)
        self.assertEqual((turn["state"], turn["last_seq"]), ("done", replies.last_seq))

    def test_a_session_goes_on_in_the_next_turn(self) -> None:
        first = self.gateway.turn("alice", "echo:one")
        list(first)
        session = self.gateway.get_turn(first.turn_id)["session_id"]
        assert session is not None
        second = self.gateway.turn("alice", {"text": "echo:two", "session_id": session})
        list(second)
        self.assertEqual(self.gateway.get_turn(second.turn_id)["session_id"], session)

    def test_ask_returns_the_answer_or_raises_the_error_reply(self) -> None:
        self.assertEqual(self.gateway.ask("alice", "echo:hi"), "hi")
        with self.assertRaises(TurnFailedError) as caught:
            self.gateway.ask("alice", "fail:401")
        self.assertEqual((caught.exception.code, caught.exception.retryable), ("auth", False))

    def test_a_turn_is_cancelled(self) -> None:
        with self.gateway.turn("alice", "hang") as replies:
            self.gateway.cancel(replies.turn_id)
            (last,) = replies
        assert last["kind"] == "error"
        self.assertEqual(last["code"], "cancelled")

    def test_a_turn_goes_on_after_its_reader_has_left(self) -> None:
        with self.gateway.turn("alice", "every:50 stream:8") as replies:
            next(replies)
        self.assertEqual(list(replies), [])
        rest = list(self.gateway.replies(replies.turn_id, after=replies.last_seq))
        self.assertEqual((rest[0]["seq"], rest[-1]["kind"]), (2, "final"))

    def test_a_reader_that_waits_is_ended_by_another_thread(self) -> None:
        replies = self.gateway.turn("alice", "hang")
        turn_id = replies.turn_id
        threading.Timer(0.2, replies.close).start()
        began = time.monotonic()
        self.assertEqual(list(replies), [])
        self.assertLess(time.monotonic() - began, 10)
        self.gateway.cancel(turn_id)

    def test_attachments_reach_the_session(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "notes.txt")
            file.write_text("a note")
            turn = {"text": "echo:read", "attachments": [attachment(file)]}
        replies = self.gateway.turn("alice", turn)  # type: ignore[arg-type]
        list(replies)
        session = self.gateway.get_turn(replies.turn_id)["session_id"]
        history = self.gateway.call("GET", f"/v1/sessions/{session}/history", agent="alice")
        (sent,) = history["items"][0]["attachments"]
        self.assertEqual((sent["mime"], sent["filename"]), ("text/plain", "notes.txt"))


class BrokenConnections(WithGateway):
    def test_a_stream_that_is_cut_at_any_place_gives_each_reply_once(self) -> None:
        cuts = [0, 40, 330, *range(400, 1400, 130)]
        with CuttingProxy(self.url, cuts) as proxy:
            # Less than the waits of this many failures in a row.
            gateway = Gateway(proxy.url, self.token, retry_s=3)
            replies = list(gateway.turn("alice", {"text": "every:20 stream:40", "trace_id": None}))
        self.assertGreater(proxy.connections, 3)
        self.assertEqual([reply["seq"] for reply in replies], list(range(1, len(replies) + 1)))
        last = replies[-1]
        assert last["kind"] == "final"
        self.assertEqual((last["content"], text_of(replies)), ("x " * 40, "x " * 40))

    def test_a_turn_whose_answer_was_lost_is_not_started_twice(self) -> None:
        trace_id = str(uuid.uuid4())
        with CuttingProxy(self.url, [0, 0, 0]) as proxy:
            gateway = Gateway(proxy.url, self.token)
            self.assertEqual(gateway.ask("alice", {"text": "echo:hi", "trace_id": trace_id}), "hi")
        self.assertEqual(proxy.connections, 4)
        started = [turn for turn in self.gateway.turns("alice") if turn["trace_id"] == trace_id]
        self.assertEqual(len(started), 1)

    def test_a_silent_connection_is_opened_again(self) -> None:
        with CuttingProxy(self.url, []) as proxy:
            gateway = Gateway(proxy.url, self.token, silence_s=1.1, retry_s=0.5)
            self.assertEqual(gateway.ask("alice", "slow:2600 echo:late"), "late")
        self.assertGreater(proxy.connections, 2)

    def test_a_gateway_that_is_gone_is_told_after_the_time_of_retries(self) -> None:
        with CuttingProxy(self.url, []) as proxy:
            url = proxy.url
        gateway = Gateway(url, self.token, retry_s=0.5)
        began = time.monotonic()
        with self.assertRaisesRegex(ConnectionFailedError, "opencode-runtime serve"):
            gateway.ask("alice", "echo:hi")
        self.assertLess(time.monotonic() - began, 5)


class Requests(WithGateway):
    def open_request(self, turn_id: str) -> Mapping[str, Any]:
        def of_turn() -> List[Any]:
            return [each for each in self.gateway.requests() if each["turn_id"] == turn_id]

        (pending,) = until(of_turn, lambda found: len(found) == 1)
        request: Dict[str, Any] = pending["request"]
        return request

    def test_a_permission_is_answered_once(self) -> None:
        replies = self.gateway.turn("alice", {"text": "permission", "on_permission": "ask"})
        request = self.open_request(replies.turn_id)
        self.assertEqual(request["type"], "permission")
        self.gateway.answer(request["id"], "once")
        self.assertEqual(list(replies)[-1]["kind"], "final")
        with self.assertRaises(ConflictError):
            self.gateway.answer(request["id"], "reject", "too late")

    def test_a_question_is_answered_with_labels(self) -> None:
        replies = self.gateway.turn("alice", {"text": "question", "on_question": "ask"})
        request = self.open_request(replies.turn_id)
        self.assertEqual(request["questions"][0]["question"], "Which?")
        self.gateway.answer(request["id"], [["B"]])
        result = next(reply for reply in replies if reply["kind"] == "tool_result")
        assert result["kind"] == "tool_result"
        self.assertIn("B", result["result"])
        list(replies)


class Lists(WithGateway):
    def test_pages_are_joined(self) -> None:
        agent = f"pages-{uuid.uuid4().hex[:8]}"
        self.gateway.put_agent(agent, {"labels": {"about": "pages"}})
        try:
            for number in range(3):
                self.gateway.ask(agent, f"echo:{number}")
            pages = self.gateway.pages("/v1/turns", agent=agent, limit=1)
            contents = [turn["reply"]["content"] for turn in pages]
            self.assertEqual(contents, ["2", "1", "0"])
            self.assertEqual(len(list(self.gateway.turns(agent, state="done"))), 3)
            self.assertIn(agent, [each["id"] for each in self.gateway.agents()])
        finally:
            self.gateway.delete_agent(agent)

    def test_usage_is_summed_up(self) -> None:
        self.gateway.ask("alice", "echo:count me")
        rows = {row["key"]: row for row in self.gateway.usage(by="agent")}
        self.assertGreater(rows["alice"]["turns"], 0)
        self.assertGreater(rows["alice"]["usage"]["output_tokens"], 0)


if __name__ == "__main__":
    unittest.main()
