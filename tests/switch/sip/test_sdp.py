"""SDP as carriers send it, and what is no SDP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.sip.offer_answer import NegotiatedMedia, accept_answer, answer
from switch.sip.sdp import MAX_SDP_BYTES, MAX_STREAMS, parse_sdp

HEAD = ["v=0", "o=- 1 1 IN IP4 198.51.100.7", "s=-", "c=IN IP4 198.51.100.7", "t=0 0"]
AUDIO = ["m=audio 20000 RTP/AVP 8 0 96", "a=rtpmap:96 telephone-event/8000", "a=fmtp:96 0-16", "a=ptime:30"]


def sdp(*lines: str, head: list[str] = HEAD) -> bytes:
    return "".join(f"{line}\r\n" for line in [*head, *lines]).encode()


class TestUnreadable:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\0",
            b"v=1\r\n",
            b"v=0 \r\nm=audio",
            b"o=- 1 1 IN IP4 1.1.1.1\r\nv=0\r\n",
            sdp("m=audio 20000"),
            sdp("m="),
            sdp("m=audio 20000 RTP/AVP 0 <x>"),
            sdp("m=aud\u00efo 20000 RTP/AVP 0"),
            sdp(*["m=audio 20000 RTP/AVP 0"] * (MAX_STREAMS + 1)),
            sdp(*AUDIO).ljust(MAX_SDP_BYTES + 1, b"\n"),
        ],
    )
    def test_none(self, body: bytes) -> None:
        assert parse_sdp(body) is None

    @pytest.mark.parametrize("first", [b"\r\n", b"\n\n", b"\r\n\r\n"])
    def test_empty_lines_first_are_read_past(self, first: bytes) -> None:
        assert parse_sdp(first + sdp(*AUDIO)) == parse_sdp(sdp(*AUDIO))

    def test_limits_are_reachable(self) -> None:
        assert parse_sdp(sdp(*["m=audio 20000 RTP/AVP 0"] * MAX_STREAMS)) is not None
        assert parse_sdp(sdp(*AUDIO).ljust(MAX_SDP_BYTES, b"\n")) is not None

    @given(st.data())
    def test_no_octets_raise(self, data: st.DataObject) -> None:
        body = sdp(*AUDIO, "a=sendonly", "m=video 1 RTP/AVP 31")
        for _ in range(data.draw(st.integers(1, 4))):
            start = data.draw(st.integers(0, len(body)))
            body = body[:start] + data.draw(st.binary(max_size=6)) + body[start + data.draw(st.integers(0, 6)) :]
        description = parse_sdp(body)
        agreement = None if description is None else answer(description, hosts=("127.0.0.1",), port=4000, session_id=1, version=1)
        if description is not None and isinstance(agreement, NegotiatedMedia):
            again = parse_sdp(agreement.body)
            assert again is not None
            assert len(again.media) == len(description.media)
            assert sum(stream.port != 0 for stream in again.media) == 1
            accept_answer(description, host="127.0.0.1")
