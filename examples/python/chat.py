"""Asks an agent of a gateway, answers its requests, and shows what it cost.

python3 chat.py [AGENT] [TEXT]; the address and the token of the gateway are in
OPENCODE_GATEWAY_URL (http://127.0.0.1:7420 by default) and OPENCODE_GATEWAY_TOKEN.
"""

import sys
import threading

from opencode_gateway import Gateway, GatewayError


def allow_requests(gateway: Gateway, turn_id: str, has_ended: threading.Event) -> None:
    """Allows each permission of a turn once, and tells it."""
    while not has_ended.wait(0.2):
        for pending in gateway.requests():
            request = pending["request"]
            if pending["turn_id"] == turn_id and request["type"] == "permission":
                print(f"[allowed: {request['permission']} {request['patterns']}]")
                gateway.answer(request["id"], "once")


def chat(gateway: Gateway, agent: str, text: str) -> None:
    """Runs a turn, and prints its replies as they come."""
    has_ended = threading.Event()
    with gateway.turn(agent, {"text": text, "on_permission": "ask"}) as replies:
        asker = threading.Thread(target=allow_requests, args=(gateway, replies.turn_id, has_ended))
        asker.start()
        for reply in replies:
            if reply["kind"] == "delta":
                print(reply["content"], end="", flush=True)
            elif reply["kind"] == "tool_call":
                print(f"[{reply['tool']} {reply['args']}]")
            elif reply["kind"] == "final":
                print(f"\n[{reply['usage']['output_tokens']} tokens]")
            elif reply["kind"] == "error":
                print(f"\n[{reply['code']}: {reply['error']}]")
        has_ended.set()
        asker.join()


if __name__ == "__main__":
    arguments = dict(enumerate(sys.argv))
    try:
        chat(Gateway(), arguments.get(1, "alice"), arguments.get(2, "What can you do?"))
    except GatewayError as error:
        sys.exit(str(error))
