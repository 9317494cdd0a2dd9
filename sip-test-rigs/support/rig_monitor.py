"""The switch's monitor, as a rig sees it: what it serves over HTTP, whom it tells of alerts, and its end by SIGKILL."""

import os
import re
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from child_process import descendants, wait_until
from webhook_sink import WebhookSink

MODULE = b"switch.monitor"
ANSWER_S = 10.0
LATE_S = 12.0
"""What is told twice is told by then: the monitor looks every 5 s."""


class MonitorWatch:
    """`port`: where the config has the monitor's metrics. `hook_port`: where its webhook goes."""

    def __init__(self, port: int, hook_port: int) -> None:
        self._port = port
        self._open = ExitStack()
        self._sink = self._open.enter_context(WebhookSink().open(hook_port))
        self._told: list[str] = []

    def close(self) -> None:
        self._open.close()

    def serves(self, path: str, pattern: str, deadline_s: float) -> list[str]:
        """Gets `path` until a line of it holds `pattern`. What was wrong."""
        text = ""

        def found() -> bool:
            nonlocal text
            text = self._get(path)
            return any(re.search(pattern, line) for line in text.splitlines())

        return [] if wait_until(found, deadline_s) else [f"{path} does not say {pattern!r}, but:\n{text[-3000:]}"]

    def tells(self, expected: Sequence[str], deadline_s: float) -> list[str]:
        """Waits for that many alerts, each `EVENT CAUSE`. What was wrong."""
        wait_until(lambda: len(self._so_far()) >= len(expected), deadline_s)
        return self._differs(expected)

    def tells_no_more(self, expected: Sequence[str]) -> list[str]:
        """Waits for what is told once too often."""
        wait_until(lambda: len(self._so_far()) > len(expected), LATE_S)
        return self._differs(expected)

    def _differs(self, expected: Sequence[str]) -> list[str]:
        return [] if self._told == list(expected) else [f"alerts told: {self._told}, expected: {list(expected)}"]

    def _so_far(self) -> list[str]:
        while not self._sink.posted.empty():
            _, alert = self._sink.posted.get()
            self._told.append(f"{alert['event']} {alert['cause']}")
        return self._told

    def _get(self, path: str) -> str:
        try:
            with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{self._port}{path}", timeout=ANSWER_S) as answer:
                return str(answer.read().decode())
        except HTTPError as error:
            return str(error.read().decode())
        except OSError as error:  # it is not up, or not again
            return str(error)


def kill_monitor(switch_pid: int) -> list[str]:
    """Ends the monitor of the switch by SIGKILL. What was wrong."""
    found = [pid for pid in descendants(switch_pid) if MODULE in _words(pid)]
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return [] if len(found) == 1 else [f"{len(found)} monitors are running"]


def _words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
