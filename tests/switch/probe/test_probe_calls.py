"""Probes of lines with real peers: the phone is PJSIP in a process of its own, the lines are SIPp."""

import fcntl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from probe_lines import ANSWERS, BUSY, HANGS_UP, RINGS, TAKES_BYE
from probe_rows import found

from switch.deployment import Deployment
from switch.ledger.store import Ledger
from switch.probe import run as running
from switch.probe.placed import CannotPlace, placed_call
from switch.probe.run import DAY_US, ProbeRefused, ProbeRun, run_probe
from switch.probe_settings import HangUp, Hears, ProbeSettings

NOW_US = 1_767_344_400_000_000
HOW = ProbeRun(actor="ops:anna", now_us=lambda: NOW_US)
Line = Callable[..., None]


PROBE = ProbeSettings(name="east", line="east", caller="+12125550123", talk_ms=1_500, answer_ms=1_500)


DEAF = "tone: the probe's own tone of 1004 Hz was not heard; nothing was heard at all"
ECHO = ("-rtp_echo",)


@pytest.mark.parametrize(
    ("does", "options", "failure", "code"),
    [
        (ANSWERS + TAKES_BYE, ECHO, "", 200),
        (BUSY, (), "answers: 486 Busy Here", 486),
        (RINGS, (), "answers: it only rang, for 1.5 s", 487),
        (ANSWERS + TAKES_BYE, (), DEAF, 200),
        (ANSWERS + HANGS_UP, ECHO, "hang-up: the far end hung up after", 200),
    ],
    ids=["right", "busy", "rings for ever", "deaf", "hangs up"],
)
def test_a_line_is_as_it_is(
    deployment: Deployment, ledger: Ledger, line: Line, *, does: str, options: tuple[str, ...], failure: str, code: int
) -> None:
    line(does, *options)
    (row,) = run_probe(deployment, replace(PROBE, hears=Hears.ECHO), ledger, HOW)
    assert "; ".join(row.failures).startswith(failure)
    assert len(row.failures) == bool(failure)
    assert (row.good, row.sip_code, row.actor, row.at_us) == (not failure, code, "ops:anna", NOW_US)
    assert ledger.probes() == [row]
    if row.good:
        assert row.codec == "PCMA"
        assert row.tone_hz == pytest.approx(1_004, abs=2)
        assert row.tone_dbm0 == pytest.approx(-9.8, abs=1)
        assert (row.ended_by, row.bye_code) == ("caller", 200)
        assert row.mos is not None
        assert row.mos > 4
        assert row.sip_call_id


def test_both_ways_of_hanging_up_are_two_calls_and_two_rows(deployment: Deployment, ledger: Ledger, line: Line) -> None:
    line(ANSWERS + HANGS_UP, "-rtp_echo")
    first, second = run_probe(deployment, replace(PROBE, hang_up=HangUp.BOTH), ledger, HOW)
    assert (first.number, first.good, second.number, second.failures) == (1, False, 2, ())
    assert (second.ended_by, second.answer_ms is not None) == ("line", True)


def test_the_recording_and_the_messages_are_kept_where_asked(
    deployment: Deployment, ledger: Ledger, line: Line, tmp_path: Path
) -> None:
    line(ANSWERS + TAKES_BYE, "-rtp_echo")
    keep, log = tmp_path / "kept.wav", tmp_path / "messages.txt"
    run_probe(deployment, PROBE, ledger, replace(HOW, keep=keep, log=str(log)))
    assert keep.stat().st_size > 16_000
    said = log.read_text()
    assert "INVITE sip:east@127.0.0.1" in said
    assert "P-Asserted-Identity: <sip:+12125550123@127.0.0.1>" in said
    assert "s3cret" not in said


def test_one_call_at_a_time_to_a_target(deployment: Deployment, ledger: Ledger) -> None:
    folder = deployment.switch.data / "probes"
    folder.mkdir(parents=True)
    with (folder / "east.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ProbeRefused, match="another probe calls east now"):
            run_probe(deployment, PROBE, ledger, HOW)
    assert ledger.probes() == []


def test_so_many_in_a_day_and_no_more(deployment: Deployment, ledger: Ledger, line: Line) -> None:
    line(BUSY)
    inside, before = NOW_US - DAY_US, NOW_US - DAY_US - 1
    ledger.add_probes([found(target="east", at_us=at_us) for at_us in (before, inside)])
    two = replace(PROBE, per_day=2)
    assert run_probe(deployment, two, ledger, HOW)
    with pytest.raises(ProbeRefused, match="has had 2 probe calls in 24 hours, of 2"):
        run_probe(deployment, two, ledger, HOW)
    with pytest.raises(ProbeRefused, match="of 3"):
        run_probe(deployment, replace(PROBE, per_day=3, hang_up=HangUp.BOTH), ledger, HOW)


@pytest.mark.parametrize("module", ["this", "code"], ids=["ends", "says nothing"])
def test_a_phone_that_fails_is_a_failure(
    deployment: Deployment, ledger: Ledger, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "PHONE", module)
    monkeypatch.setattr(running, "SILENT_S", 0.5)
    (row,) = run_probe(deployment, PROBE, ledger, HOW)
    assert row.failures == ("answers: the phone ended without a word of the call",)


def test_whoever_is_to_end_gives_the_call_up_without_a_row(deployment: Deployment, ledger: Ledger, line: Line) -> None:
    line(RINGS)
    with pytest.raises(ProbeRefused, match="given up"):
        run_probe(deployment, replace(PROBE, answer_ms=60_000), ledger, replace(HOW, ended=lambda: True))
    assert ledger.probes() == []


def test_what_to_install_is_said(deployment: Deployment, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "is_installed", lambda: False)
    with pytest.raises(ProbeRefused, match=r"pip install 'payphone\[probe\]'"):
        run_probe(deployment, PROBE, ledger, HOW)


def test_a_number_is_called_from_the_single_address_of_its_trunk(deployment: Deployment) -> None:
    call = placed_call(deployment, ProbeSettings(name="n", number="+18005550100", caller="+12125550123"))
    port = deployment.switch.listeners[0].address[1]
    assert (call.uri, call.host) == (f"sip:77+18005550100@127.0.0.1:{port}", "127.0.0.9")
    assert (call.caller, call.codecs) == ("<sip:+12125550123@127.0.0.9>", ("PCMU", "PCMA"))


def test_a_line_is_called_as_the_switch_would(deployment: Deployment, line_port: int) -> None:
    call = placed_call(deployment, PROBE)
    assert (call.uri, call.host) == (f"sip:east@127.0.0.1:{line_port}", "127.0.0.1")
    assert call.headers == (("P-Asserted-Identity", "<sip:+12125550123@127.0.0.1>"),)
    assert (call.username, call.secret, call.codecs, call.dtmf) == ("us", "s3cret", ("PCMA",), "info")
    assert "s3cret" not in repr(call)


@pytest.mark.parametrize(("probes", "why"), [((), "no trunk is a probe's"), (("a", "b"), "several trunks are probes")])
def test_a_number_needs_a_trunk_of_probes(deployment: Deployment, probes: tuple[str, ...], why: str) -> None:
    trunk = deployment.plan.trunks[0]
    trunks = tuple(replace(trunk, name=name, probe=True) for name in probes)
    without = replace(deployment, plan=replace(deployment.plan, trunks=trunks))
    with pytest.raises(CannotPlace, match=why):
        placed_call(without, ProbeSettings(name="n", number="+18005550100"))
