"""Answers of the gateway that tell failures."""

from __future__ import annotations

import unittest
import uuid

from opencode_gateway import (
    AccessError,
    BusyError,
    Gateway,
    InvalidRequestError,
    NotFoundError,
    ProblemError,
)

from .support import WithGateway, until


class Problems(WithGateway):
    def test_an_unknown_agent_is_not_found(self) -> None:
        with self.assertRaises(NotFoundError) as caught:
            self.gateway.ask("alicia", "echo:hi")
        self.assertEqual(caught.exception.status, 404)
        self.assertEqual(caught.exception.code, "ERR_OPENCODE_UNKNOWN_AGENT")
        self.assertIn("alicia", str(caught.exception))

    def test_a_wrong_field_is_named(self) -> None:
        with self.assertRaises(InvalidRequestError) as caught:
            self.gateway.ask("alice", {"text": "echo:hi", "deadline_ms": -1})
        self.assertEqual((caught.exception.status, caught.exception.field), (400, "deadline_ms"))

    def test_a_key_with_another_input_is_refused(self) -> None:
        key = str(uuid.uuid4())
        first = self.gateway.turn("alice", "echo:one", key=key)
        again = self.gateway.turn("alice", {"text": "echo:one"}, key=key)
        self.assertEqual(list(first), list(again))
        self.assertEqual(first.turn_id, again.turn_id)
        with self.assertRaises(InvalidRequestError) as caught:
            self.gateway.ask("alice", "echo:two", key=key)
        self.assertEqual(caught.exception.code, "ERR_OPENCODE_KEY_REUSED")

    def test_a_wrong_token_is_refused(self) -> None:
        with self.assertRaises(AccessError) as caught:
            Gateway(self.url, "not-a-token").ask("alice", "echo:hi")
        self.assertEqual(caught.exception.status, 401)
        self.assertIn("opencode-runtime token", str(caught.exception))

    def test_a_body_that_is_too_large_is_refused(self) -> None:
        with self.assertRaises(InvalidRequestError) as caught:
            self.gateway.ask("alice", "echo:" + 10_000_000 * "x")
        self.assertEqual(caught.exception.status, 413)

    def test_a_full_queue_tells_the_wait(self) -> None:
        agent = f"busy-{uuid.uuid4().hex[:8]}"
        self.gateway.put_agent(agent, {"max_concurrent_turns": 1, "max_queued_turns": 0})
        try:
            running = self.gateway.turn(agent, "hang")
            turn_id = running.turn_id
            until(lambda: self.gateway.get_turn(turn_id)["state"], lambda state: state == "running")
            with self.assertRaises(BusyError) as caught:
                self.gateway.ask(agent, "echo:hi")
            self.assertEqual((caught.exception.status, caught.exception.code), (429, "overloaded"))
            self.gateway.cancel(turn_id)
            list(running)
        finally:
            self.gateway.delete_agent(agent)

    def test_an_answer_of_another_program_is_told(self) -> None:
        with self.assertRaises(ProblemError) as caught:
            Gateway(f"{self.url}/elsewhere", self.token).ask("alice", "echo:hi")
        self.assertEqual(caught.exception.status, 404)

    def test_an_address_without_a_host_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "http://127.0.0.1:7420"):
            Gateway("localhost:7420")


if __name__ == "__main__":
    unittest.main()
