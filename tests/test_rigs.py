"""Every rig of sip-test-rigs/ passes: real SIP and RTP sockets against a switch of its own each.

Knows only the runner. The rigs that were asked for run a few at once from the first test on, since each spends its time waiting.
"""

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from rig_audio import find_tone, read_wav, write_tone
from rig_expect import differences
from rig_folder import read_rig
from rig_runner import DEFAULT_JOBS, Verdict, report, rig_names, run_rig, start_rigs
from rig_words import RigError

ALL_RIGS_S = 1_800
Runs = dict[str, Future[Verdict]]


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Iterator[Runs]:
    """The verdicts to come of the rigs that this session asks for."""
    asked = [
        item.callspec.params["rig"] for item in request.session.items if hasattr(item, "callspec") and "rig" in item.callspec.params
    ]
    with ThreadPoolExecutor(max_workers=DEFAULT_JOBS) as pool:
        started = start_rigs(pool, asked)
        yield started
        pool.shutdown(cancel_futures=True)


@pytest.mark.timeout(ALL_RIGS_S)
@pytest.mark.parametrize("rig", rig_names())
def test_rig(rig: str, runs: Runs) -> None:
    verdict = runs[rig].result()
    assert verdict.passed, "\n" + report(verdict)


def test_there_are_rigs() -> None:
    assert len(rig_names()) >= 18


def test_without_sipp_a_rig_fails_and_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rig_programs.path_of", {}.get)
    verdict = run_rig("01-answered-and-billable")
    assert not verdict.passed
    assert "apt-get install -y sip-tester" in verdict.problems[0]
    assert verdict.kept is not None
    verdict.kept.rmdir()


@pytest.mark.parametrize(("needs", "skipped"), [("[asterisk]", "asterisk"), ("[asterisk, sipp]", "")])
def test_only_a_rig_that_lacks_nothing_but_asterisk_is_skipped(
    needs: str, skipped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "99-asterisk"
    folder.mkdir()
    (folder / "config.yaml").write_text("switch: {log: json}\n")
    (folder / "expected.yaml").write_text("records: []\n")
    (folder / "rig.yaml").write_text(f"needs: {needs}\nsteps: [{{switch: killed}}]\n")
    monkeypatch.setattr("rig_programs.path_of", {}.get)
    monkeypatch.setattr("rig_runner.ROOT", tmp_path)
    verdict = run_rig("99-asterisk")
    assert (verdict.skipped, verdict.passed) == (skipped, bool(skipped))
    assert (report(verdict) == "skip  99-asterisk  asterisk") == bool(skipped)
    if verdict.kept is not None:
        verdict.kept.rmdir()


@pytest.mark.parametrize(
    ("script", "lacks_sipp", "skipped", "said"),
    [
        ('steps: [{caller: c.xml, from: "::1"}]', False, "ipv6", None),
        ('lines: {line-a: {phone: baresip, tone: 700, at: "::1"}}\nsteps: [{phone: {calls: "1", tone: 700}}]', False, "ipv6", None),
        ('steps: [{caller: c.xml, from: "::1"}]', True, "", "apt-get install -y sip-tester"),
    ],
)
def test_without_ipv6_a_rig_that_is_played_over_it_is_skipped(  # noqa: PLR0917 a table's columns, and fixtures
    script: str,
    lacks_sipp: bool,  # noqa: FBT001
    skipped: str,
    said: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "99-ipv6"
    folder.mkdir()
    (folder / "config.yaml").write_text("switch: {log: json}\n")
    (folder / "expected.yaml").write_text("records: []\n")
    (folder / "c.xml").write_text("")
    (folder / "rig.yaml").write_text(script)
    monkeypatch.setattr("rig_programs.path_of", lambda name: None if lacks_sipp else name)
    monkeypatch.setattr("rig_programs.has_ipv6", lambda: False)
    monkeypatch.setattr("rig_runner.ROOT", tmp_path)
    verdict = run_rig("99-ipv6")
    assert (verdict.skipped, verdict.passed) == (skipped, bool(skipped))
    assert said is None or said in verdict.problems[0]
    if verdict.kept is not None:
        verdict.kept.rmdir()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("lines: {line-a: {phone: snom, tone: 700}}", "there is no phone 'snom'; there are pjsip, baresip"),
        (
            "lines: {line-a: {phone: baresip, tone: 700, options: [100rel]}}",
            "baresip has no option 100rel; it has alone, srtp, tls, PCMA, G722, OPUS",
        ),
        ('lines: {line-a: {tone: 700, at: "::1"}}', "`at: ::1`: pjsua2's wheel is built without IPv6"),
        ('steps: [{phone: {calls: "1", tone: 700}, then: [line-b holds]}]', "nobody is called line-b"),
        (
            'steps: [{phone: {calls: "1", tone: 700}, then: [caller sings]}]',
            "'caller sings': write a duration, `asterisk says REGEX`, or who",
        ),
        ('steps: [{phone: {calls: "1", tone: 700}, then: [asterisk says up]}]', "the rig has no `asterisk: FOLDER`"),
        ('steps: [{phone: {calls: "1", tone: 700, to: kamailio}}]', "`to: kamailio`: a call goes to `switch`"),
        ('steps: [{phone: {calls: "1", tone: 700, to: asterisk}}]', "`kamailio` or `asterisk` where the rig has one"),
        (
            "lines: {line-a: {tone: 700, path: {drops: 5}}}",
            "lines.line-a: path: unknown drops; known are apart, hidden, jitter, loses",
        ),
        ('steps: [{phones: [{calls: "1", tone: 700}], then: [line-b holds]}]', "nobody is called line-b"),
        ("steps: [{kamailio says: up}]", "the rig has no `kamailio: FILE.cfg`"),
    ],
)
def test_what_a_rig_can_not_mean_is_refused(script: str, said: str, tmp_path: Path) -> None:
    folder = tmp_path / "99-unclear"
    folder.mkdir()
    (folder / "config.yaml").write_text("switch: {log: json}\n")
    (folder / "expected.yaml").write_text("records: []\n")
    (folder / "rig.yaml").write_text(script)
    with pytest.raises(RigError, match=re.escape(said)):
        read_rig(folder)


