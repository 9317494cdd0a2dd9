"""Prompts are made once, by another process, and kept under a key of what they are made of; what is damaged or new is made again."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from media.dsp.g711 import PCMA, PCMU, decode
from media.dsp.levels import level_db
from media.dsp.tones import sine
from media.dsp.wav import write_wav
from media.prompts import maker as maker_module
from media.prompts import source as source_module
from media.prompts.cache import PromptCache, prune
from media.prompts.inspection import inspect
from media.prompts.make import make
from media.prompts.maker import PromptMaker
from media.prompts.prepared import LAWS, open_prepared, prepared_name, write_prepared
from media.prompts.prompt import Doubt, Prompt, Unplayable
from media.prompts.source import PromptFile, PromptOctets, Source, Speech

ROOT = Path(__file__).parents[2]
DAY_S = 86_400
SAY = ("espeak-ng", "-v", "en-us", "--stdin", "--stdout")


@pytest.fixture
def welcome(tmp_path: Path) -> Path:
    path = tmp_path / "welcome.wav"
    path.write_bytes(write_wav(sine(440, 1_010, level_db=-30)))
    return path


def made(found: Prompt | Unplayable) -> Prompt:
    assert isinstance(found, Prompt), found
    return found


@pytest.mark.parametrize("source", [PromptFile, lambda path: PromptOctets(path.read_bytes())], ids=["file", "octets"])
def test_another_process_makes_what_a_check_in_this_one_says(
    tmp_path: Path, welcome: Path, source: Callable[[Path], Source]
) -> None:
    with PromptMaker(tmp_path / "cache") as maker:
        found = made(maker(source(welcome)))
    assert found == inspect(PromptFile(welcome)) == inspect(PromptOctets(welcome.read_bytes()))
    assert found.length_ms == 1_020
    prepared = open_prepared(tmp_path / "cache" / prepared_name(found.key))
    assert prepared.is_sound()
    assert (prepared.header.frames, prepared.header.length_ms) == (51, 1_020)
    for codec, law in LAWS.items():
        samples = decode(bytes(prepared.payload(codec)), law)
        assert len(samples) == 51 * 160
        assert level_db(samples[:8_000]) == pytest.approx(-16 - 3.17, abs=0.2)
    assert LAWS == {"PCMU": PCMU, "PCMA": PCMA}


HARDENED = """
import ctypes, sys
from pathlib import Path
assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN
from media.prompts.prompt import Prompt
from media.prompts.make import make
from media.prompts.source import PromptFile
found = make(PromptFile(Path(sys.argv[1])), Path(sys.argv[2]))
assert isinstance(found, Prompt), found
"""


def test_it_needs_no_memory_that_is_written_and_executed(tmp_path: Path) -> None:
    """As `MemoryDenyWriteExecute` of deploy/payphone.service has it: seccomp there, the same rule of the kernel here."""
    path = tmp_path / "welcome.ogg"
    soundfile.write(path, sine(440, 1_000) / 32_768, 8_000)
    subprocess.run([sys.executable, "-c", HARDENED, path, tmp_path / "cache"], check=True, timeout=60, cwd=ROOT)


class Counted:
    """Makes in this process, and counts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.sources: list[Source] = []

    def __call__(self, source: Source) -> Prompt | Unplayable:
        self.sources.append(source)
        return make(source, self.directory)


def test_a_prompt_is_made_once_and_again_when_its_file_has_changed(tmp_path: Path, welcome: Path) -> None:
    counted = Counted(tmp_path / "cache")
    cache = PromptCache(tmp_path / "cache", counted)
    first = made(cache(PromptFile(welcome)))
    assert made(cache(PromptFile(welcome))) == first
    assert len(counted.sources) == 1
    (tmp_path / "same.wav").write_bytes(welcome.read_bytes())
    assert cache(PromptFile(tmp_path / "same.wav")) == first, "the name is no part of it"
    assert len(counted.sources) == 1
    welcome.write_bytes(write_wav(np.zeros(800, np.int16)))
    second = made(cache(PromptFile(welcome)))
    assert second.key != first.key
    assert [doubt.what.split(":")[0] for doubt in second.doubts] == ["is silent"]
    assert cache(PromptFile(welcome)) == second, "doubts are kept with it"
    assert len(counted.sources) == 2


