"""What a line's forks and a caller describe before the 2xx, as a call hears it: early answers, UPDATE and PRACK with an offer."""

from dataclasses import replace

import pytest
from engine_world import CARRIER, EAST, World, line, plan
from hand_written import LineByHand, aims, from_caller, line_sdp, sent_to

from media import control as mc
from switch.engine.plan import Plan
from switch.sip.fact import OfferAccepted
from switch.sip.flow import Flow
from switch.sip.message import Message, Response
from switch.sip.sdp import parse_sdp

CALLER_SDP = line_sdp(6_000).replace("198.51.100.21", "198.51.100.8")


@pytest.fixture
def world() -> World:
    return World(plan(line("east", EAST)))


def early_media() -> Plan:
    config = plan(line("east", EAST))
    numbers = {did: replace(number, early_media=True) for did, number in config.table.numbers.items()}
    return replace(config, table=replace(config.table, numbers=numbers))


def answers_to(world: World, flow: Flow, method: str) -> list[Response]:
    sent = [each for each in sent_to(world, flow) if isinstance(each, Response)]
    return [each for each in sent if (each.headers.get("CSeq") or "").endswith(method)]


def tag_of(message: Message) -> str:
    return (message.headers.get("To") or "").partition("tag=")[2]


@pytest.mark.parametrize(
    ("fork", "sdp", "aimed"),
    [
        ("l1", "", 4_000),
        ("l1", line_sdp(4_000), 4_000),
        ("l1", line_sdp(4_002), 4_002),
        ("l2", "", 4_100),
        ("l3", line_sdp(4_200), 4_200),
    ],
)
def test_of_several_forks_the_latest_is_heard_and_the_one_that_answers_counts(
    world: World, fork: str, sdp: str, aimed: int
) -> None:
    phone = LineByHand(world)
    phone.answers(183, line_sdp(4_000), tag="l1")
    phone.answers(183, line_sdp(4_100), tag="l2")
    assert aims(world) == [4_000, 4_100]
    phone.answers(180, tag="l3")
    assert aims(world) == [4_000, 4_100]
    phone.answers(200, sdp, tag=fork)
    assert aims(world) == [4_000, 4_100, aimed]
    assert len(world.told(mc.Bridge)) == 1


def test_a_fork_that_answers_without_sdp_is_not_heard_at_another_s_address(world: World) -> None:
    phone = LineByHand(world)
    phone.answers(183, line_sdp(4_000), tag="l1")
    phone.answers(200, tag="l2")
    world.run(40_000)
    assert not world.told(mc.Bridge)
    assert [attempt.sip_code for attempt in world.records[0].record.attempts] == [200]


def test_an_early_answer_without_a_tag_is_that_of_whoever_answers(world: World) -> None:
    phone = LineByHand(world)
    phone.answers(183, line_sdp(4_000), tag="")
    phone.answers(200, tag="l1")
    assert aims(world) == [4_000, 4_000]
    assert len(world.told(mc.Bridge)) == 1


@pytest.mark.parametrize(
    ("fork", "sdp", "aimed"),
    [("l1", "", 4_010), ("l1", line_sdp(4_000), 4_010), ("l1", line_sdp(4_020), 4_020), ("l2", "", 4_100)],
)
def test_a_line_may_move_its_early_media_by_update(world: World, fork: str, sdp: str, aimed: int) -> None:
    """It is answered with what we can do: there is no other leg to ask yet. A 200 that repeats the older SDP takes nothing back."""
    phone = LineByHand(world)
    phone.answers(183, line_sdp(4_100), tag="l2", rseq=1)
    phone.answers(183, line_sdp(4_000), tag="l1", rseq=1)
    answered = phone.updates(line_sdp(4_010), tag="l1")
    assert answered.status == 200
    description = parse_sdp(answered.body)
    assert description is not None
    assert description.media[0].port in range(20_000, 30_000)
    assert aims(world) == [4_100, 4_000, 4_010]
    phone.answers(200, sdp, tag=fork)
    assert aims(world)[3:] == [aimed]
    assert len(world.told(mc.Bridge)) == 1


