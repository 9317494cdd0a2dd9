"""A whole switch, two carriers and the lines of three advertisers on a bad network, all in one seeded world.

The network loses, doubles, delays and reorders, and cuts hosts off for a while; the wall clock jumps; the switch dies between any two of
its effects and starts again from its journal; its media worker dies. Who calls, answers and hangs up is in `network_users`, what must be
true afterwards in `network_checks`.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine_world import PROMPT_MS, START_US, SWITCH, World
from simulated_network import Network, Phone

from media import control as mc
from switch.billing.verdict import JudgedCall
from switch.call.moment import NS_PER_MS, Moment
from switch.engine.effect import Effect, StoreRecord, SyncJournal
from switch.engine.journal_line import recover_call
from switch.engine.plan import Plan
from switch.problem_text import show
from switch.settings.load import load_files
from switch.sip.flow import Flow

CARRIERS = {"north": Flow("198.51.100.7", 5060), "south": Flow("198.51.100.8", 5080)}
LINES = {
    "a": Flow("203.0.113.21", 5060),
    "b": Flow("203.0.113.21", 5060),
    "c": Flow("203.0.113.22", 5060),
    "d": Flow("203.0.113.22", 5060),
    "e": Flow("203.0.113.23", 5070),
}
NUMBERS = {"+18005550100": 4, "+18005550101": 3, "+18005550102": 2, "+18005550103": 2, "+18005550199": 1}
"""How often each is called, in proportion: lines in order, a menu, a race, a queue; the last one does not exist."""
MEDIA_TIMEOUT_MS = 20_000
HEARTBEAT_MS = 1_000
MAX_CALL_MS = 90_000
CONFIG = """
switch: {sip: {listen: "192.0.2.1:5060"}, prompts: prompts, data: data, limits: {max_call: 90s, max_calls: 2000}}
trunks:
  north: {addresses: [198.51.100.7]}
  south: {addresses: [198.51.100.8], cost: {per_minute: 0.0060}, auth: {username: south, secret: "hush south"}}
publishers: {radio: , search: {caps: [{count: conversion, per: day, limit: 60, zone: UTC, strict: true}]}}
numbers:
  "+18005550100": {publisher: radio, campaign: quotes}
  "+18005550101": {publisher: search, campaign: asked}
  "+18005550102": {publisher: radio, campaign: race}
  "+18005550103": {publisher: search, campaign: queue}
groups: {coast: {lines: [a, c], cap: 60}}
advertisers:
  acme:
    cap: 120
    lines:
      a: {uri: "sip:a@203.0.113.21", ring: 6s, silence: 3s, transfers: follow}
      b: {uri: "sip:b@203.0.113.21", ring: 9s, transfers: follow}
  beta: {lines: {c: {uri: "sip:c@203.0.113.22", ring: 6s, timer_offset: 2s, transfers: follow}, d: {uri: "sip:d@203.0.113.22", cap: 6}}}
  gamma:
    lines: {e: {uri: "sip:e@203.0.113.23:5070", accept: {prompt: press-1, wait: 4s}, auth: {username: e, secret: "hush e"}}}
menus:
  qualify:
    {prompt: welcome, invalid: sorry, timeout: 2s, retries: 1, failed: {hangup: goodbye}, keys: {"1": {route: {}}, "2": {hangup: goodbye}}}
campaigns:
  quotes:
    lines: [{line: a, priority: 1}, {line: b, priority: 2}, {line: e, priority: 3}]
    recover: 8s
    revenue: 25.00
    payout: {on: connected_for, at_least: 10s, percent: 70%}
  asked:
    menu: qualify
    lines: [{line: c, priority: 1}, {line: a, priority: 1}]
    revenue: {tiers: highest, steps: [{at_least: 5s, amount: 10.00}, {at_least: 20s, amount: 25.00}]}
    payout: 5.00
    billable: {on: connected_for, at_least: 5s}
  race:
    lines: [{line: a, priority: 1}, {line: c, priority: 1}, {line: e, priority: 1}]
    tiers: {1: {together: true}}
    revenue: 30.00
    payout: 18.00
  queue:
    lines: [d]
    billable: {on: connected_for, at_least: 7s}
    revenue: 12.00
    payout: 8.00
    overflow:
      capped: {hold: {places: 5, wait: 15s, music: all-busy, announce: all-busy, every: 10s}}
      queue_full: {message: all-busy}
      waited_too_long: {campaign: race}
