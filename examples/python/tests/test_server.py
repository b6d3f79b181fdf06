"""``OpenCodeServer`` of the drop-in."""

from __future__ import annotations

import unittest
import uuid
from typing import Any, Dict, List

from opencode_gateway import ConnectionFailedError, NotFoundError
from opencode_runtime import (
    OpenCodeBinaryNotFoundError,
    OpenCodeServer,
    OpenCodeServerConfig,
    OpenCodeStartError,
)

from .support import WithGateway


class Servers(WithGateway, unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.agent_id = f"host-{uuid.uuid4().hex[:8]}"

    def tearDown(self) -> None:
        try:
            self.gateway.delete_agent(self.agent_id)
        except NotFoundError:
            pass  # The test has declared no agent.

    def server(self, **more: Any) -> OpenCodeServer:
        given: Dict[str, Any] = {
            "home": "/srv/agents/a1",
            "port": 5900,
            "server_password": self.token,
            "litellm_base_url": "http://127.0.0.1:4000/v1",
            "litellm_key": "sk-test-0123456789",
            "model_ids": ["gpt-4o", "gpt-3.5-turbo"],
            "gateway_url": self.url,
            "agent_id": self.agent_id,
        }
        return OpenCodeServer(OpenCodeServerConfig(**{**given, **more}))

    def starts(self) -> int:
        lines: List[str] = self.gateway.call("GET", f"/v1/agents/{self.agent_id}/log")["items"]
        return sum("listening on" in line for line in lines)

    async def test_write_config_declares_proxy_and_models_without_showing_the_key(self) -> None:
        self.server().write_config()
        agent: Dict[str, Any] = self.gateway.call("GET", f"/v1/agents/{self.agent_id}")
        self.assertEqual(agent["proxy"]["base_url"], "http://127.0.0.1:4000/v1")
        self.assertEqual(agent["models"], ["gpt-4o", "gpt-3.5-turbo"])
        self.assertNotIn("sk-test", str(agent))

    async def test_write_config_again_changes_the_models_and_keeps_other_fields(self) -> None:
        self.server().write_config()
        self.gateway.patch_agent(self.agent_id, {"labels": {"team": "a"}})
        self.server(model_ids=["only-model"]).write_config()
        agent = self.gateway.agent(self.agent_id)
        self.assertEqual((agent["models"], agent["labels"]), (["only-model"], {"team": "a"}))

    async def test_ensure_running_starts_one_server_however_often_it_is_called(self) -> None:
        server = self.server()
        self.assertFalse(server.is_running())
        await server.ensure_running()
        self.assertTrue(server.is_running())
        await server.ensure_running()
        self.assertEqual(self.starts(), 1)

    async def test_ensure_running_starts_a_stopped_server_again(self) -> None:
        server = self.server()
        await server.ensure_running()
        await server.stop()
        self.assertFalse(server.is_running())
        await server.ensure_running()
        self.assertTrue(server.is_running())
        self.assertEqual(self.starts(), 2)

    async def test_ensure_running_raises_a_timeout_error_at_its_deadline(self) -> None:
        with self.assertRaises(TimeoutError):
            await self.server().ensure_running(deadline_s=0.02, poll_s=0.01)

    async def test_ensure_running_tells_a_server_that_is_given_up(self) -> None:
        self.gateway.put_agent(self.agent_id, {"max_restarts": 0})
        with self.assertRaises(OpenCodeStartError) as caught:
            await self.server(binary="/bin/false").ensure_running(poll_s=0.05)
        self.assertIsInstance(caught.exception, TimeoutError)

    async def test_ensure_running_tells_a_missing_binary_also_when_it_is_tried_again(self) -> None:
        server = self.server(binary="/nowhere/opencode")
        for _ in range(2):
            with self.assertRaisesRegex(OpenCodeBinaryNotFoundError, "opencode"):
                await server.ensure_running(poll_s=0.05)

    async def test_ensure_running_recovers_from_an_earlier_failure(self) -> None:
        with self.assertRaises(OpenCodeBinaryNotFoundError):
            await self.server(binary="/nowhere/opencode").ensure_running(poll_s=0.05)
        self.gateway.patch_agent(self.agent_id, {"binary": None})
        await self.server().ensure_running(poll_s=0.05)
        self.assertTrue(self.server().is_running())

    async def test_an_agent_that_is_declared_elsewhere_is_not_changed(self) -> None:
        server = self.server(litellm_base_url="", agent_id="alice")
        before = self.gateway.agent("alice")
        await server.ensure_running()
        after = self.gateway.agent("alice")
        self.assertEqual({**before, "status": {}}, {**after, "status": {}})

    async def test_stop_is_safe_without_a_server_and_without_an_agent(self) -> None:
        await self.server().stop()
        self.server().write_config()
        await self.server().stop()

    async def test_is_running_is_false_without_a_gateway(self) -> None:
        server = self.server(gateway_url="http://127.0.0.1:9")
        self.assertFalse(server.is_running())
        with self.assertRaises(ConnectionFailedError):
            await server.ensure_running()

    async def test_the_id_is_made_from_the_home_and_differs_for_homes_that_end_alike(self) -> None:
        urls = [
            self.server(agent_id="", home=home).base_url
            for home in ("/srv/a/Home Dir", "/srv/b/Home Dir", "/")
        ]
        self.assertRegex(urls[0], r"/v1/agents/home-dir-[0-9a-f]{8}$")
        self.assertEqual(len(set(urls)), 3)


if __name__ == "__main__":
    unittest.main()
