"""Why a line failed, in words: in its call's events, in what explains the call, in the log, and in the state of the line."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from engine_world import EAST, World, line, plan
from structlog.testing import capture_logs

from routing.zone import time_zone
from switch.cli.control import _line_table
from switch.engine.journal_line import recover_call
from switch.explain import explanation_lines
from switch.explanation import Sources, explain
from switch.log import call_line
from switch.sip.flow import Flow, SendFailure

UTC = time_zone("UTC")
NOWHERE = replace(line("east", EAST), uri="sip:a@nowhere.example.com")


class Failing(World):
    """`answers`: changes what the line sends, or None: nothing can be sent to it."""

    def __init__(self, answers: Callable[[bytes], bytes] | None, *, failure: SendFailure = SendFailure.UNREACHABLE) -> None:
        self.answers, self.failure = answers, failure
        super().__init__(plan(line("east", EAST)))

    def fly(self, data: bytes, source: Flow, target: Flow) -> None:
        if target == EAST and self.answers is None:
            self.engine.send_failed(target, self.at(), why=self.failure, words="Connection refused")
            return
        super().fly(self.answers(data) if source == EAST and self.answers else data, source, target)


def without_sdp(data: bytes) -> bytes:
    head, _, body = data.partition(b"\r\n\r\n")
    return head.replace(b"Content-Length: %d" % len(body), b"Content-Length: 0") + b"\r\n\r\n" if body else data


def without_contact(data: bytes) -> bytes:
    return data.replace(b"\r\nContact:", b"\r\nX-Contact:")


def with_video(data: bytes) -> bytes:
    return data.replace(b"m=audio", b"m=video")


def redirecting(data: bytes) -> bytes:
    return data.replace(b"SIP/2.0 486 Busy Here", b"SIP/2.0 302 Moved").replace(
        b"\r\nContent-Length", b"\r\nContact: <sip:a@203.0.113.9>\r\nContent-Length"
    )


@pytest.mark.parametrize(
    ("world", "status", "why"),
    [
        (lambda: Failing(without_sdp), None, "its answer has no SDP"),
        (lambda: Failing(with_video), None, "its SDP takes none of the audio that was offered"),
        (lambda: Failing(without_contact), None, "its 200 has no Contact that can be used"),
        (lambda: Failing(redirecting), 486, "its 302 leads to 203.0.113.9, which is not the host of a line of this advertiser"),
        (lambda: Failing(None), None, f"{EAST} can't be reached: Connection refused"),
        (
            lambda: Failing(None, failure=SendFailure.CERTIFICATE_REFUSED),
            None,
            f"{EAST} shows a certificate that is not accepted: Connection refused",
        ),
        (lambda: World(plan(NOWHERE)), None, "no address is known for sip:a@nowhere"),
    ],
    ids=["no SDP", "no audio", "no Contact", "302 elsewhere", "unreachable", "certificate", "no address"],
)
def test_it_is_told_everywhere(world: Callable[[], World], status: int | None, why: str) -> None:
    failing = world()
    failing.line_phone(EAST, **({} if status is None else {"status": status}))
    failing.call()
    failing.run(90_000)
    (judged,) = failing.records
    assert why in judged.failures()[1]
    assert any(why in each for each in explanation_lines(explain(judged, rows=(), config=Sources()), UTC))
    (east,) = failing.engine.line_status(failing.at())
    assert why in (east.last_why or "")
    assert why in " ".join(each.text for each in _line_table([east], UTC).lines(400))
    with capture_logs() as logs:
        call_line(judged)
    assert f"east: {why}" in logs[0]["why"]
    assert recover_call([payload for _, payload in failing.journal]).failures() == judged.failures()


def test_a_line_that_took_a_call_has_nothing_to_explain() -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST, talk_ms=3_000)
    world.call()
    world.run(60_000)
    (judged,) = world.records
    assert judged.failures() == {}
    with capture_logs() as logs:
        call_line(judged)
    assert "why" not in logs[0]
    assert world.engine.line_status(world.at())[0].last_why is None
