"""PURE. Sends a response again until something else stops it: a 2xx to INVITE until its ACK, a reliable 1xx until its PRACK."""

from collections.abc import Callable

from switch.sip.core import UserAgentCore


class Retransmission:
    """Calls `send` after T1, doubling, at most `longest_ns` apart; calls `on_timeout` after 64*T1, once. Stopped by `stop`."""

    __slots__ = ("_core", "_interval_ns", "_longest_ns", "_retransmit_timer", "_send", "_timeout_timer")

    def __init__(
        self,
        core: UserAgentCore,
        send: Callable[[int], None],
        *,
        on_timeout: Callable[[int], None],
        longest_ns: int,
        now_ns: int,
    ) -> None:
        self._core = core
        self._send = send
        self._longest_ns = longest_ns
        self._interval_ns = core.timers.t1_ns
        self._retransmit_timer = core.timer_heap.add(now_ns + self._interval_ns, self._retransmit)
        self._timeout_timer = core.timer_heap.add(now_ns + core.timers.transaction_timeout_ns, on_timeout)

    def _retransmit(self, now_ns: int) -> None:
        self._send(now_ns)
        self._interval_ns = min(2 * self._interval_ns, self._longest_ns)
        self._retransmit_timer = self._core.timer_heap.add(now_ns + self._interval_ns, self._retransmit)

    def stop(self) -> None:
        self._core.timer_heap.cancel(self._retransmit_timer)
        self._core.timer_heap.cancel(self._timeout_timer)
