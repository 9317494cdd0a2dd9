"""A bounded run of the fuzzer, and of hypothesis over the parsers: any input gives a value, nothing raises, nothing is left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip_fuzz import corpus, fuzz_round
from sip_world import PEER, Solo

from switch.sip.body import sdp_of
from switch.sip.message import Malformed, Request, Response, parse, serialize
from switch.sip.peer import DEFAULT_PEER
from switch.sip.sdp import parse_sdp

SEEDS = corpus()
NOISE = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [b"\r\n", b"\n", b"\r\n\r\n", b"\0", b"\xff", b'"', b"<", b">", b",", b";", b":", b"--b1", b"m=audio 0 ", b"a="]
    ),
)


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        data = data[:start] + draw(NOISE) + data[start + draw(st.integers(0, 16)) :]
    return data


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_datagrams_break_nothing_and_leave_nothing_behind(seed: int) -> None:
    assert fuzz_round(seed, datagrams=6_000) > 10


@pytest.mark.parametrize("data", SEEDS)
def test_the_corpus_is_sip(data: bytes) -> None:
    assert isinstance(parse(data), Request | Response)


@given(mutants())
def test_what_is_parsed_can_be_written_and_its_body_be_read(data: bytes) -> None:
    message = parse(data)
    whole = message.request if isinstance(message, Malformed) else message
    if isinstance(whole, Request | Response):
        serialize(whole)
        parse_sdp(sdp_of(whole.headers, whole.body) or b"")


@given(st.lists(mutants(), max_size=12))
def test_an_agent_that_hears_anything_ends_with_nothing(heard: list[bytes]) -> None:
    solo = Solo()
    solo.calling()
    for data in heard:
        solo.agent.receive(data, PEER, solo.now_ns, peer=DEFAULT_PEER)
        solo.said()
        for fact in solo.facts():
            solo.agent.hangup(fact.leg, solo.now_ns, q850=None)
    for leg in range(1, 2 * len(heard) + 2):
        solo.agent.hangup(leg, solo.now_ns)
    solo.wait(400_000)
    solo.facts()
    assert set(solo.agent.live_counts().values()) == {0}
