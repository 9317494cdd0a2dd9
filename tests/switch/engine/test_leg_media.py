"""A leg's figures: what the worker counted as what the ledger keeps, and when the engine hands it over."""

import engine_world
import pytest
from engine_world import EAST, World, line, plan

from media import control as mc
from media.control import Closed, Counters, FarEnd, Quality
from media.dsp.g711 import PCMA, PCMU
from switch.codec import Codec
from switch.engine.effect import Effect, StoreLegMedia
from switch.engine.leg_media import leg_media
from switch.engine.media import RtpSettings
from switch.engine.plan import Plan
from switch.sip import offer_answer

COUNTERS = Counters(received=950, received_octets=152_000, sent=1_000, sent_octets=160_000, unheard=0, stray=2, malformed=1)


def closed(quality: Quality, counters: Counters = COUNTERS) -> Closed:
    return Closed(port=20_000, counters=counters, quality=quality)


def test_loss_jitter_and_opinion_of_both_directions() -> None:
    far_end = FarEnd(expected=1_000, lost=10, jitter_us=1_500)
    quality = Quality(lost=50, jitter_us=2_000, max_jitter_us=9_876, gap_us=61_234, round_trip_us=80_000, far_end=far_end)
    media = leg_media(closed(quality), leg=1, codec=PCMA)
    assert media is not None
    assert (media.leg, media.port, media.codec) == (1, 20_000, "PCMA")
    assert (media.received_packets, media.received_lost, media.received_lost_share) == (950, 50, 0.05)
    assert (media.received_jitter_ms, media.received_jitter_max_ms, media.received_gap_ms) == (2.0, 9.88, 61.23)
    assert (media.sent_packets, media.sent_lost, media.sent_lost_share, media.sent_jitter_ms) == (1_000, 10, 0.01, 1.5)
    assert media.received_mos == pytest.approx(3.88, abs=0.03)  # R = 93.2 - 15.78 - 0.024 * (40 + 20 + 4)
    assert media.sent_mos == pytest.approx(4.29, abs=0.03)
    assert (media.round_trip_ms, media.far_mos, media.unheard, media.stray, media.malformed) == (80.0, None, 0, 2, 1)


def test_what_comes_too_late_is_as_bad_as_lost() -> None:
    lossy = leg_media(closed(Quality(far_end=FarEnd(expected=1_000, lost=50, jitter_us=0))), leg=0, codec=PCMU)
    late = leg_media(
        closed(Quality(far_end=FarEnd(expected=1_000, lost=0, jitter_us=0, discarded=0.05, mos=3.6))), leg=0, codec=PCMU
    )
    assert lossy is not None
    assert late is not None
    assert (late.sent_lost_share, late.sent_mos, late.far_mos) == (0.0, lossy.sent_mos, 3.6)


def test_without_rtcp_nothing_is_known_of_what_was_sent() -> None:
    media = leg_media(closed(Quality(jitter_us=0)), leg=0, codec=PCMU)
    assert media is not None
    assert (media.sent_lost, media.sent_lost_share, media.sent_jitter_ms, media.sent_mos, media.round_trip_ms) == (None,) * 5
    assert media.received_mos is not None


def test_a_codec_that_is_not_known_has_no_opinion() -> None:
    media = leg_media(closed(Quality(jitter_us=0)), leg=0, codec=None)
    assert media is not None
    assert (media.codec, media.received_mos) == (None, None)


def test_the_scale_of_an_opinion_is_that_of_the_codec() -> None:
    rows = {codec: leg_media(closed(Quality(jitter_us=0)), leg=0, codec=codec) for codec in Codec}
    found = {codec: row and (row.mos_scale, row.received_mos) for codec, row in rows.items()}
    assert found == {
        Codec.PCMU: ("narrowband", 4.4),
        Codec.PCMA: ("narrowband", 4.4),
        Codec.G722: ("wideband", 4.34),
        Codec.OPUS: (None, None),
    }