def test_an_early_update_that_can_not_be_served_changes_nothing(world: World) -> None:
    phone = LineByHand(world)
    phone.answers(183, line_sdp(4_000), rseq=1)
    refused = phone.updates(line_sdp(4_010, formats="18"))
    assert (refused.status, refused.headers.get("Warning")) == (488, '305 payphone "Audio is PCMU or PCMA"')
    phone.answers(200)
    assert aims(world) == [4_000, 4_000]


def test_a_line_that_holds_before_its_answer_and_not_in_it_is_not_held(world: World) -> None:
    phone = LineByHand(world)
    phone.answers(183, line_sdp(4_000), rseq=1)
    assert b"a=recvonly" in phone.updates(line_sdp(4_000) + "a=sendonly\r\n").body
    assert not world.told(mc.SetRemote)[-1].peer.receives
    phone.answers(200, line_sdp(4_002))
    assert world.told(mc.SetRemote)[-1].peer.receives
    world.caller.agent.offer(1, CALLER_SDP.encode(), world.now_ns)
    world.run(50)
    (accepted,) = [fact for fact in world.caller.facts if isinstance(fact, OfferAccepted)]
    assert b"a=sendrecv" in accepted.body


def test_a_caller_s_prack_with_an_offer_is_answered_before_the_200_that_waits_for_it() -> None:
    world = World(early_media())
    from_caller(world, "INVITE", more={"Require": "100rel"}, sdp=CALLER_SDP)
    phone = LineByHand(world, calls=False)
    phone.answers(183, line_sdp(4_000))
    progress = answers_to(world, CARRIER, "INVITE")[-1]
    assert (progress.status, bool(progress.body)) == (183, True)
    phone.answers(200, line_sdp(4_000))
    assert answers_to(world, CARRIER, "INVITE")[-1].status == 183
    rack = {"RAck": f"{progress.headers.get('RSeq')} 1 INVITE"}
    from_caller(world, "PRACK", cseq=2, to_tag=tag_of(progress), more=rack, sdp=CALLER_SDP.replace("6000", "6010"))
    *_, acknowledged, ok = [each for each in sent_to(world, CARRIER) if isinstance(each, Response)]
    assert [each.headers.get("CSeq") for each in (acknowledged, ok)] == ["2 PRACK", "1 INVITE"]
    assert (acknowledged.status, ok.status, ok.body) == (200, 200, b"")
    assert parse_sdp(acknowledged.body) is not None
    caller_port = world.told(mc.Bridge)[0].a
    assert [order.peer.port for order in world.told(mc.SetRemote) if order.port == caller_port][-1] == 6_010


def test_a_caller_that_moves_by_update_while_it_rings_is_heard_there_after_the_answer() -> None:
    world = World(early_media())
    from_caller(world, "INVITE", more={"Require": "100rel"}, sdp=CALLER_SDP)
    phone = LineByHand(world, calls=False)
    phone.answers(183, line_sdp(4_000))
    progress = answers_to(world, CARRIER, "INVITE")[-1]
    rack = {"RAck": f"{progress.headers.get('RSeq')} 1 INVITE"}
    from_caller(world, "PRACK", cseq=2, to_tag=tag_of(progress), more=rack)
    from_caller(world, "UPDATE", cseq=3, to_tag=tag_of(progress), sdp=CALLER_SDP.replace("6000", "6010"))
    assert [each.status for each in answers_to(world, CARRIER, "UPDATE")] == [200]
    phone.answers(200, line_sdp(4_000))
    assert answers_to(world, CARRIER, "INVITE")[-1].status == 200
    caller_port = world.told(mc.Bridge)[0].a
    assert [order.peer.port for order in world.told(mc.SetRemote) if order.port == caller_port][-1] == 6_010
