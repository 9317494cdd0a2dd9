"""The page of one call: its SIP messages, its recordings, its timeline, and a call that goes on."""

from dataclasses import replace
from hashlib import sha256

from console_world import ConsoleWorld, view

from switch.billing.verdict import CallEvent
from switch.ledger.tables import RecordingDeletionRow, RecordingRow, SipTraceRow
from switch.trace.message import Endpoint, Trace, TracedMessage, encode
from switch.web.sip_ladder import laid_out
from switch.web.timeline import timeline_of

OURS, THEIRS, LINE = Endpoint("127.0.0.1", 5060), Endpoint("127.0.0.1", 5080), Endpoint("127.0.0.1", 5070)


def message(at_us: int, text: str, *, is_sent: bool = False, party: int = 0) -> TracedMessage:
    theirs = LINE if party else THEIRS
    return TracedMessage(at_us, is_sent, party, "UDP", OURS, theirs, text.replace("\n", "\r\n").encode())


TRACE = Trace(
    call_id="call0x",
    sip_call_id="abc@carrier",
    parties=("carrier", "line-golf"),
    messages=(
        message(1_000_000, "INVITE sip:1@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nCSeq: 1 INVITE\n\n"),
        message(
            1_010_000, "INVITE sip:<b>@x SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK2\nCSeq: 1 INVITE\n\n", is_sent=True, party=1
        ),
        message(1_020_000, "SIP/2.0 486 Busy Here\nVia: SIP/2.0/UDP h;branch=z9hG4bK2\nCSeq: 1 INVITE\n\n", party=1),
    ),
)


def test_sip_messages_are_a_ladder_and_a_capture_for_operators(world: ConsoleWorld) -> None:
    world.write([world.judged("call0x", "alfa", [("line-golf", None)], ani="+12125550001")])
    world.ledger.add_traces(
        [SipTraceRow(call_id="call0x", sip_call_id="abc@carrier", began_us=1_000_000, messages=3, dropped=0, trace=encode(TRACE))]
    )
    client = world.user("anna")
    text = client.get("/calls/call0x").text
    assert "486 Busy Here" in text
    assert "sip:&lt;b&gt;@x" in text
    answer = client.get("/calls/call0x/sip.pcap")
    assert answer.content[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
    assert client.get("/calls/none/sip.pcap").status_code == 404
    for user in ("alfa", "golf"):
        assert "Busy Here" not in world.user(user).get("/calls/call0x").text
        assert world.user(user).get("/calls/call0x/sip.pcap").status_code == 403


def test_the_callers_side_is_left_of_the_switch() -> None:
    drawn = laid_out(TRACE)
    assert [column.name for column in drawn.columns] == ["carrier", "switch", "line-golf"]
    carrier, switch, line = (column.at for column in drawn.columns)
    assert [(each.from_at, each.to_at) for each in drawn.arrows] == [(carrier, switch), (switch, line), (line, switch)]
    assert [each.after_us for each in drawn.arrows] == [0, 10_000, 20_000]


def test_a_recording_is_played_in_parts_until_it_is_deleted(world: ConsoleWorld) -> None:
    content = bytes(range(200))
    folder = world.site.deployment.switch.recordings_in.directory
    folder.mkdir(parents=True)
    (folder / "one.wav").write_bytes(content)
    row = RecordingRow(
        call_id="call0x",
        path="one.wav",
        sha256=sha256(content).hexdigest(),
        length_ms=1_000,
        sides="both",
        format="wav",
        started_us=1,
        ended_us=2,
        paused_ms=0,
        frames_lost=0,
        why=None,
    )
    world.ledger.add_recordings([row, replace(row, path="gone.wav", ended_us=3)])
    client = world.user("vic")
    whole = client.get("/calls/call0x/recordings/0")
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, content, "audio/wav")
    part = client.get("/calls/call0x/recordings/0", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, content[10:20])
    for number in (1, 2, -1):  # without its file; not there
        assert client.get(f"/calls/call0x/recordings/{number}").status_code == 404
    assert world.user("alfa").get("/calls/call0x/recordings/0").status_code == 403
    world.ledger.add_recording_deletions([RecordingDeletionRow(path="one.wav", at_us=9, actor="ops:ann", reason="asked for")])
    assert client.get("/calls/call0x/recordings/0").status_code == 404


def test_a_call_in_progress_is_followed_to_its_end(world: ConsoleWorld) -> None:
    world.live([view("call0x", "alfa", ["line-golf"], ani="+12125550001")])
    client, part = world.user("anna"), {"HX-Request": "true"}
    assert "talking" in client.get("/calls/call0x").text
    drawn = client.get("/calls/call0x", headers=part).text
    assert "talking" in drawn
    assert "<html" not in drawn
    world.live([])
    assert client.get("/calls/call0x", headers=part).status_code == 404  # not in the ledger yet: the page asks again
    world.write([world.judged("call0x", "alfa", [("line-golf", 120_000)], ani="+12125550001")])
    assert client.get("/calls/call0x", headers=part).headers["HX-Refresh"] == "true"
    assert "converted" in client.get("/calls/call0x").text


def test_a_timeline_is_to_scale(world: ConsoleWorld) -> None:
    record = world.judged("call0x", "alfa", [("line-golf", None), ("line-hotel", 60_000)], ani="+12125550001").record
    record = replace(record, ended_us=record.invited_us + 100_000_000)

    def at(seconds: int, event: str, *then: str, **facts: object) -> CallEvent:
        return CallEvent(number=1, at_us=record.invited_us + seconds * 1_000_000, event=event, facts={**facts, "then": list(then)})

    events = [
        at(0, "Ruled", "Play 1 welcome", choice="EnterMenu hello"),
        at(10, "Ruled", "Dial 1 line-golf", choice="Dial line-golf"),
        at(20, "AnswerDurable", "Bridge 2", leg=2),
        at(80, "LegEnded", "Unbridge", leg=0, cause="caller_hung_up"),
    ]
    drawn = timeline_of(record, events, record.attempts, named=True)
    caller = drawn.lanes[0]
    assert [(each.kind, each.at, each.width) for each in caller.segments] == [
        ("menu", 0, 10),
        ("ringing", 10, 10),
        ("talking", 20, 60),
        ("ending", 80, 20),
    ]
    assert [(mark.at, mark.label) for mark in caller.marks] == [(80, "leg ended caller caller_hung_up")]
    assert [lane.name for lane in drawn.lanes] == ["caller", "line-golf", "line-hotel"]
    assert [tick.label for tick in drawn.ticks] == ["0:00", "0:15", "0:30", "0:45", "1:00", "1:15", "1:30"]
    nameless = timeline_of(record, events, (), named=False)
    assert "hello" not in str(nameless)
    assert nameless.lanes[0].marks == ()