def test_a_misspelt_key_in_a_rig_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "99-misspelt"
    folder.mkdir()
    (folder / "config.yaml").write_text("switch: {}\n")
    (folder / "expected.yaml").write_text("record: []\n")
    with pytest.raises(
        RigError, match="unknown record; known are captured, compared, every_call, heard, live, logs, records, told"
    ):
        read_rig(folder)


def test_a_rig_whose_log_the_runner_can_not_follow_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "99-console"
    folder.mkdir()
    (folder / "config.yaml").write_text("switch: {log: console}\n")
    (folder / "expected.yaml").write_text("records: []\n")
    with pytest.raises(RigError, match=r"`switch.log` must be `json`"):
        read_rig(folder)


SOUND_RECORD = {
    "call_id": "1",
    "did": "+18005550100",
    "ani": "+14155550199",
    "trunk": "rig-carrier",
    "publisher": "radio-one",
    "campaign": "quotes",
    "final_state": "converted",
    "invited_at": "2026-03-01T14:00:00.000Z",
    "answered_at": "2026-03-01T14:00:00.001Z",
    "ended_at": "2026-03-01T14:00:03.001Z",
    "ended_by": "caller",
    "sip_code": 200,
    "total_ms": 3000,
    "menu_ms": 500,
    "connected_ms": 2000,
    "attempts": [{"line": "acme-a", "outcome": "answered", "sip_code": 200, "answer_delay_ms": 400, "connected_ms": 2000}],
    "billable": True,
    "rule": "quotes: connected_for >= 1000 ms",
    "revenue_micros": 25_000_000,
    "payout_micros": 18_000_000,
}


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"connected_ms": [2000, 2000], "answered_at": "present", "attempts": [{"answer_delay_ms": [0, 400]}]}, None),
        ({"connected_ms": [2001, 3000]}, "record 1: connected_ms: expected 2001 to 3000, got 2000"),
        ({"billable": 1}, "record 1: billable: expected 1, got True"),
        ({"attempts": []}, "record 1: attempts: expected 0 (none), got acme-a answered"),
        ({"attempts": [{"answer_delay_ms": None}]}, "record 1: attempts 1: answer_delay_ms: expected None, got 400"),
        ({"colour": "red"}, "record 1: colour: is missing in the record"),
    ],
)
def test_a_record_is_compared_key_by_key(expected: dict[str, object], said: str | None) -> None:
    assert differences([expected], [SOUND_RECORD]) == ([said] if said else [])


def test_too_many_and_too_few_records_are_told() -> None:
    assert differences([], [SOUND_RECORD]) == ["records: expected 0, got 1"]
    assert differences([{}], []) == ["records: expected 1, got 0"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"connected_ms": 3053}, "longer than the call"),
        ({"billable": False}, "money for a call that is not billable"),
        ({"ended_at": "2026-03-01T13:59:59.999Z"}, "before it was invited"),
    ],
)
def test_a_record_that_no_call_may_leave_is_told_whatever_is_expected(wrong: dict[str, object], said: str) -> None:
    (found,) = differences([{}], [{**SOUND_RECORD, **wrong}])
    assert said in found


def test_a_tone_is_found_with_its_level_and_another_is_not(tmp_path: Path) -> None:
    write_tone(tmp_path / "tone.wav", 700, duration_ms=1000, peak_db=-10)
    samples = read_wav(tmp_path / "tone.wav")
    heard = find_tone(samples, 700, floor_db=-20)
    assert (heard.heard_ms, round(heard.level_db)) == (1000, -10)
    assert find_tone(samples, 1100, floor_db=-60).heard_ms == 0