@pytest.mark.parametrize("name", ["received", "sent", "unheard", "stray", "malformed", "unauthentic"])
def test_one_packet_of_any_kind_is_worth_a_row(name: str) -> None:
    assert leg_media(closed(Quality(), Counters(**{name: 1})), leg=0, codec=PCMU) is not None


def test_what_was_not_protected_by_the_legs_key_counts_as_malformed() -> None:
    media = leg_media(closed(Quality(), Counters(malformed=2, unauthentic=3)), leg=0, codec=PCMU)
    assert media is not None
    assert media.malformed == 5


def test_a_leg_without_audio_has_none() -> None:
    assert leg_media(closed(Quality(), Counters()), leg=0, codec=PCMU) is None


@pytest.mark.parametrize(("lost", "expected", "share"), [(0, 0, None), (5, 0, None), (12, 10, 1.0), (1, 3, 0.3333)])
def test_a_share_is_one_at_most_and_of_nothing_none(lost: int, expected: int, share: float | None) -> None:
    media = leg_media(closed(Quality(far_end=FarEnd(expected=expected, lost=lost, jitter_us=0))), leg=0, codec=PCMU)
    assert media is not None
    assert media.sent_lost_share == share


class Counting(World):
    """The worker says what it has counted when a test wants, not when a port is closed."""

    def __init__(self, with_plan: Plan) -> None:
        super().__init__(with_plan)
        self.stored: list[StoreLegMedia] = []

    def count(self, port: int) -> None:
        self.report(Closed(port=port, counters=COUNTERS, quality=Quality(jitter_us=0)))
        self.flush()

    def _obey(self, order: mc.Order) -> None:
        if not isinstance(order, mc.Close):
            super()._obey(order)

    def _do(self, effect: Effect) -> None:
        if isinstance(effect, StoreLegMedia):
            self.stored.append(effect)
        super()._do(effect)


def over() -> tuple[Counting, list[int]]:
    """A call that was bridged and is over, and our ports that were closed."""
    world = Counting(plan(line("east", EAST)))
    world.line_phone(EAST)
    leg = world.call()
    world.run(5_000)
    world.leave(leg)
    world.run(10_000)
    assert len(world.records) == 1, "the record does not wait for figures"
    return world, [order.port for order in world.told(mc.Close)]


def test_figures_come_when_the_worker_tells_them_and_once() -> None:
    world, ports = over()
    assert world.stored == []
    for port in ports:
        world.count(port)
    world.count(ports[0])
    assert sorted((each.call_id, each.media.leg, each.media.codec) for each in world.stored) == [
        (world.records[0].record.call_id, 0, "PCMU"),
        (world.records[0].record.call_id, 1, "PCMU"),
    ]
    assert {each.media.port for each in world.stored} == set(ports)


def test_a_port_that_nobody_waits_for_tells_nothing() -> None:
    world, _ = over()
    world.count(1)
    assert world.stored == []


def test_a_port_that_is_opened_again_is_not_that_of_the_former_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_world, "RtpSettings", lambda **set_up: RtpSettings(**{**set_up, "ports": (20_000, 20_003)}))
    world, ports = over()
    world.run(60_000)
    world.call()
    world.run(5_000)
    assert [order.port for order in world.told(mc.Open)].count(ports[0]) == 2
    world.count(ports[0])
    assert world.stored == []


@pytest.mark.parametrize("mux", [True, False])
def test_the_worker_is_told_where_rtcp_is(*, mux: bool) -> None:
    world = Counting(plan(line("east", EAST)))
    world.line_phone(EAST)
    body = offer_answer.offer(host="198.51.100.8", port=6_000, session_id=1, version=1, rtcp_mux=mux)
    world.call(body=body + b"a=rtcp:7000\r\n")
    world.run(5_000)
    bridge = world.told(mc.Bridge)[-1]
    caller = next(order.peer for order in world.told(mc.Open) if order.port == bridge.a)
    assert caller is not None
    assert (caller.rtcp_mux, caller.rtcp_port) == (mux, 7_000)
