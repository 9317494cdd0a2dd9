"""Each torture message of RFC 4475 and RFC 5118 gets the right answer, which is legal whatever the request was (`torture/README.md`)."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from sip_world import NOTHING_HELD, PEER, Solo

from switch.sip.fact import InviteReceived
from switch.sip.headers import parse_cseq, parse_name_addr
from switch.sip.message import Malformed, Request, Response, parse
from switch.sip.peer import DEFAULT_PEER

FOLDER = Path(__file__).parent / "torture"
_HEAD = re.compile(r"^=== (\S+) (.+)\n", re.MULTILINE)
_MARK = re.compile(r"⟦([^⟧]*)⟧")


@dataclass(frozen=True)
class Torture:
    name: str
    verdict: str
    header: str
    data: bytes

    @property
    def status(self) -> int | None:
        digits = self.verdict.removeprefix("invited ")
        return int(digits) if digits.isdigit() else None


def octets(text: str, *, body_octets: int = 0) -> bytes:
    """`text` with its marks replaced."""

    def replaced(mark: re.Match[str]) -> str:
        inner = mark[1]
        if inner == "len":
            return str(body_octets)
        times, star, repeated = inner.partition("*")
        return repeated * int(times) if star else bytes.fromhex(inner).decode(errors="surrogateescape")

    return _MARK.sub(replaced, text).encode(errors="surrogateescape")


def read(path: Path) -> list[Torture]:
    blocks = _HEAD.split(path.read_text())[1:]
    return [torture(*blocks[index : index + 3]) for index in range(0, len(blocks), 3)]


def torture(name: str, what: str, text: str) -> Torture:
    verdict, _, header = what.rpartition(" ") if what[-1].isalpha() and " " in what else (what, "", "")
    head, blank, body = text.replace("\n", "\r\n").partition("\r\n\r\n")
    assert blank, name
    data = octets(body)
    return Torture(name, verdict, header, octets(head + blank, body_octets=len(data)) + data)


MESSAGES = [each for path in sorted(FOLDER.glob("*.txt")) for each in read(path)]


def test_all_messages_are_here() -> None:
    assert len(MESSAGES) == 49 + 11
    assert len({each.name for each in MESSAGES}) == len(MESSAGES)


def heard(solo: Solo, data: bytes) -> list[Response]:
    solo.agent.receive(data, PEER, solo.now_ns, peer=DEFAULT_PEER)
    answers = solo.said()
    assert all(isinstance(answer, Response) for answer in answers)
    return [answer for answer in answers if isinstance(answer, Response)]


@pytest.mark.parametrize("each", [each for each in MESSAGES if not each.data.startswith(b"SIP/")], ids=lambda each: each.name)
def test_requests(each: Torture) -> None:
    solo = Solo()
    answers = heard(solo, each.data)
    if each.verdict.startswith("invited"):
        assert [answer.status for answer in answers] == [100]
        (invited,) = solo.facts()
        assert isinstance(invited, InviteReceived)
        assert invited.reject_status == each.status
        solo.agent.refuse(invited.leg, each.status or 404, solo.now_ns)
        answers = [answer for answer in solo.said() if isinstance(answer, Response)]
    assert [answer.status for answer in answers] == [each.status or 404]
    assert each.header == "" or each.header in answers[0].headers
    is_legal(answers[0], each.data)
    solo.agent.facts()
    solo.finish()


def is_legal(answer: Response, data: bytes) -> None:
    """The answer has what every answer has, and what could be read of the request comes back as it was."""
    headers = answer.headers
    to = parse_name_addr(headers.get("To") or "")
    assert to is not None
    assert to.tag
    assert parse_name_addr(headers.get("From") or "") is not None
    assert headers.get("Call-ID")
    whole = parse(data)
    request = whole.request if isinstance(whole, Malformed) else whole
    assert isinstance(request, Request)
    assert len(headers.all("Via")) == len(request.headers.all("Via"))
    for name in ("From", "To"):
        came = request.headers.get(name)
        if came is not None and parse_name_addr(came) is not None:
            assert (headers.get(name) or "").startswith(came)
    assert headers.get("Call-ID") == (request.headers.get("Call-ID") or "unknown")
    cseq = request.headers.get("CSeq") or ""
    assert headers.get("CSeq") == (cseq if parse_cseq(cseq) else f"0 {request.method}")


@pytest.mark.parametrize("each", [each for each in MESSAGES if each.data.startswith(b"SIP/")], ids=lambda each: each.name)
def test_responses(each: Torture) -> None:
    solo = Solo()
    assert heard(solo, each.data) == []
    assert isinstance(parse(each.data), Response if each.verdict == "read" else Malformed)
    assert solo.agent.live_counts() == NOTHING_HELD


@pytest.mark.parametrize("each", MESSAGES, ids=lambda each: each.name)
def test_a_stranger_gets_no_answer_to_any(each: Torture) -> None:
    solo = Solo()
    solo.agent.receive(each.data, PEER, solo.now_ns, peer=None)
    assert solo.said() == []
    assert solo.agent.facts() == []
    assert solo.agent.oddities() == []
    assert solo.agent.live_counts() == NOTHING_HELD
    assert solo.agent.statistics.snapshot()["stranger"] == {PEER.host: 1}
