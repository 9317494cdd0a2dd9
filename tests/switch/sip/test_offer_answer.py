"""Offer and answer about G.711, from both sides."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.codec import Codec, OpusWishes
from switch.sip.offer_answer import AudioStream, Incompatible, NegotiatedMedia, accept_answer, answer, offer, warning
from switch.sip.sdp import MAX_STREAMS, Direction, Format, SessionDescription, parse_sdp

PCMU, PCMA = Codec.PCMU, Codec.PCMA

HEAD = ["v=0", "o=- 1 1 IN IP4 198.51.100.7", "s=-", "c=IN IP4 198.51.100.7", "t=0 0"]
AUDIO = ["m=audio 20000 RTP/AVP 8 0 96", "a=rtpmap:96 telephone-event/8000", "a=fmtp:96 0-16", "a=ptime:30"]


def sdp(*lines: str, head: list[str] = HEAD) -> bytes:
    return "".join(f"{line}\r\n" for line in [*head, *lines]).encode()


def parsed(body: bytes) -> SessionDescription:
    description = parse_sdp(body)
    assert description is not None
    return description


def answered(body: bytes, *codecs: Codec, with_dtmf: bool = True) -> NegotiatedMedia | None:
    found = refused_or_answered(body, *codecs, with_dtmf=with_dtmf)
    return found if isinstance(found, NegotiatedMedia) else None


def refused_or_answered(body: bytes, *codecs: Codec, with_dtmf: bool = True) -> NegotiatedMedia | Incompatible:
    return answer(parsed(body), hosts=("127.0.0.1",), port=4000, session_id=77, version=1, codecs=codecs, with_dtmf=with_dtmf)


def answer_of(body: bytes, *hosts: str) -> NegotiatedMedia | Incompatible:
    return answer(parsed(body), hosts=hosts, port=4000, session_id=1, version=2)


def static(*codecs: int) -> tuple[Format, ...]:
    return tuple(Format(codec, Codec(codec)) for codec in codecs)


def agreed(body: bytes, *, codecs: tuple[int, ...] = (0, 8), dtmf_type: int | None = 101) -> NegotiatedMedia | None:
    return accept_answer(parsed(body), host="127.0.0.1", formats=static(*codecs), dtmf_type=dtmf_type)


def lines_of(body: bytes) -> list[str]:
    assert body.endswith(b"\r\n")
    return body.decode().split("\r\n")[:-1]


WIDE = [
    "m=audio 20000 RTP/AVP 96 9 0 98",
    "a=rtpmap:96 opus/48000/2",
    "a=fmtp:96 useinbandfec=1",
    "a=rtpmap:98 telephone-event/8000",
]


class TestWideBand:
    """Opus and G.722, which config must name."""

    def test_without_config_the_answer_is_g711(self) -> None:
        agreement = answered(sdp(*WIDE))
        assert agreement is not None
        assert agreement.format == Format(0, Codec.PCMU)
        assert agreement.stream.formats == static(0)

    def test_opus_is_answered_under_the_peers_number(self) -> None:
        agreement = answered(sdp(*WIDE), Codec.OPUS, Codec.PCMU)
        assert agreement is not None
        assert agreement.format == Format(96, Codec.OPUS)
        assert lines_of(agreement.body)[5:] == [
            "m=audio 4000 RTP/AVP 96 98",
            "a=rtpmap:96 opus/48000/2",
            "a=fmtp:96 useinbandfec=1",
            "a=rtpmap:98 telephone-event/8000",
            "a=fmtp:98 0-15",
            "a=ptime:20",
            "a=sendrecv",
        ]

    @pytest.mark.parametrize(
        ("fmtp", "wishes"),
        [
            ("a=fmtp:96 useinbandfec=1", OpusWishes(with_fec=True)),
            ("a=fmtp:96 minptime=10; UseInbandFEC=1", OpusWishes(with_fec=True)),
            ("a=fmtp:96 useinbandfec=0", OpusWishes()),
            ("a=fmtp:97 useinbandfec=1", OpusWishes()),
            ("a=fmtp:96", OpusWishes()),
            ("a=fmtp:96 cbr=1;maxaveragebitrate=16000", OpusWishes(is_constant=True, max_bitrate=16_000)),
            ("a=fmtp:96 maxaveragebitrate=6000", OpusWishes(max_bitrate=6_000)),
            ("a=fmtp:96 maxaveragebitrate=5999", OpusWishes()),
            ("a=fmtp:96 maxaveragebitrate=510001", OpusWishes()),
            ("a=fmtp:96 maxaveragebitrate=-1;maxplaybackrate=x", OpusWishes()),
            ("a=fmtp:96 maxplaybackrate = 8000 ; stereo=0", OpusWishes(max_rate=8_000)),
            ("a=fmtp:96 maxplaybackrate=7999", OpusWishes()),
        ],
    )
    def test_opus_as_the_far_end_wants_it(self, fmtp: str, wishes: OpusWishes) -> None:
        agreement = answered(sdp("m=audio 20000 RTP/AVP 96", "a=rtpmap:96 opus/48000/2", fmtp), Codec.OPUS)
        assert agreement is not None
        assert agreement.stream.opus == wishes

    def test_g722_is_nine_and_counts_8000(self) -> None:
        agreement = answered(sdp(*WIDE), Codec.G722)
        assert agreement is not None
        assert agreement.format == Format(9, Codec.G722)
        assert lines_of(agreement.body)[5:7] == ["m=audio 4000 RTP/AVP 9 98", "a=rtpmap:9 G722/8000"]

    @pytest.mark.parametrize("encoding", ["G722/16000", "opus/48000", "opus/16000/2"])
    def test_another_clock_is_another_codec(self, encoding: str) -> None:
        body = sdp("m=audio 20000 RTP/AVP 97", f"a=rtpmap:97 {encoding}")
        assert refused_or_answered(body, Codec.G722, Codec.OPUS) is Incompatible.FORMAT

    def test_the_offer_has_what_it_is_told(self) -> None:
        formats = static(Codec.OPUS, Codec.G722, 8)
        assert lines_of(offer(host="127.0.0.1", port=4000, session_id=1, version=1, formats=formats))[5:10] == [
            "m=audio 4000 RTP/AVP 107 9 8 101",
            "a=rtpmap:107 opus/48000/2",
            "a=fmtp:107 useinbandfec=1",
            "a=rtpmap:9 G722/8000",
            "a=rtpmap:8 PCMA/8000",
        ]

    def test_an_answer_may_give_opus_another_number(self) -> None:
        agreement = agreed(sdp(*WIDE), codecs=(107, 0))
        assert agreement is not None
        assert agreement.format == Format(96, Codec.OPUS)
        assert agreement.stream.formats == (Format(96, Codec.OPUS), Format(0, Codec.PCMU))

    def test_an_answer_of_what_was_not_offered_is_none(self) -> None:
        assert agreed(sdp(*WIDE[:1], *WIDE[1:2], head=HEAD), codecs=(8,)) is None


class TestComfortNoise:
    """Agreed on when it is offered, beside codecs of its clock (RFC 3389 §4)."""

    @pytest.mark.parametrize(
        ("lines", "codec", "cn_type"),
        [
            (["m=audio 20000 RTP/AVP 0 13"], Codec.PCMU, 13),
            (["m=audio 20000 RTP/AVP 9 13", "a=rtpmap:13 CN/8000"], Codec.G722, 13),
            (["m=audio 20000 RTP/AVP 0 99", "a=rtpmap:99 CN/8000"], Codec.PCMU, 99),
            (["m=audio 20000 RTP/AVP 0 99", "a=rtpmap:99 CN/16000"], Codec.PCMU, None),
            (["m=audio 20000 RTP/AVP 96 13", "a=rtpmap:96 opus/48000/2"], Codec.OPUS, None),
            (["m=audio 20000 RTP/AVP 0"], Codec.PCMU, None),
        ],
    )
    def test_in_an_answer(self, lines: list[str], codec: Codec, cn_type: int | None) -> None:
        agreement = answered(sdp(*lines), codec)
        assert agreement is not None
        assert agreement.cn_type == cn_type
        said = [line for line in lines_of(agreement.body) if line.endswith("CN/8000")]
        assert said == ([] if cn_type is None else [f"a=rtpmap:{cn_type} CN/8000"])

    def test_in_an_offer(self) -> None:
        lines = lines_of(offer(host="127.0.0.1", port=4000, session_id=1, version=1, with_cn=True))
        assert lines[5] == "m=audio 4000 RTP/AVP 0 8 13 101"
        assert "a=rtpmap:13 CN/8000" in lines

    def test_in_the_answer_to_an_offer(self) -> None:
        agreement = agreed(sdp("m=audio 20000 RTP/AVP 0 13"))
        assert agreement is not None
        assert agreement.cn_type == 13


class TestAnswer:
    def test_the_usual_offer(self) -> None:
        agreement = answered(sdp(*AUDIO))
        assert agreement is not None
        assert agreement.stream == AudioStream(
            host="198.51.100.7", port=20000, formats=static(8, 0), dtmf_type=96, direction=Direction.SENDRECV, ptime_ms=30
        )
        assert (
            agreement.format.payload_type,
            agreement.dtmf_type,
            agreement.stream.direction.sends,
            agreement.stream.direction.receives,
        ) == (8, 96, True, True)
        assert lines_of(agreement.body) == [
            "v=0",
            "o=payphone 77 1 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            "m=audio 4000 RTP/AVP 8 96",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:96 telephone-event/8000",
            "a=fmtp:96 0-15",
            "a=ptime:20",
            "a=sendrecv",
        ]

    @pytest.mark.parametrize(
        ("ours", "theirs", "chosen"),
        [
            ((PCMU, PCMA), "8 0", PCMU),
            ((PCMA, PCMU), "0 8", PCMA),
            ((PCMA,), "0 8", PCMA),
            ((PCMU, PCMA), "8", PCMA),
            ((), "8 0", PCMA),
        ],
    )
    def test_our_list_is_the_order_and_all_there_is(self, ours: tuple[Codec, ...], theirs: str, chosen: Codec) -> None:
        agreement = answered(sdp(f"m=audio 20000 RTP/AVP {theirs}"), *ours)
        assert agreement is not None
        assert agreement.format == Format(chosen, chosen)
        assert f"m=audio 4000 RTP/AVP {chosen}" in lines_of(agreement.body)

    def test_no_codec_of_our_list_is_refused_by_its_names(self) -> None:
        offered = sdp("m=audio 20000 RTP/AVP 0 18")
        assert refused_or_answered(offered, PCMA) is Incompatible.FORMAT
        assert warning(Incompatible.FORMAT, (PCMA,)) == '305 payphone "Audio is PCMA"'
        assert warning(Incompatible.FORMAT, ()) == '305 payphone "Audio is PCMU or PCMA"'

    def test_telephone_event_is_not_answered_where_keys_come_by_info(self) -> None:
        agreement = answered(sdp(*AUDIO), with_dtmf=False)
        assert agreement is not None
        assert agreement.dtmf_type is None
        assert "telephone-event" not in agreement.body.decode()

    def test_without_telephone_event(self) -> None:
        agreement = answered(sdp("m=audio 20000 RTP/AVP 0", "a=rtpmap:101 telephone-event/8000"))
        assert agreement is not None
        assert agreement.dtmf_type is None
        assert "m=audio 4000 RTP/AVP 0" in lines_of(agreement.body)

    def test_other_streams_are_rejected_in_their_place(self) -> None:
        body = sdp(
            "m=video 30000 RTP/AVP 31 34",
            "m=audio 0 RTP/AVP 0",
            "m=audio 20000 RTP/SAVP 0",
            *AUDIO,
            "m=audio 20010 RTP/AVP 0",
            "m=image 9 udptl t38",
        )
        agreement = answered(body)
        assert agreement is not None
        assert agreement.stream.port == 20000
        assert [line for line in lines_of(agreement.body) if line.startswith("m=")] == [
            "m=video 0 RTP/AVP 31 34",
            "m=audio 0 RTP/AVP 0",
            "m=audio 0 RTP/SAVP 0",
            "m=audio 4000 RTP/AVP 8 96",
            "m=audio 0 RTP/AVP 0",
            "m=image 0 udptl t38",
        ]

    def test_a_dead_stream_without_formats_gets_one(self) -> None:
        agreement = answered(sdp(*AUDIO, "m=video 0 RTP/AVP"))
        assert agreement is not None
        assert lines_of(agreement.body)[-1] == "m=video 0 RTP/AVP 0"

    def test_timing_is_repeated(self) -> None:
        agreement = answered(sdp(*AUDIO, head=[*HEAD[:-1], "t=3724394400 3724398000"]))
        assert isinstance(agreement, NegotiatedMedia)
        assert "t=3724394400 3724398000" in lines_of(agreement.body)

    @pytest.mark.parametrize("hosts", [("2001:db8::1",), ("192.0.2.1", "2001:db8::1"), ("2001:db8::1", "192.0.2.1")])
    @pytest.mark.parametrize("written", ["IN IP6 2001:db8::7", "in ip6 2001:DB8:0::7"])
    def test_ipv6(self, hosts: tuple[str, ...], written: str) -> None:
        agreement = answer_of(sdp(*AUDIO, head=["v=0", f"c={written}"]), *hosts)
        assert isinstance(agreement, NegotiatedMedia)
        assert (agreement.stream.host, agreement.stream.is_v6, agreement.host) == ("2001:db8::7", True, "2001:db8::1")
        assert {"o=payphone 1 2 IN IP6 2001:db8::1", "c=IN IP6 2001:db8::1"} <= set(lines_of(agreement.body))

    @pytest.mark.parametrize("host", ["::1", "::1:0:0", "1::", "64:ff9b::192.0.2.1"])
    def test_addresses_of_ipv6_that_begin_with_zeros_or_end_like_ipv4(self, host: str) -> None:
        assert isinstance(answer_of(sdp(*AUDIO, head=["v=0", f"c=IN IP6 {host}"]), "2001:db8::1"), NegotiatedMedia)

    @pytest.mark.parametrize(
        ("connection", "ours"),
        [
            ("IN IP6 2001:db8::7", "192.0.2.1"),
            ("IN IP6 sbc.example.com", "192.0.2.1"),
            ("IN IP4 192.0.2.7", "2001:db8::1"),
            ("IN IP4 sbc.example.com", "2001:db8::1"),
        ],
    )
    def test_a_family_that_we_have_no_address_of(self, connection: str, ours: str) -> None:
        body = sdp(*AUDIO, head=["v=0", f"c={connection}"])
        assert answer_of(body, ours) is Incompatible.FAMILY
        assert accept_answer(parsed(body), host=ours) is None

    def test_of_an_address_of_each_family_the_first_that_we_have_is_taken(self) -> None:
        """Alternative addresses (RFC 4091), to one who does not know them: all but one are rejected."""
        body = sdp("m=audio 7000 RTP/AVP 0", "c=IN IP6 2001:db8::7", "m=audio 7002 RTP/AVP 0", "c=IN IP4 192.0.2.7")
        taken = [answer_of(body, *hosts) for hosts in (("192.0.2.1",), ("192.0.2.1", "2001:db8::1"))]
        streams = [
            [line for line in lines_of(each.body) if line[:2] == "m="] for each in taken if not isinstance(each, Incompatible)
        ]
        assert streams == [
            ["m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/AVP 0"],
            ["m=audio 4000 RTP/AVP 0", "m=audio 0 RTP/AVP 0"],
        ]

    @pytest.mark.parametrize(
        "lines",
        [
            [],
            ["m=audio 0 RTP/AVP 0"],
            ["m=audio 65536 RTP/AVP 0"],
            ["m=audio 20000/2 RTP/AVP 0"],
            ["m=audio -1 RTP/AVP 0"],
            ["m=audio 20000 RTP/AVP 18 101", "a=rtpmap:101 telephone-event/8000"],
            ["m=audio 20000 RTP/AVP 128"],
            ["m=audio 20000 RTP/AVP 0", "a=rtpmap:0 PCMU/16000"],
            ["m=audio 20000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000/2"],
            ["m=audio 20000 RTP/AVP 8", "a=rtpmap:8 telephone-event/8000"],
            ["m=audio 20000 RTP/SAVP 0"],
            ["m=video 20000 RTP/AVP 0"],
            *(
                ["m=audio 20000 RTP/AVP 0", f"c={connection}"]
                for connection in (
                    "IN IP6 sbc..example.com",
                    "IN IP4 sbc..example.com",
                    "IN IP4 -sbc",
                    f"IN IP4 {'a.' * 126}ab",
                    "IN IP4 224.2.1.1/127",
                    "IN IP4 224.2.1.1",
                    "IN IP4 255.255.255.255",
                    "IN IP6 ff02::1",
                    "IN IP6 fe80::1%eth0",
                    "IN IP6 2001:db8::1%eth0",
                    "IN IP6 ::ffff:224.0.0.1",
                    "IN IP6 ::ffff:192.0.2.1",
                    "IN IP6 ::192.0.2.1",
                    "IN IP6 ::2",
                    "IN IP6 ::ffff:ffff",
                    "IN IP6 [2001:db8::1]",
                    "IN IP6 192.0.2.1",
                    "IN IP4 2001:db8::1",
                    "IN IP4 192.0.2.256",
                    "IN IP4 1",
                    "IN IP4",
                    "ATM IP4 192.0.2.1",
                    "IN IP4 192.0.2.1 x",
                )
            ),
        ],
    )
    def test_nothing_we_can_serve(self, lines: list[str]) -> None:
        for hosts in (("127.0.0.1",), ("127.0.0.1", "::1")):
            assert isinstance(answer_of(sdp(*lines), *hosts), Incompatible)

    def test_no_connection_anywhere(self) -> None:
        assert answered(sdp(*AUDIO, head=["v=0"])) is None


class TestTolerance:
    @pytest.mark.parametrize(
        "body",
        [
            sdp(*AUDIO).replace(b"\r\n", b"\n"),
            sdp(*AUDIO)[:-2],
            sdp(*AUDIO) + b"\r\n\r\n",
            sdp(*AUDIO, head=["v=0"]) + b"c=IN IP4 198.51.100.7\r\n",
            sdp(*AUDIO, "a=crypto:1 x", "a=candidate:junk", "x-junk", "a=rtpmap:nonsense", "a=rtpmap:96", "b=AS:64"),
            sdp("m=AUDIO  20000/1 rtp/avp 8 0 8 0 96", "a=rtpmap:8 pcma/8000/1", "a=rtpmap:96  Telephone-Event/8000 "),
        ],
    )
    def test_what_real_devices_send(self, body: bytes) -> None:
        agreement = answered(body)
        assert agreement is not None
        stream = agreement.stream
        assert (stream.host, stream.port, stream.formats) == ("198.51.100.7", 20000, static(8, 0))

    def test_octets_that_are_no_text(self) -> None:
        assert answered(sdp("s=@", *AUDIO).replace(b"@", b"\xff\xfe")) is not None

    def test_the_streams_own_address_wins(self) -> None:
        agreement = answered(sdp(*AUDIO, "c=IN IP4 203.0.113.9"))
        assert agreement is not None
        assert agreement.stream.host == "203.0.113.9"

    def test_the_first_of_two_lines_counts(self) -> None:
        agreement = answered(sdp(*AUDIO, "a=ptime:40", "a=recvonly", "a=sendonly", "c=IN IP4 203.0.113.9", "c=IN IP4 203.0.113.10"))
        assert agreement is not None
        stream = agreement.stream
        assert (stream.ptime_ms, stream.direction, stream.host) == (30, Direction.RECVONLY, "203.0.113.9")

    @pytest.mark.parametrize("event", ["telephone-event/48000", "telephone-event", "CN/8000"])
    def test_events_at_another_clock_are_not_ours(self, event: str) -> None:
        agreement = answered(sdp("m=audio 20000 RTP/AVP 0 97 101", f"a=rtpmap:97 {event}", "a=rtpmap:101 telephone-event/8000"))
        assert agreement is not None
        assert agreement.dtmf_type == 101


HOLDS = [
    # offered direction, address -> the peer's direction as we take it, ours in the answer
    ("sendrecv", "198.51.100.7", Direction.SENDRECV, "sendrecv"),
    ("sendonly", "198.51.100.7", Direction.SENDONLY, "recvonly"),
    ("recvonly", "198.51.100.7", Direction.RECVONLY, "sendonly"),
    ("inactive", "198.51.100.7", Direction.INACTIVE, "inactive"),
    ("sendrecv", "0.0.0.0", Direction.SENDONLY, "recvonly"),
    ("recvonly", "0.0.0.0", Direction.INACTIVE, "inactive"),
    ("inactive", "0.0.0.0", Direction.INACTIVE, "inactive"),
    ("sendrecv", "::", Direction.SENDONLY, "recvonly"),
    ("inactive", "::", Direction.INACTIVE, "inactive"),
]


class TestHold:
    @pytest.mark.parametrize(("offered", "host", "theirs", "ours"), HOLDS)
    @pytest.mark.parametrize("level", ["session", "stream"])
    def test_answered(self, offered: str, host: str, theirs: Direction, ours: str, level: str) -> None:
        head = ["v=0", f"c=IN {'IP6' if ':' in host else 'IP4'} {host}"]
        line = f"a={offered}"
        body = sdp(*AUDIO, line, head=head) if level == "stream" else sdp(*AUDIO, head=[*head, line])
        agreement = answered(body)
        assert agreement is not None
        assert agreement.stream.direction == theirs
        assert lines_of(agreement.body)[-1] == f"a={ours}"

    def test_the_streams_own_direction_wins(self) -> None:
        agreement = answered(sdp(*AUDIO, "a=sendonly", head=[*HEAD, "a=inactive"]))
        assert agreement is not None
        assert agreement.stream.direction == Direction.SENDONLY

    @pytest.mark.parametrize(
        ("direction", "sends", "receives"),
        [("sendrecv", True, True), ("sendonly", True, False), ("recvonly", False, True), ("inactive", False, False)],
    )
    def test_what_flows(self, direction: str, sends: bool, receives: bool) -> None:  # noqa: FBT001 - a table's columns
        agreement = answered(sdp(*AUDIO, f"a={direction}"))
        assert agreement is not None
        assert (agreement.stream.direction.sends, agreement.stream.direction.receives) == (sends, receives)


class TestOffer:
    def test_default(self) -> None:
        assert lines_of(offer(host="127.0.0.1", port=4002, session_id=5, version=3)) == [
            "v=0",
            "o=payphone 5 3 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            "m=audio 4002 RTP/AVP 0 8 101",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            "a=ptime:20",
            "a=sendrecv",
        ]

    def test_chosen(self) -> None:
        body = offer(
            host="::1", port=4002, session_id=5, version=3, formats=static(8), dtmf_type=None, direction=Direction.INACTIVE
        )
        assert lines_of(body)[-4:] == ["m=audio 4002 RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=ptime:20", "a=inactive"]

    @given(
        payload_types=st.permutations([0, 8]).map(tuple) | st.sampled_from([(0,), (8,)]),
        dtmf_type=st.none() | st.integers(96, 127),
        direction=st.sampled_from(Direction),
        codecs=st.permutations([PCMU, PCMA]).map(tuple) | st.just(()),
    )
    def test_two_of_us_agree(
        self, payload_types: tuple[int, ...], dtmf_type: int | None, direction: Direction, codecs: tuple[Codec, ...]
    ) -> None:
        ours = offer(
            host="127.0.0.1",
            port=4002,
            session_id=5,
            version=3,
            formats=static(*payload_types),
            dtmf_type=dtmf_type,
            direction=direction,
        )
        theirs = answered(ours, *codecs)
        assert theirs is not None
        agreement = accept_answer(parsed(theirs.body), host="127.0.0.1", formats=static(*payload_types), dtmf_type=dtmf_type)
        assert agreement is not None
        assert (agreement.format.payload_type, agreement.dtmf_type) == (theirs.format.payload_type, theirs.dtmf_type)
        assert agreement.stream.direction == theirs.stream.direction.reversed
        assert (agreement.body, agreement.stream.port) == (b"", 4000)


class TestAgree:
    def test_the_answerers_order_of_what_we_offered(self) -> None:
        agreement = agreed(sdp("m=audio 20000 RTP/AVP 8 0 96", "a=rtpmap:96 telephone-event/8000"))
        assert agreement is not None
        assert (agreement.format.payload_type, agreement.dtmf_type) == (8, 96)

    def test_no_events_unless_we_offered_them(self) -> None:
        agreement = agreed(sdp(*AUDIO), dtmf_type=None)
        assert agreement is not None
        assert agreement.dtmf_type is None

    @pytest.mark.parametrize(
        "lines",
        [
            [],
            ["m=audio 0 RTP/AVP 0"],
            ["m=audio 20000 RTP/AVP 8"],
            ["m=audio 20000 RTP/AVP 18"],
            ["m=video 20000 RTP/AVP 31", "m=audio 20000 RTP/AVP 0"],
            ["m=audio 20000 RTP/AVP 0", "c=IN IP4 239.1.1.1"],
        ],
    )
    def test_no_agreement(self, lines: list[str]) -> None:
        assert agreed(sdp(*lines), codecs=(0,)) is None


class TestPayloadTypes:
    def test_g711_under_a_dynamic_payload_type(self) -> None:
        agreement = answered(sdp("m=audio 20000 RTP/AVP 96 97", "a=rtpmap:96 PCMA/8000", "a=rtpmap:97 telephone-event/8000"))
        assert agreement is not None
        assert (agreement.format, agreement.dtmf_type) == (Format(96, PCMA), 97)
        assert lines_of(agreement.body)[5:7] == ["m=audio 4000 RTP/AVP 96 97", "a=rtpmap:96 PCMA/8000"]

    def test_an_answer_may_number_what_we_offered_otherwise(self) -> None:
        agreement = agreed(sdp("m=audio 20000 RTP/AVP 110", "a=rtpmap:110 PCMU/8000"))
        assert agreement is not None
        assert agreement.format == Format(110, PCMU)

    def test_every_g711_format_of_the_peer_is_known(self) -> None:
        agreement = answered(sdp("m=audio 20000 RTP/AVP 0 8 96 18", "a=rtpmap:96 PCMA/8000"))
        assert agreement is not None
        assert agreement.stream.formats == (Format(0, PCMU), Format(8, PCMA), Format(96, PCMA))

    @pytest.mark.parametrize(("number", "name"), [(0, "PCMA"), (8, "PCMU")])
    def test_a_static_payload_type_means_nothing_else(self, number: int, name: str) -> None:
        assert answered(sdp(f"m=audio 20000 RTP/AVP {number}", f"a=rtpmap:{number} {name}/8000")) is None


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], Incompatible.MEDIA),
        (["m=audio 0 RTP/AVP 0"], Incompatible.MEDIA),
        (["m=video 20000 RTP/AVP 31"], Incompatible.MEDIA),
        (["m=audio 20000 RTP/SAVP 0"], Incompatible.TRANSPORT),
        (["m=audio 20000 RTP/AVPF 0"], Incompatible.TRANSPORT),
        (["m=audio 20000 UDP/TLS/RTP/SAVPF 0"], Incompatible.TRANSPORT),
        (["m=video 20000 RTP/AVP 31", "m=audio 20000 RTP/AVP 18", "m=audio 20000 RTP/SAVP 0"], Incompatible.FORMAT),
        (["m=audio 20000 RTP/AVP 0", "c=IN IP6 ff02::1"], Incompatible.ADDRESS),
    ],
)
def test_a_refusal_says_what_is_wrong_with_the_first_audio_stream(lines: list[str], why: Incompatible) -> None:
    assert refused_or_answered(sdp(*lines)) is why


@pytest.mark.parametrize("why", Incompatible)
def test_words_are_a_warning(why: Incompatible) -> None:
    """RFC 3261 §20.43: code, agent, quoted text."""
    assert re.fullmatch(r'3[0-9]{2} payphone "[^"\\]+"', why)


def test_a_host_may_be_a_name() -> None:
    agreement = answered(sdp(*AUDIO, "c=IN IP4 media-1.sbc_a.example.com"))
    assert agreement is not None
    assert agreement.stream.host == "media-1.sbc_a.example.com"


def test_of_very_many_streams_all_but_the_audio_are_rejected() -> None:
    videos = ["m=video 30000 RTP/AVP 31"] * (MAX_STREAMS - 1)
    agreement = answered(sdp(*videos, "m=audio 20000 RTP/AVP 0"))
    assert agreement is not None
    ports = [line.split()[1] for line in lines_of(agreement.body) if line.startswith("m=")]
    assert ports == ["0"] * (MAX_STREAMS - 1) + ["4000"]