@pytest.mark.parametrize("at", [0, 40, -1])
def test_a_damaged_file_of_the_cache_is_made_again(tmp_path: Path, welcome: Path, at: int) -> None:
    counted = Counted(tmp_path / "cache")
    cache = PromptCache(tmp_path / "cache", counted)
    file = tmp_path / "cache" / prepared_name(made(cache(PromptFile(welcome))).key)
    whole = file.read_bytes()
    damaged = bytearray(whole)
    damaged[at] ^= 0xFF
    file.write_bytes(damaged)
    made(cache(PromptFile(welcome)))
    assert len(counted.sources) == 2
    assert file.read_bytes() == whole


def test_a_cache_that_can_not_be_written_is_a_fault(tmp_path: Path, welcome: Path) -> None:
    (tmp_path / "cache").write_text("no directory")
    found = make(PromptFile(welcome), tmp_path / "cache")
    assert found == Unplayable(why=f"{tmp_path / 'cache'} can't be written: File exists")


def test_nothing_is_left_of_a_write_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_prepared(tmp_path / "x.prompt", payloads={"PCMU": b"\xff" * 160}, frames=1, doubts=(Doubt(what="a", instead="b"),))
    assert list(tmp_path.iterdir()) == []


def test_who_reads_a_file_that_is_written_anew_reads_the_old_one_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never opened for writing."""
    path = tmp_path / "x.prompt"
    write_prepared(path, payloads={"PCMU": b"\x01" * 160}, frames=1, doubts=())
    before = open_prepared(path)
    write_prepared(path, payloads={"PCMU": b"\x02" * 320}, frames=2, doubts=())
    assert bytes(before.payload("PCMU")) == b"\x01" * 160
    assert bytes(open_prepared(path).payload("PCMU")) == b"\x02" * 320

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(PermissionError):
        write_prepared(path, payloads={"PCMU": b"\x03" * 160}, frames=1, doubts=())
    assert bytes(open_prepared(path).payload("PCMU")) == b"\x02" * 320
    assert [each.name for each in tmp_path.iterdir()] == ["x.prompt"]


def test_a_maker_that_dies_is_the_fault_of_one_prompt(tmp_path: Path, welcome: Path) -> None:
    with PromptMaker(tmp_path / "cache") as maker:
        made(maker(PromptFile(welcome)))
        assert maker._process is not None
        maker._process.send_signal(signal.SIGKILL)
        maker._process.wait(60)
        found = maker(PromptFile(welcome))
        assert isinstance(found, Unplayable)
        made(maker(PromptFile(welcome)))
    assert maker._process is None


def test_a_maker_that_hangs_is_ended_and_after_three_of_them_no_more_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, welcome: Path
) -> None:
    monkeypatch.setattr(maker_module, "_line", lambda _: None)
    with PromptMaker(tmp_path / "cache") as maker:
        for _ in range(3):
            assert maker(PromptFile(welcome)) == Unplayable(why="it took longer than 120 s to prepare")
            assert maker._process is None
        assert maker(PromptFile(welcome)) == Unplayable(
            why="not prepared: what came before it took too long, or the switch is to stop"
        )


def test_what_is_being_made_can_be_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, welcome: Path) -> None:
    wait = maker_module._line
    with PromptMaker(tmp_path / "cache") as maker:

        def given_up(fd: int) -> bytes | None:
            maker.abandon()  # as another thread does meanwhile
            return wait(fd)

        monkeypatch.setattr(maker_module, "_line", given_up)
        found = maker(Speech("Hello", ("sleep", "2")))
        assert found == Unplayable(why="the process that makes prompts ended on it, with status -9")
        found = maker(PromptFile(welcome))
        assert isinstance(found, Unplayable)
        assert found.why.startswith("not prepared: ")
        assert maker._process is None


def test_an_answer_is_waited_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker_module, "MAKE_S", 0.01)
    ours, theirs = os.pipe()
    os.write(theirs, b"the first half")
    assert maker_module._line(ours) is None
    os.write(theirs, b" and the other\n")
    assert maker_module._line(ours) == b" and the other\n"
    os.close(theirs)
    assert maker_module._line(ours) == b""
    os.close(ours)


def test_a_text_is_spoken_and_levelled(tmp_path: Path) -> None:
    found = made(make(Speech("For a quote, press 1.", SAY), tmp_path))
    assert 1_000 < found.length_ms < 4_000
    assert found.doubts == ()
    samples = decode(bytes(open_prepared(tmp_path / prepared_name(found.key)).payload("PCMU")), PCMU)
    assert -25 < level_db(samples) < -17
    assert made(make(Speech("For a quote, press 2.", SAY), tmp_path)).key != found.key
    assert made(make(Speech("For a quote, press 1.", (*SAY, "-s", "120")), tmp_path)).key != found.key


@pytest.mark.parametrize("text", ["-v es", "--help", "$(touch x); `touch x`", "' ; touch x ; '", "<break/> & | > x"])
def test_a_text_is_never_an_option_nor_seen_by_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    made(make(Speech(text, SAY), tmp_path / "cache"))
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert source_module.octets_of(Speech(text, ("cat",))) == text.encode()


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("no-such-program",), "no-such-program is not installed"),
        (("/etc",), "/etc can't be started: Permission denied"),
        (("cat", "\0"), "cat can't be started: embedded null byte"),
        (("false",), "false ended with status 1"),
        (("true",), "true wrote nothing"),
        (("sh", "-c", "echo 'no voice' >&2; exit 3"), "sh ended with status 3: no voice"),
        (("sh", "-c", "kill -9 $$"), "sh ended with status -9"),
        (("cat",), "not a WAV, MP3, OGG or FLAC file"),
    ],
)
def test_a_program_that_does_not_speak_says_why(tmp_path: Path, command: tuple[str, ...], why: str) -> None:
    found = make(Speech("Hello", command), tmp_path)
    assert isinstance(found, Unplayable)
    assert found.why == why


def test_the_default_program_comes_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert inspect(Speech("Hello", SAY)) == Unplayable(why="espeak-ng is not installed", hint="run: apt-get install espeak-ng")


def test_a_program_may_write_so_much_and_no_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(source_module, "MAX_SPOKEN_BYTES", 5)
    assert source_module.octets_of(Speech("12345", ("cat",))) == b"12345"
    assert source_module.octets_of(Speech("123456", ("cat",))) == Unplayable(why="cat wrote more than 0 MiB")
    assert source_module.octets_of(Speech("", ("cat", "/dev/zero"))) == Unplayable(why="cat wrote more than 0 MiB")


def test_a_program_that_hangs_is_ended_with_what_it_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(source_module, "SPEAK_S", 0.1)
    found = source_module.octets_of(Speech("Hello", ("sh", "-c", "sleep 60 & sleep 60")))
    assert found == Unplayable(why="sh took longer than 0 s")


def test_a_file_that_is_none_is_told_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert inspect(PromptFile(tmp_path / "pipe.wav")) == Unplayable(why="Not a regular file")
    assert inspect(PromptFile(tmp_path / "gone.wav")) == Unplayable(why="No such file or directory")


@pytest.mark.parametrize(
    ("age_s", "is_named", "is_large", "stays"),
    [
        (7 * DAY_S, False, False, True),
        (7 * DAY_S + 1, False, False, False),
        (30 * DAY_S, True, True, True),
        (DAY_S + 1, False, True, False),
        (DAY_S, False, True, True),  # a call of an older config may still go on
    ],
)
def test_what_no_config_names_goes_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age_s: int, *, is_named: bool, is_large: bool, stays: bool
) -> None:
    monkeypatch.setattr("media.prompts.cache.MAX_CACHE_BYTES", 9 if is_large else 10)
    file = tmp_path / prepared_name("key")
    file.write_bytes(bytes(10))
    os.utime(file, (1_000_000, 1_000_000))
    removed = prune(tmp_path, named=["key"] if is_named else [], now_s=1_000_000 + age_s)
    assert file.exists() is stays
    assert removed == (not stays)


def test_a_use_makes_it_young_again(tmp_path: Path, welcome: Path) -> None:
    cache = PromptCache(tmp_path / "cache", Counted(tmp_path / "cache"))
    file = tmp_path / "cache" / prepared_name(made(cache(PromptFile(welcome))).key)
    os.utime(file, (1_000_000, 1_000_000))
    cache(PromptFile(welcome))
    assert file.stat().st_mtime > 1_000_000


def test_a_cache_that_is_not_there_has_nothing_to_prune(tmp_path: Path) -> None:
    assert prune(tmp_path / "nowhere", named=[], now_s=0.0) == 0
