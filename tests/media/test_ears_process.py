"""The ears process: what it is told and what it tells, whatever else comes."""

from pathlib import Path

import pytest
from audio import at_dbm0
from ears_client import EarsClient
from side_process import PATIENCE_S
from tap_frames import framed, keys

from media.control import DigitReceived, WorkerProblem
from media.dsp.g711 import SAMPLE_RATE, Samples
from media.dsp.tones import silence
from media.ears.listener import MAX_TALKS
from media.listening import EarsHeartbeat, EndTalk, Listen, ListenToTalk, QuitEars, StopListening, TalkHeard
from media.tap_frame import Frame
from media.transcoder.codecs import encoder
from switch.codec import Codec
from switch.engine.clock import SystemClock


@pytest.fixture
def taps(tmp_path: Path) -> Path:
    return tmp_path / "ears"


def test_keys_of_two_legs_are_told_each_by_its_port(taps: Path) -> None:
    with EarsClient(taps) as ears:
        ears.order(Listen(listening=1, port=20_000, at_ns=0), Listen(listening=2, port=20_004, at_ns=0))
        one, other = framed(keys("1"), tap=1), framed(keys("#"), tap=2)
        ears.send([each for pair in zip(one, other, strict=True) for each in pair])
        found = {(report.port, report.digit) for report in (ears.expect(DigitReceived), ears.expect(DigitReceived))}
    assert found == {(20_000, "1"), (20_004, "#")}


def test_who_is_listened_to_no_longer_and_who_never_was_is_not_heard(taps: Path) -> None:
    with EarsClient(taps) as ears:
        ears.order(Listen(listening=1, port=20_000, at_ns=0), StopListening(listening=1), StopListening(listening=9))
        ears.order(Listen(listening=2, port=20_002, at_ns=0))
        for tap in (1, 9, 2):
            ears.send(framed(keys(str(tap)), tap=tap))
        assert ears.expect(DigitReceived).digit == "2"


def test_what_is_no_frame_and_no_order_is_told_and_stops_nothing(taps: Path) -> None:
    with EarsClient(taps) as ears:
        ears.order(Listen(listening=1, port=20_000, at_ns=0))
        ears.send((), garbage=b"\0" * 40)
        assert ears.expect(WorkerProblem).doing == "reading frames"
        ears._control.send(b"\xc1")
        assert ears.expect(WorkerProblem).doing == "reading an order"
        ears.send(framed(keys("8")))
        assert ears.expect(DigitReceived).digit == "8"


def test_ears_that_end_leave_the_socket_of_those_that_follow_them(taps: Path) -> None:
    with EarsClient(taps) as old, EarsClient(taps) as ears:
        old.order(QuitEars())
        assert old.process.wait(PATIENCE_S) == 0
        assert taps.is_socket()
        ears.order(Listen(listening=1, port=20_000, at_ns=0))
        ears.send(framed(keys("7")))
        assert ears.expect(DigitReceived).digit == "7"


def test_it_is_alive_and_ends_when_it_is_told_to_or_the_engine_is_gone(taps: Path) -> None:
    with EarsClient(taps) as ears:
        ears.expect(EarsHeartbeat)
        ears.order(QuitEars())
        assert ears.process.wait(PATIENCE_S) == 0
    with EarsClient(taps) as ears:
        ears.hang_up()
        assert ears.process.wait(PATIENCE_S) == 0


def test_one_that_follows_a_killed_one_has_its_path(taps: Path) -> None:
    with EarsClient(taps) as killed:
        killed.process.kill()
        killed.process.wait(PATIENCE_S)
        assert taps.exists()
    with EarsClient(taps) as ears:
        ears.order(Listen(listening=1, port=20_000, at_ns=0))
        ears.send(framed(keys("4")))
        assert ears.expect(DigitReceived).digit == "4"


def talk(ears: EarsClient, *, caller: int = 11, line: int = 12, call_id: str = "c") -> int:
    """Tells it to listen to a talk that began two seconds ago; returns when that was."""
    start_ns = SystemClock().now().mono_ns - 2_000_000_000
    ears.order(ListenToTalk(call_id=call_id, attempt=1, caller=caller, line=line, at_ns=start_ns, started_us=7))
    return start_ns


def test_a_talk_is_told_of_at_its_end_and_keys_are_heard_meanwhile(taps: Path) -> None:
    with EarsClient(taps) as ears:
        start_ns = talk(ears)
        ears.order(Listen(listening=1, port=20_000, at_ns=0))
        tone = at_dbm0((2100,), 3_000)
        for number in range(0, 150, 50):
            ears.send(framed(tone, tap=12, start_ns=start_ns)[number : number + 50])
        ears.send(framed(keys("6"), tap=1))
        assert ears.expect(DigitReceived).digit == "6"
        ears.order(EndTalk(caller=11, at_ns=start_ns + 4_000_000_000), EndTalk(caller=11, at_ns=start_ns))
        heard = ears.expect(TalkHeard)
        assert (heard.call_id, heard.line.heard.duration_ms) == ("c", 4_000)
        assert [each.name for each in heard.line.heard.tones] == ["fax_answer"]


def test_talks_are_told_of_when_it_ends(taps: Path) -> None:
    with EarsClient(taps) as ears:
        talk(ears)
        ears.order(QuitEars())
        assert ears.expect(TalkHeard).caller.heard.silence_ms >= 2_000
        assert ears.process.wait(PATIENCE_S) == 0


def test_more_talks_than_it_has_time_for_are_a_problem(taps: Path) -> None:
    with EarsClient(taps) as ears:
        for number in range(MAX_TALKS + 1):
            talk(ears, caller=2 * number, line=2 * number + 1, call_id=f"c{number}")
        assert f"c{MAX_TALKS}" in ears.expect(WorkerProblem).doing
        ears.order(QuitEars())
        found = {ears.expect(TalkHeard).call_id for _ in range(MAX_TALKS)}
        assert len(found) == MAX_TALKS


def in_codec(samples: Samples, codec: Codec, *, tap: int) -> list[Frame]:
    """Frames as of a leg with that codec."""
    coder, ticks = encoder(codec, SAMPLE_RATE), codec.clock_rate // 50
    payloads = [coder.encode(samples[at : at + 160]) for at in range(0, len(samples) - 159, 160)]
    plain = framed(silence(20 * len(payloads)), tap=tap)
    return [
        each._replace(codec=codec, payload=payload, size=len(payload), timestamp=each.number * ticks)
        for each, payload in zip(plain, payloads, strict=True)
    ]


@pytest.mark.parametrize("codec", [Codec.G722, Codec.OPUS])
def test_keys_come_as_tones_of_wide_band_codecs_too(taps: Path, codec: Codec) -> None:
    with EarsClient(taps) as ears:
        ears.order(Listen(listening=1, port=20_000, at_ns=0))
        frames = in_codec(keys("17", on_ms=200, off_ms=200), codec, tap=1)
        for at in range(0, len(frames), 3):
            ears.send(frames[at : at + 3])
        assert [ears.expect(DigitReceived).digit for _ in range(2)] == ["1", "7"]
