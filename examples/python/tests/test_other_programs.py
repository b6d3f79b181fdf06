"""Answers that are not the gateway's, and settings that no request can carry. No gateway runs."""

from __future__ import annotations

import json
import logging
import time
import unittest
from typing import Any, Dict, List

from opencode_gateway import BusyError, ConnectionFailedError, Gateway
from opencode_runtime import (
    OpenCodeServer,
    OpenCodeServerConfig,
    OpenCodeStartError,
    drive_turn,
)

from .other_program import OtherProgram

_FINAL = json.dumps({"kind": "final", "content": "hi", "seq": 1}).encode() + b"\n"


class OtherPrograms(unittest.TestCase):
    def test_answers_without_the_json_of_the_gateway_are_told(self) -> None:
        for body in (b"<html>\nok</html>\n", b"", b'{"kind":"\xff"}\n'):
            with self.subTest(body), OtherProgram((200, body, "")) as program:
                gateway = Gateway(program.url, retry_s=0)
                with self.assertRaisesRegex(ConnectionFailedError, "not one of the gateway"):
                    gateway.agent("a")
                with self.assertRaises(ConnectionFailedError):
                    gateway.ask("a", "hi")

    def test_lines_that_are_no_replies_are_told(self) -> None:
        for line in (b"[1]\n", b'{"kind":"delta"}\n', b"null\n"):
            with self.subTest(line), OtherProgram((200, line, "")) as program:
                with self.assertRaisesRegex(ConnectionFailedError, "not one of the gateway"):
                    Gateway(program.url, retry_s=0).ask("a", "hi")

    def test_a_stream_waits_for_a_gateway_that_a_proxy_does_not_reach(self) -> None:
        for status in (502, 503, 504):
            with self.subTest(status):
                with OtherProgram((status, b"<html>", ""), (200, _FINAL, "")) as program:
                    self.assertEqual(Gateway(program.url).ask("a", "hi"), "hi")
                    self.assertEqual(program.requests, 2)

    def test_the_wait_of_a_proxy_is_known(self) -> None:
        for text, wait_s in (("7", 7.0), ("Sun, 06 Nov 1994 08:49:37 GMT", None), ("", None)):
            with self.subTest(text), OtherProgram((429, b"<html>", text)) as program:
                with self.assertRaises(BusyError) as caught:
                    Gateway(program.url).agent("a")
                self.assertEqual(caught.exception.retry_after_s, wait_s)

    def test_a_problem_of_another_form_is_told(self) -> None:
        with OtherProgram((503, b'{"retry_after_ms":"soon","detail":null}', "")) as program:
            with self.assertRaisesRegex(BusyError, "answered with 503"):
                Gateway(program.url).agent("a")


class Settings(unittest.TestCase):
    def test_a_token_may_end_with_a_line_break_and_is_never_shown(self) -> None:
        with OtherProgram((200, b"{}", "")) as program:
            self.assertEqual(Gateway(program.url, "s3cret\n").agent("a"), {})
        for token in ("s3cret\nmore", "s3cret \u20ac"):
            with self.subTest(token), self.assertRaises(ValueError) as caught:
                Gateway("http://127.0.0.1:9", token)
            self.assertNotIn("s3cret", str(caught.exception))

    def test_an_address_with_more_than_host_port_and_path_is_refused(self) -> None:
        for url in ("http://me:s3cret@127.0.0.1:9", "http://127.0.0.1:9?s3cret", "http://a b"):
            with self.subTest(url), self.assertRaisesRegex(ValueError, "7420") as caught:
                Gateway(url)
            self.assertNotIn("s3cret", str(caught.exception))


class DropIn(unittest.IsolatedAsyncioTestCase):
    async def drive(self, url: str, **more: Any) -> List[Dict[str, Any]]:
        replies: List[Dict[str, Any]] = []
        agent = f"{url}/v1/agents/a"
        await drive_turn("hi", "t1", replies.append, base_url=agent, model_id="m", **more)
        return replies

    async def test_a_turn_has_one_error_and_no_token_in_the_log(self) -> None:
        with self.assertLogs("opencode_runtime", logging.WARNING) as logs:
            replies = await self.drive("http://127.0.0.1:9", server_password="s3cret\nmore")
        self.assertEqual([reply["code"] for reply in replies], ["rejected"])
        self.assertNotIn("s3cret", str(logs.output) + str(replies))

    async def test_a_turn_behind_a_proxy_without_a_gateway_has_a_code_of_turns(self) -> None:
        for status in (429, 502):
            with self.subTest(status), OtherProgram((status, b"<html>", "")) as program:
                with self.assertLogs("opencode_runtime", logging.WARNING):
                    (reply,) = await self.drive(program.url, turn_timeout=0.1)
                self.assertEqual((reply["code"], reply["retryable"]), ("server_unavailable", True))

    async def test_a_gateway_that_hangs_keeps_no_thread_longer_than_a_short_turn(self) -> None:
        begun = time.monotonic()
        with OtherProgram() as program, self.assertLogs("opencode_runtime", logging.WARNING):
            (reply,) = await self.drive(program.url, turn_timeout=0.1)
        self.assertTrue(reply["retryable"])
        self.assertLess(time.monotonic() - begun, 10)

    async def test_ensure_running_keeps_its_deadline_where_the_gateway_hangs(self) -> None:
        begun = time.monotonic()
        with OtherProgram() as program:
            given = ("/a", 1, "t", "http://127.0.0.1:9", "k", ["m"], "opencode", program.url)
            config = OpenCodeServerConfig(*given)
            with self.assertRaisesRegex(OpenCodeStartError, "within 0.2 s"):
                await OpenCodeServer(config).ensure_running(deadline_s=0.2)
        self.assertLess(time.monotonic() - begun, 10)


if __name__ == "__main__":
    unittest.main()
