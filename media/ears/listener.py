"""The loop of the ears process: orders and frames in, reports out. The only clock of the process.

Frames are worked on in batches, for keys as media workers send them (`media.worker.tap.FLUSH_NS`): a key is told that much later than its
tones have lasted long enough. What else is heard is worked on by the second; keys wait hardly longer than `WORK_NS` for it.
"""

import os
import select
import socket
import struct
from pathlib import Path
from time import monotonic_ns

import msgspec

from media.control import DigitReceived
from media.dsp.g711 import PCMA, PCMU
from media.ears.keys import KeyListener
from media.ears.talk import Talk
from media.engine_link import EngineLink
from media.listening import (
    EarsHeartbeat,
    EarsOrder,
    EarsReady,
    EndTalk,
    Listen,
    ListenToTalk,
    QuitEars,
    StopListening,
    decode_ears_order,
)
from media.recorder.wide_band import WideBand
from media.tap_frame import Frame, frames
from media.tap_socket import bind_taps, datagrams
from switch.timer_heap import TimerHeap

MAX_LISTENED = 5_000
"""Legs at once, of which keys are awaited."""
MAX_TALKS = 200
"""At once: 1 to 2 ms of CPU a second for each of their sides (ADR 0031)."""
TALK_NS = 1_000_000_000
WORK_NS = 20_000_000
TURN_S = 0.25
HEARTBEAT_NS = 1_000_000_000


class Listener:
    """`taps`: the path of its socket."""

    def __init__(self, control: socket.socket, *, taps: Path) -> None:
        self._link = EngineLink(control)
        self._taps_path = taps
        self._ports: dict[int, int] = {}
        self._keys: dict[int, KeyListener] = {}
        self._talks: dict[int, Talk] = {}  # by the taps of callers
        self._talk_of: dict[int, Talk] = {}  # by tap
        self._wide_band: dict[int, WideBand] = {}  # by tap, of those that send no G.711
        self._due: TimerHeap[Talk] = TimerHeap()
        self._quit = False
        self._alive_ns = 0

    def run(self) -> None:
        """Until `QuitEars`, or the engine is gone."""
        with bind_taps(self._taps_path) as taps, select.epoll() as epoll:
            epoll.register(self._link, select.EPOLLIN)
            epoll.register(taps, select.EPOLLIN)
            self._link.report(EarsReady(pid=os.getpid(), taps=str(self._taps_path)))
            while not self._quit:
                self._link.send()
                due_ns = self._due.next_at()
                epoll.poll(TURN_S if due_ns is None else min(TURN_S, max(0, due_ns - monotonic_ns()) / 1e9))
                self._take_orders()
                self._take_frames(taps)
                self._hear_talks()
                now_ns = monotonic_ns()
                if now_ns - self._alive_ns >= HEARTBEAT_NS:
                    self._alive_ns = now_ns
                    self._link.report(EarsHeartbeat())
        for talk in list(self._talks.values()):
            self._end_talk(talk, monotonic_ns())
        self._link.send_last()

    # what comes in

    def _take_orders(self) -> None:
        for data in self._link.orders():
            try:
                self._execute(decode_ears_order(data))
            except msgspec.DecodeError as error:
                self._link.problem("reading an order", str(error))
        self._quit = self._quit or self._link.is_gone

    def _execute(self, order: EarsOrder) -> None:
        match order:
            case QuitEars():
                self._quit = True
            case Listen(listening=number, port=port, at_ns=at_ns):
                if len(self._keys) >= MAX_LISTENED:
                    self._link.problem(f"listening to port {port}", f"{MAX_LISTENED} legs are listened to already")
                    return
                self._ports[number] = port
                self._keys[number] = KeyListener(at_ns)
            case ListenToTalk():
                self._listen_to(order)
            case EndTalk(caller=number, at_ns=at_ns):
                if (talk := self._talks.get(number)) is not None:
                    self._end_talk(talk, at_ns)
            case StopListening(listening=number):
                self._ports.pop(number, None)
                self._keys.pop(number, None)
                self._wide_band.pop(number, None)

    def _listen_to(self, order: ListenToTalk) -> None:
        if len(self._talks) >= MAX_TALKS:
            self._link.problem(f"listening to call {order.call_id}", f"{MAX_TALKS} calls are listened to already")
            return
        talk = self._talks[order.caller] = Talk(order)
        self._talk_of.update({order.caller: talk, order.line: talk})
        self._due.add(monotonic_ns() + TALK_NS, talk)

    def _end_talk(self, talk: Talk, at_ns: int) -> None:
        del self._talks[talk.order.caller], self._talk_of[talk.order.caller], self._talk_of[talk.order.line]
        for tap in (talk.order.caller, talk.order.line):
            self._wide_band.pop(tap, None)
        self._link.report(talk.end(at_ns))

    def _hear_talks(self) -> None:
        started_ns = monotonic_ns()
        while (now_ns := monotonic_ns()) - started_ns < WORK_NS and (talk := self._due.pop_due(now_ns)) is not None:
            if self._talks.get(talk.order.caller) is talk:
                talk.hear(now_ns)
                self._due.add(now_ns + TALK_NS, talk)

    def _take_frames(self, taps: socket.socket) -> None:
        batches: dict[int, list[Frame]] = {}
        for datagram in datagrams(taps):
            try:
                for frame in frames(datagram):
                    if (talk := self._talk_of.get(frame.tap)) is not None:
                        talk.take(self._narrow(frame))
                    elif frame.tap in self._keys:
                        batches.setdefault(frame.tap, []).append(self._narrow(frame))
            except (ValueError, struct.error) as error:
                self._link.problem("reading frames", str(error))
        for number, batch in batches.items():
            for press in self._keys[number].hear(batch):
                self._link.report(DigitReceived(port=self._ports[number], digit=press.digit, at_ns=press.at_ns))

    def _narrow(self, frame: Frame) -> Frame:
        """Returns the frame in G.711; as it is where it can't be decoded, which is counted then."""
        if frame.codec in (PCMU, PCMA):
            return frame
        wide_band = self._wide_band.get(frame.tap)
        if wide_band is None:
            wide_band = self._wide_band[frame.tap] = WideBand()
        return wide_band.narrow(frame) or frame
