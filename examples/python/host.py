"""A host program with the drop-in: starts the server of an agent, runs a turn, stops the server.

python3 host.py [AGENT]; the agent is declared at the gateway of OPENCODE_GATEWAY_URL.
"""

import asyncio
import sys
from typing import Any, Dict

from opencode_runtime import OpenCodeServer, OpenCodeServerConfig, drive_turn


async def sink(reply: Dict[str, Any]) -> None:
    """Prints a reply."""
    print(reply)


async def main(agent: str) -> None:
    """Runs one turn of an agent that the gateway knows."""
    config = OpenCodeServerConfig(
        home=f"/srv/agents/{agent}",
        port=0,
        server_password=None,
        litellm_base_url="",  # the gateway's own config declares the agent
        litellm_key="",
        model_ids=[],
        agent_id=agent,
    )
    server = OpenCodeServer(config)
    await server.ensure_running(deadline_s=60)
    try:
        await drive_turn("Say hello", "trace-1", sink, base_url=server.base_url, model_id="")
    finally:
        await server.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "alice"))
