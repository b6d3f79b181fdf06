"""Gateway of the tests, and helpers that many of them need."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import time
import unittest
from functools import cache
from pathlib import Path
from typing import Callable, Tuple, TypeVar

from opencode_gateway import Gateway

Value = TypeVar("Value")


@cache
def served() -> Tuple[str, str]:
    """Returns address and token of a gateway: the environment's, or one started for the tests."""
    url = os.environ.get("OPENCODE_GATEWAY_URL")
    if url:
        return url, os.environ["OPENCODE_GATEWAY_TOKEN"]
    program = Path(__file__).with_name("fake-gateway.mjs")
    process = subprocess.Popen(
        ["node", str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout
    stdin, stdout = process.stdin, process.stdout

    def stop() -> None:
        stdin.close()
        process.wait(30)
        stdout.close()

    atexit.register(stop)
    line = stdout.readline()
    if not line:
        raise RuntimeError("The gateway of the tests did not start: run `npm run build` first")
    address = json.loads(line)
    return address["url"], address["token"]


def until(read: Callable[[], Value], fits: Callable[[Value], bool], limit_s: float = 20) -> Value:
    """Reads a value again and again until it fits, and returns it."""
    give_up_at = time.monotonic() + limit_s
    while True:
        value = read()
        if fits(value):
            return value
        if time.monotonic() > give_up_at:
            raise AssertionError(f"Not within {limit_s} s; the last value is {value!r}")
        time.sleep(0.05)


class WithGateway(unittest.TestCase):
    """Tests with a client of the gateway. Its agent is ``alice``."""

    gateway: Gateway
    url: str
    token: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.url, cls.token = served()
        cls.gateway = Gateway(cls.url, cls.token)
