"""Codecs by config: what a line is offered, what a trunk is answered, and what becomes of it where nothing fits."""

from dataclasses import replace
from itertools import product

import pytest
from engine_world import CARRIER, EAST, World, line, plan

from media import control as mc
from routing.zone import time_zone
from switch.codec import Codec
from switch.engine.effect import SendSip
from switch.engine.plan import Plan
from switch.explain import explanation_lines
from switch.explanation import Sources, explain
from switch.sip import offer_answer
from switch.sip.fact import AnswerReceived, Fact, InviteReceived, OfferAccepted, OfferReceived
from switch.sip.offer_answer import OFFERED
from switch.sip.peer import PeerProfile
from switch.sip.sdp import Direction, Format, parse_sdp

PCMU, PCMA, G722, OPUS = Codec


def planned(*, trunk: tuple[Codec, ...] = (), of_line: tuple[Codec, ...] = ()) -> Plan:
    """A trunk and a line with these lists of codecs."""
    found = plan(line("east", EAST))
    carrier = replace(found.trunks[0], peer=PeerProfile(name="carrier", codecs=trunk))
    return replace(found, trunks=(carrier,), line_peers={"east": PeerProfile(name="east", codecs=of_line)})


def offering(*codecs: Codec) -> bytes:
    return offer_answer.offer(
        host="198.51.100.8", port=6_000, session_id=1, version=1, formats=[Format(codec, codec) for codec in codecs]
    )


def codecs_in(body: bytes) -> list[int]:
    """The payload types of the audio, telephone-event's left out."""
    description = parse_sdp(body)
    assert description is not None
    return [int(number) for number in description.media[0].formats if int(number) != offer_answer.DTMF_TYPE]


def sent_to_caller(world: World) -> bytes:
    return b"".join([effect.data for effect in world.effects if isinstance(effect, SendSip) and effect.target == CARRIER])


LISTS: list[tuple[Codec, ...]] = [(), (PCMU,), (PCMA,), (PCMU, PCMA), (PCMA, PCMU)]


@pytest.mark.parametrize(("trunk", "of_line"), list(product(LISTS, LISTS)))
def test_offer_and_answer_keep_to_the_lists(trunk: tuple[Codec, ...], of_line: tuple[Codec, ...]) -> None:
    world = World(planned(trunk=trunk, of_line=of_line))
    phone = world.line_phone(EAST, answer_ms=10)
    world.call(body=offering(PCMA, PCMU))
    world.run(1_000)
    (offered,) = [codecs_in(fact.offer) for fact in phone.facts if isinstance(fact, InviteReceived)]
    first = trunk[0] if trunk else PCMA  # what the caller will be answered
    assert offered == list(of_line or sorted((PCMU, PCMA), key=lambda each: each is not first))
    (answered,) = [codecs_in(fact.body) for fact in world.caller.facts if isinstance(fact, AnswerReceived)]
    assert answered == [trunk[0] if trunk else PCMA]
    assert len(world.told(mc.Bridge)) == 1


@pytest.mark.parametrize(
    ("of_caller", "of_line", "offered"),
    [
        (G722, (PCMA, OPUS, G722), [G722, PCMA, OPUS]),
        (OPUS, (PCMA, OPUS, G722), [OPUS, PCMA, G722]),
        (PCMU, (OPUS, PCMA, G722, PCMU), [PCMA, PCMU, OPUS, G722]),  # between the laws of G.711 nothing need be decoded
        (OPUS, (PCMA, G722), [PCMA, G722]),
        (G722, (), [PCMU, PCMA]),
    ],
)
def test_a_line_is_first_offered_what_needs_no_transcoding(
    of_caller: Codec, of_line: tuple[Codec, ...], offered: list[int]
) -> None:
    world = World(planned(trunk=(of_caller,), of_line=of_line))
    phone = world.line_phone(EAST, answer_ms=10)
    world.call(body=offering(of_caller))
    world.run(500)
    assert [codecs_in(fact.offer) for fact in phone.facts if isinstance(fact, InviteReceived)] == [offered]


@pytest.mark.parametrize("with_cn", [False, True])
def test_a_line_is_offered_comfort_noise_where_its_caller_has_it(with_cn: bool) -> None:  # noqa: FBT001 a column
    world = World(planned())
    phone = world.line_phone(EAST, answer_ms=10)
    world.call(body=offering(PCMU).replace(b" RTP/AVP 0", b" RTP/AVP 0 13" if with_cn else b" RTP/AVP 0"))
    world.run(500)
    (offer,) = [fact.offer for fact in phone.facts if isinstance(fact, InviteReceived)]
    assert (b" 13 " in offer) is with_cn


