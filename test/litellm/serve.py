"""Runs the LiteLLM proxy, and ends it with whoever started it: standard input ends when that one is gone."""

import os
import signal
import sys
import threading


def end_with_starter():
    sys.stdin.buffer.read()
    os.killpg(os.getpgrp(), signal.SIGKILL)


threading.Thread(target=end_with_starter, daemon=True).start()

from litellm import run_server  # noqa: E402: it takes seconds, and is watched already

run_server()