"""
_CALL_ID = re.compile(rb"\nCall-ID: ([^\r]+)")
_TAGGED_TO = re.compile(rb"\nTo: [^\r]*;tag=")


@cache
def network_plan() -> Plan:
    """`CONFIG` as a switch would load it."""
    wav = (Path(__file__).parents[2] / "config" / "prompts" / "welcome.wav").read_bytes()
    prompts = {f"prompts/{name}.wav": wav for name in ("welcome", "sorry", "goodbye", "all-busy", "press-1")}
    loaded = load_files({"config.yaml": CONFIG, **prompts})
    assert loaded.deployment is not None, [show(problem) for problem in loaded.errors]
    return loaded.deployment.plan


@dataclass(kw_only=True)
class UserLeg:
    """One leg as the person at its phone sees it. `call_id`: its SIP Call-ID. `rtp`: the port in its SDP. Moments are monotonic ns.

    `left`: this side hung up, cancelled or refused. `version`: of its SDP. `offers`: its own re-INVITEs; `outcomes`: those answered."""

    number: int
    host: str
    call_id: str
    rtp: int
    began_ns: int
    answered_ns: int | None = None
    ended_ns: int | None = None
    left: bool = False
    version: int = 1
    offers: int = 0
    outcomes: int = 0
    renegotiated: bool = False


@dataclass(frozen=True, kw_only=True)
class Outage:
    """`host` (the switch itself, when it was down) reached nobody from `from_ns` to `to_ns`."""

    host: str
    from_ns: int
    to_ns: int


class NetworkWorld(World):
    """`life`: the switch's present process, a hexadecimal digit that the ids of its calls begin with. `legs`: by SIP Call-ID.

    `invited`, `first_bye`, `first_reply`, `first_2xx`: by life and Call-ID, when the first INVITE, BYE, answer or 2xx to INVITE reached the
    switch. `replied`: the INVITEs that anything but 401 was said to. `signed`: those that came with credentials. `died_ns`: by life.
    `recorded_ns`: by call.

    `flown`: (ns, `sent` or `came`, from, to, datagram).
    """

    def __init__(self, *, seed: int) -> None:
        self.jump_us = 0
        self.life = "1"
        self.up = True
        self.legs: dict[str, UserLeg] = {}
        self.outages: list[Outage] = []
        self.died_ns: dict[str, int] = {}
        self.recorded_ns: dict[str, int] = {}
        self.invited: dict[tuple[str, str], int] = {}
        self.replied: set[tuple[str, str]] = set()
        self.signed: set[tuple[str, str]] = set()
        self.first_bye: dict[tuple[str, str], int] = {}
        self.first_reply: dict[tuple[str, str], int] = {}
        self.first_2xx: dict[tuple[str, str], int] = {}
        self.flown: list[tuple[int, str, Flow, Flow, bytes]] = []
        self._sounds: dict[tuple[str, int], UserLeg] = {}
        self._remotes: dict[int, mc.RemoteMedia] = {}
        self._timed_out: set[int] = set()
        self._silent_ns: dict[int, int] = {}
        self._effects_left: int | None = None
        self._down_ms = 0
        super().__init__(network_plan(), seed=seed, epoch=self.life)
        self._beat()

    def at(self) -> Moment:
        return Moment(mono_ns=self.now_ns, utc_us=START_US + self.now_ns // 1_000 + self.jump_us)

    def new_leg(self, leg: UserLeg) -> UserLeg:
        self.legs[leg.call_id] = leg
        self._sounds[leg.host, leg.rtp] = leg
        return leg

    def phones(self) -> Iterable[tuple[Flow, Phone]]:
        return self._phones.items()

    def held_ports(self) -> int:
        """RTP ports of the switch's that are neither free nor resting."""
        ports = self.engine._media._ports
        return len(range(ports.range.start, ports.range.stop, 2)) - len(ports._free) - len(ports._quiet)

    # what goes wrong

    def cut(self, host: str, *, ms: int) -> None:
        """Nothing reaches `host` or leaves it for so long."""
        if host in self.cut_off:
            return
        self.cut_off.add(host)
        self.outages.append(Outage(host=host, from_ns=self.now_ns, to_ns=self.now_ns + ms * NS_PER_MS))
        self.after(ms, lambda: self.cut_off.discard(host))

    def kill(self, *, effects: int, ms: int) -> None:
        """The switch dies after so many further effects, and starts again so long after that."""
        if self.up and self._effects_left is None:
            self._effects_left = effects
            self._down_ms = ms
            if not effects:
                self._die()

    def lose_worker(self) -> None:
        """The media worker dies, and another is there a second later."""
        if self.up:
            self._remotes.clear()
            self.engine.worker_lost(1, self.at())
            self._while_up(1_000, lambda: self.engine.report(1, mc.Ready(pid=2), self.at()))

    def _die(self) -> None:
        self.up = False
        self._effects_left = None
        self.died_ns[self.life] = self.now_ns
        self.outages.append(Outage(host=SWITCH.host, from_ns=self.now_ns, to_ns=self.now_ns + self._down_ms * NS_PER_MS))
        self.after(self._down_ms, self._restart)

    def _restart(self) -> None:
        """Calls without a record are closed from the journal; then new ones are taken."""
        recorded = {judged.record.call_id for judged in self.records}
        cut_short: dict[str, list[bytes]] = defaultdict(list)
        for call_id, payload in self.journal:
            if call_id not in recorded:
                cut_short[call_id].append(payload)
        for lines in cut_short.values():
            self._keep(recover_call(lines))
        self.life = f"{int(self.life, 16) + 1:x}"
        self.up = True
        self._remotes.clear()
        self.start(network_plan(), epoch=self.life)

    def _while_up(self, ms: float, action: Callable[[], None]) -> None:
        """Does something later, unless the switch has died by then."""
        life = self.life
        self.after(ms, lambda: action() if self.up and self.life == life else None)

    # the switch, while it is there

    def _next_ns(self) -> int | None:
        return super()._next_ns() if self.up else Network._next_ns(self)

    def _tick(self) -> None:
        if self.up:
            super()._tick()
        else:
            Network._tick(self)

    def flush(self) -> None:
        if self.up:
            super().flush()
        else:
            Network.flush(self)

    def _do(self, effect: Effect) -> None:
        if self._effects_left == 0:
            self._die()
        if not self.up:
            return
        if self._effects_left is not None:
            self._effects_left -= 1
        match effect:
            case SyncJournal(call_id=call_id, leg=leg):
                if self.sync_ms is not None:
                    self._while_up(self.sync_ms, lambda: self.engine.answer_durable(call_id, leg, self.at()))
            case StoreRecord(judged=judged):
                self._keep(judged)
            case _:
                super()._do(effect)

    def _keep(self, judged: JudgedCall) -> None:
        self.records.append(judged)
        self.recorded_ns[judged.record.call_id] = self.now_ns

    # the network

    def fly(self, data: bytes, source: Flow, target: Flow) -> None:
        self.flown.append((self.now_ns, "sent", source, target, data))
        if source == SWITCH and data.startswith(b"SIP/2.0") and not data.startswith(b"SIP/2.0 401") and b" INVITE\r\n" in data:
            self.replied.add((self.life, call_id_of(data)))
            if (
                target == CARRIERS["south"] and (self.life, call_id_of(data)) in self.signed
            ):  # whose INVITEs count from when they have authenticated
                self._first(self.invited, data)
        super().fly(data, source, target)

    def _land(self, data: bytes, source: Flow, target: Flow) -> None:
        self.flown.append((self.now_ns, "came", source, target, data))
        if target != SWITCH:
            super()._land(data, source, target)
        elif self.up:
            self._note(data, source)
            super()._land(data, source, target)

    def _note(self, data: bytes, source: Flow) -> None:
        if data.startswith(b"INVITE "):
            if b"\nAuthorization:" in data and not _TAGGED_TO.search(data):
                self.signed.add((self.life, call_id_of(data)))
            if source != CARRIERS["south"] and not _TAGGED_TO.search(data):
                self._first(self.invited, data)
        elif data.startswith(b"BYE "):
            self._first(self.first_bye, data)
        elif data.startswith(b"SIP/2.0 ") and b" INVITE\r\n" in data:
            self._first(self.first_reply, data)
            if data.startswith(b"SIP/2.0 2"):
                self._first(self.first_2xx, data)

    def _first(self, seen: dict[tuple[str, str], int], data: bytes) -> None:
        seen.setdefault((self.life, call_id_of(data)), self.now_ns)

    # the media worker

    def _obey(self, order: mc.Order) -> None:
        match order:
            case mc.Open(port=port, peer=peer):
                self._timed_out.discard(port)
                self._silent_ns.pop(port, None)
                if peer is not None:
                    self._remotes[port] = peer
            case mc.SetRemote(port=port, peer=peer):
                self._remotes[port] = peer
            case mc.Close(port=port):
                self._remotes.pop(port, None)
        match order:
            case mc.Play(port=port, play=play):
                self._while_up(PROMPT_MS, lambda: self.report(mc.PlayFinished(port=port, play=play, at_ns=self.now_ns)))
            case _:
                super()._obey(order)

    def _beat(self) -> None:
        """Each second the worker tells when the last packet of each leg came, and which of them have been silent for too long."""
        self.after(HEARTBEAT_MS, self._beat)
        if not self.up:
            return
        last = {port: ns for port in self._remotes if (ns := self._last_packet_ns(port)) is not None}
        if last:
            self.report(mc.Heartbeat(at_ns=self.now_ns, last=last))
        for port, ns in last.items():
            if self.now_ns - ns >= MEDIA_TIMEOUT_MS * NS_PER_MS and self._remotes[port].sends and port not in self._timed_out:
                self._timed_out.add(port)
                self.report(mc.MediaTimeout(port=port, last_ns=ns))

    def _last_packet_ns(self, port: int) -> int | None:
        """A phone sends audio from its answer to its end, and nothing comes from a host that is cut off."""
        remote = self._remotes[port]
        leg = self._sounds.get((remote.host, remote.port))
        if leg is None or leg.answered_ns is None:
            return None
        if leg.ended_ns is None and leg.host not in self.cut_off:
            self._silent_ns[port] = self.now_ns
        return self._silent_ns.get(port, leg.answered_ns)


def call_id_of(data: bytes) -> str:
    found = _CALL_ID.search(data)
    return found[1].decode() if found else ""