def test_no_codec_of_the_list_is_488_with_the_list_in_words() -> None:
    world = World(planned(trunk=(PCMA,)))
    phone = world.line_phone(EAST)
    world.call(body=offering(PCMU))
    world.run(40_000)
    (judged,) = world.records
    assert (judged.record.sip_code, judged.record.ended_detail) == (488, "not_acceptable")
    assert judged.events[0].facts["why"] == "Audio is PCMA"
    assert any(
        "can't be taken: not acceptable: Audio is PCMA" in each
        for each in explanation_lines(explain(judged, rows=(), config=Sources()), time_zone("UTC"))
    )
    assert not phone.facts
    assert b'Warning: 305 payphone "Audio is PCMA"\r\n' in sent_to_caller(world)


def test_a_line_that_answers_with_another_codec_has_failed() -> None:
    world = World(planned(of_line=(PCMA,)))

    def answers_with_pcmu(fact: Fact) -> None:
        if isinstance(fact, InviteReceived):
            phone.agent.answer(fact.leg, offering(PCMU), world.now_ns)

    phone = world.phone(EAST, answers_with_pcmu)
    world.call()
    world.run(40_000)
    (judged,) = world.records
    assert [attempt.outcome for attempt in judged.record.attempts] == ["failed"]
    assert not world.told(mc.Bridge)


def test_a_reinvite_is_answered_from_the_list_and_asked_for_with_it() -> None:
    world = World(planned(trunk=(PCMA, PCMU), of_line=(PCMA,)))
    offers: list[list[int]] = []

    def answers(fact: Fact) -> None:
        if isinstance(fact, InviteReceived):
            phone.agent.answer(fact.leg, world.sdp_answer(fact.offer), world.now_ns)
        elif isinstance(fact, OfferReceived):
            offers.append(codecs_in(fact.offer))
            phone.agent.accept(fact.leg, world.sdp_answer(fact.offer), world.now_ns)

    phone = world.phone(EAST, answers)
    leg = world.call()
    world.run(500)
    hold = offer_answer.offer(
        host="198.51.100.8", port=6_000, session_id=1, version=2, formats=OFFERED, direction=Direction.SENDONLY
    )
    world.caller.agent.offer(leg, hold, world.now_ns)
    world.run(500)
    assert offers == [[PCMA]]
    (answered,) = [codecs_in(fact.body) for fact in world.caller.facts if isinstance(fact, OfferAccepted)]
    assert answered == [PCMA]


def test_a_reinvite_without_a_codec_of_the_list_is_refused_and_the_call_goes_on() -> None:
    world = World(planned(trunk=(PCMA,)))
    world.line_phone(EAST, answer_ms=10)
    leg = world.call()
    world.run(500)
    world.caller.agent.offer(leg, offering(PCMU), world.now_ns)
    world.run(500)
    assert b'Warning: 305 payphone "Audio is PCMA"\r\n' in sent_to_caller(world)
    assert not world.endings()


@pytest.mark.parametrize(("of_caller", "codec"), [(101, OPUS), (107, OPUS), (120, OPUS), (102, OPUS), (107, G722), (101, G722)])
def test_an_offer_of_ours_has_each_number_once(of_caller: int, codec: Codec) -> None:
    """Whatever number the peer has given the codec that was agreed on, ours keep out of its way."""
    world = World(planned(trunk=(OPUS, G722)))
    phone = world.line_phone(EAST, answer_ms=10)
    body = offer_answer.offer(
        host="198.51.100.8", port=6_000, session_id=1, version=1, formats=[Format(of_caller, codec)], dtmf_type=97
    )
    world.call(body=body)
    world.run(500)
    hold = offer_answer.offer(host="198.51.100.9", port=4_000, session_id=1, version=2, direction=Direction.SENDONLY)
    (line_leg,) = [fact.leg for fact in phone.facts if isinstance(fact, InviteReceived)]
    phone.agent.offer(line_leg, hold, world.now_ns)
    world.run(500)
    (offered,) = [fact.offer for fact in world.caller.facts if isinstance(fact, OfferReceived)]
    description = parse_sdp(offered)
    assert description is not None
    (media,) = description.media
    assert len(set(media.formats)) == len(media.formats) == 3
    assert dict(media.codecs)[of_caller] == codec.rtpmap.upper()
