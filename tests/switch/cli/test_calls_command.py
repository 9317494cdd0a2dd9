"""`payphone calls` and `payphone explain`, as people read them: in a terminal of eighty columns, in a pipe, and while calls come."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from leg_figures import figures
from money_cases import INVITED_US, SECOND_US
from posting_world import PostingWorld
from typer.testing import CliRunner, Result

from routing.expression import Scalar
from switch.billing.verdict import JudgedCall
from switch.call.record import FinalState
from switch.cli import listing
from switch.cli.common import app
from switch.console import show_calls_table
from switch.ledger.reading import CallFilter
from switch.ledger.tables import RecordingDeletionRow, RecordingRow

UTC = ZoneInfo("UTC")


def calls(config: Path, *words: str, columns: int | None = None) -> Result:
    env = {"COLUMNS": None if columns is None else str(columns)}
    done = CliRunner().invoke(app, ["calls", "--config", str(config), *words], env=env)
    assert done.exit_code == 0, done.output
    return done


def ids(config: Path, *words: str) -> list[str]:
    return [json.loads(line)["call_id"] for line in calls(config, "--json", *words).stdout.splitlines()]


def test_a_pipe_gets_one_whole_line_a_call(ledger: Path) -> None:
    heading, _, *rows = calls(ledger).stdout.splitlines()
    assert heading.split()[:3] == ["date", "UTC", "call"]
    assert len(rows) == 3
    (row,) = [row for row in rows if " c3 " in row]
    assert row.split()[:2] == ["2026-03-02", "15:00:00"]
    assert "+18005550100" in row
    assert "radio-one" in row
    assert "west busy, east answered" in row
    assert row.split()[-3:] == ["10.000", "0.00", "0.00"]


def test_json_and_explain_have_the_figures_of_audio(world: PostingWorld, ledger: Path) -> None:
    world.ledger.write_media([("c3", figures())])
    media = {call["call_id"]: call["media"] for call in map(json.loads, calls(ledger, "--json").stdout.splitlines())}
    assert {call_id: len(legs) for call_id, legs in media.items()} == {"abd2": 0, "abc1": 0, "c3": 1}
    assert media["c3"][0]["received_packets"] == 2_970
    assert media["c3"][0]["mos_scale"] == "narrowband"
    explained = CliRunner().invoke(app, ["explain", "c3", "--config", str(ledger)]).stdout
    assert "from the caller (PCMU): 2970 packets, 30 lost (1.0 %)" in explained
    explained = CliRunner().invoke(app, ["explain", "c3", "--json", "--config", str(ledger)]).stdout
    assert json.loads(explained)["media"] == media["c3"]


RECORDING = RecordingRow(
    call_id="c3",
    path="2026/03/02/c3.wav",
    sha256="ab" * 32,
    length_ms=14_250,
    sides="both",
    format="wav",
    started_us=INVITED_US + 2 * SECOND_US,
    ended_us=INVITED_US + 17 * SECOND_US,
    paused_ms=750,
    frames_lost=3,
    why="the recorder died",
)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ["c3"]),
        (["--caller", "Anonymous"], []),
        (["--caller", "(212) 555-0199"], ["c3"]),
        (["--line", "west", "--publisher", "radio-one"], ["c3"]),
        (["--number", "+18005550199"], []),
        (["--call", "c3"], ["c3"]),
        (["--since", "2026-03-02T15:00:01"], []),
    ],
)
def test_recordings_are_found_as_calls_are(world: PostingWorld, ledger: Path, words: list[str], found: list[str]) -> None:
    world.ledger.add_recordings([RECORDING])
    done = CliRunner().invoke(app, ["recordings", "list", "--json", "--config", str(ledger), *words])
    assert done.exit_code == 0, done.output
    assert [json.loads(line)["call_id"] for line in done.stdout.splitlines()] == found


def test_json_and_explain_have_the_recordings(world: PostingWorld, ledger: Path) -> None:
    first = RECORDING
    second = replace(first, path="2026/03/02/c3-2.opus", format="opus", ended_us=INVITED_US + 30 * SECOND_US, why=None)
    deletion = RecordingDeletionRow(
        path=second.path, at_us=INVITED_US + 90 * SECOND_US, actor="ops:ann", reason="the caller asked for it"
    )
    world.ledger.add_recordings([second, first])
    world.ledger.add_recording_deletions([deletion])
    recordings = {call["call_id"]: call["recordings"] for call in map(json.loads, calls(ledger, "--json").stdout.splitlines())}
    assert recordings == {
        "abd2": [],
        "abc1": [],
        "c3": [{**asdict(first), "deletion": None}, {**asdict(second), "deletion": asdict(deletion)}],
    }
    explained = CliRunner().invoke(app, ["explain", "c3", "--config", str(ledger), "--zone", "UTC"]).stdout
    assert explained.splitlines()[-5:] == [
        "recording: 2026/03/02/c3.wav, both, 14.250 s from 2026-03-02 15:00:02, paused for 0.750 s, 3 frames lost",
        "  it ended early: the recorder died",
        f"  SHA-256 {first.sha256}",
        "recording: 2026/03/02/c3-2.opus, both, 14.250 s from 2026-03-02 15:00:02, paused for 0.750 s, 3 frames lost",
        "  deleted 2026-03-02 15:01:30 by ops:ann: the caller asked for it",
    ]
    explained = CliRunner().invoke(app, ["explain", "c3", "--json", "--config", str(ledger)]).stdout
    assert json.loads(explained)["recordings"] == recordings["c3"]


def test_eighty_columns_are_enough_and_no_word_is_broken(ledger: Path) -> None:
    told = calls(ledger, columns=80).stdout
    assert max(map(len, told.splitlines())) <= 80
    for word in ("abc1", "+18005550100", "radio-one", "quotes", "connected short", "25.00", "10.000 s", "west busy", "2026-03-02"):
        assert word in told


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--publisher", "radio-one"], ["abd2", "abc1", "c3"]),
        (["--publisher", "nobody"], []),
        (["--campaign", "quotes", "-n", "1"], ["abd2"]),
        (["--line", "west"], ["c3"]),
        (["--line", "east"], ["abc1", "c3"]),
        (["--state", "connected_short"], ["c3"]),
        (["--state", "Connected Short"], ["c3"]),
        (["--number", "+18005550100"], ["abd2", "abc1", "c3"]),
        (["--number", "800 555 0100"], ["abd2", "abc1", "c3"]),
        (["--number", "+18005550199"], []),
        (["--caller", "(212) 555-0199"], ["abd2", "abc1", "c3"]),
        (["--caller", "anonymous"], []),
        (["--caller", "+12125550199"], ["abd2", "abc1", "c3"]),
        (["--since", "2026-03-02T15:00"], ["abd2", "abc1", "c3"]),
        (["--since", "2026-03-02T15:00:01"], []),
        (["--until", "2026-03-02T15:00"], []),
        (["--until", "2026-03-03"], ["abd2", "abc1", "c3"]),
        (["--since", "2026-03-02T10:00", "--zone", "America/New_York"], ["abd2", "abc1", "c3"]),
        (["--since", "2026-03-02T10:01", "--zone", "America/New_York"], []),
    ],
)
def test_filters(ledger: Path, words: list[str], found: list[str]) -> None:
    assert sorted(ids(ledger, *words)) == sorted(found)


def add(world: PostingWorld, call_id: str, *, ani: str, tags: dict[str, Scalar]) -> None:
    judged = world.judged(call_id, ("east", 120_000))
    world.ledger.write([replace(judged, record=replace(judged.record, ani=ani, tags=tags))])


def test_a_caller_is_anonymous_whose_number_was_withheld_or_kept_or_is_nobodys(world: PostingWorld) -> None:
    add(world, "withheld", ani="", tags={"anonymous": True})
    add(world, "refused", ani="", tags={})
    add(world, "extension", ani="1001", tags={"anonymous": True})
    add(world, "private", ani="+12125550123", tags={"anonymous": False, "privacy": True})
    add(world, "quoted", ani="+12125550124", tags={"anonymous": False, "note": '"privacy":true'})
    for spelled in ("anonymous", "Anonymous"):
        assert sorted(ids(world.config, "--caller", spelled)) == ["extension", "private", "refused", "withheld"]
    assert ids(world.config, "--caller", "+12125550123") == ["private"]


@pytest.mark.parametrize("columns", [80, None])
@pytest.mark.parametrize(
    ("state", "detail", "shown"),
    [
        ("rejected_not_acceptable", "unauthorized", "rejected_not_acceptable: unauthorized"),
        ("rejected_not_acceptable", "not_acceptable", "rejected_not_acceptable: not acceptable"),
        ("rejected_unavailable", "too_fast", "rejected_unavailable: too fast"),
        ("caller_left_while_ringing", "invite_expired", "caller_left_while_ringing: invite expired"),
        ("caller_left_while_ringing", "caller_hung_up", "caller_left_while_ringing"),
        ("no_answer", "silent", "no_answer: silent"),
        ("no_answer", "no_answer", "no_answer"),
        ("rejected_unknown_number", "unknown_number", "rejected_unknown_number"),
        ("converted", "line_hung_up", "converted"),
        ("failed", "a_cause_of_later_versions", "failed: a cause of later versions"),
    ],
)
def test_a_final_state_that_leaves_the_cause_open_is_shown_with_it(
    world: PostingWorld, columns: int | None, state: str, detail: str, shown: str
) -> None:
    judged = world.judged("why1", ("east", 120_000))
    record = replace(judged.record, call_id="why1", final_state=FinalState(state), ended_detail=detail)
    world.ledger.write([replace(judged, record=record)])
    told = calls(world.config, "--state", state, columns=columns).stdout
    if columns is None:
        (row,) = [each for each in told.splitlines() if " why1 " in each]
        assert f" {shown}  " in row
    else:
        words = " ".join(told.replace("_", " ").split())
        assert all(word in words for word in shown.replace("_", " ").split())


@pytest.mark.parametrize("columns", [80, None])
def test_a_number_that_was_kept_private_is_marked(world: PostingWorld, columns: int | None) -> None:
    add(world, "private", ani="+12125550123", tags={"privacy": True})
    told = calls(world.config, columns=columns).stdout
    assert told.count("(private)") == 1
    explained = CliRunner().invoke(app, ["explain", "private", "--config", str(world.config)]).stdout
    assert "call private: +12125550123, kept private, called +18005550100" in explained


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--state", "gone"], "there is no final state 'gone'; there are converted"),
        (["--since", "yesterday"], "--since: 'yesterday' is no instant"),
        (["--since", "2026-03-02", "--until", "2026-03-01"], "--since 2026-03-02 is not before --until 2026-03-01"),
        (["--zone", "Mars/Base"], "there is no time zone 'Mars/Base'"),
    ],
)
def test_filters_that_are_none_are_refused(ledger: Path, words: list[str], why: str) -> None:
    done = CliRunner().invoke(app, ["calls", "--config", str(ledger), *words])
    assert done.exit_code == 1
    assert why in done.stderr


def test_that_no_call_passes_the_filters_is_said(ledger: Path) -> None:
    done = calls(ledger, "--publisher", "nobody", columns=80)
    assert done.stdout == ""
    assert done.stderr == "no calls: none is recorded that all filters let pass\nthe config has no publisher nobody\n"


def test_the_nearest_name_is_told_where_no_call_has_that_one(ledger: Path) -> None:
    done = calls(ledger, "--line", "eats", "--campaign", "quotes", columns=80)
    assert done.stderr.splitlines()[1:] == ["the config has no line eats: did you mean east?"]


def test_a_config_that_is_broken_elsewhere_still_shows_its_ledger(ledger: Path) -> None:
    (ledger / "more.yaml").write_text("campaigns: [")
    for words in (["calls", "-n", "1"], ["money", "balance"], ["money", "show", "c3"], ["explain", "c3"]):
        done = CliRunner().invoke(app, [*words, "--config", str(ledger)])
        assert done.exit_code == 0, done.output
        assert "more.yaml:1: not YAML" in done.stderr
        assert "says what is wrong" in done.stderr
    done = CliRunner().invoke(app, ["money", "void", "c3", "--reason", "x", "--yes", "--config", str(ledger)])
    assert done.exit_code == 1  # what would be written is worked out by the config
    assert "has errors" in done.stderr


def test_a_default_place_is_not_guessed_from_a_broken_config(tmp_path: Path) -> None:
    """What can't be read may name another."""
    (tmp_path / "a.yaml").write_text("switch: {sip: {listen: 127.0.0.1:5060}}")
    (tmp_path / "b.yaml").write_text("switch: {data: [")
    done = CliRunner().invoke(app, ["calls", "--config", str(tmp_path)])
    assert done.exit_code == 1
    assert "b.yaml:1:" in done.stderr
    assert "echo 'switch: {data: DIR}'" in done.stderr


@pytest.mark.parametrize(("right", "slip"), [("data:", "dta:"), ("data:", "Data:"), ("ledger:", "leger:")])
def test_a_default_place_is_not_guessed_where_its_key_is_misspelt(tmp_path: Path, right: str, slip: str) -> None:
    written = "switch: {sip: {listen: 127.0.0.1:5060}, data: here, ledger: postgresql://nobody@127.0.0.1/x}"
    (tmp_path / "a.yaml").write_text(written.replace(right, slip))
    done = CliRunner().invoke(app, ["calls", "--config", str(tmp_path)])
    assert done.exit_code == 1
    assert f'unknown key "{slip[:-1]}"' in done.stderr
    assert "echo 'switch: {data: DIR}'" in done.stderr


def test_a_config_of_one_line_shows_a_ledger(ledger: Path, tmp_path: Path) -> None:
    """As the refusal of a broken one says."""
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "switch.yaml").write_text(f"switch: {{data: {ledger / 'data'}}}")
    assert len(ids(tmp_path / "only")) == 3


def later(judged: JudgedCall, call_id: str, seconds: float) -> JudgedCall:
    """The same call, ended so much later."""
    record = replace(judged.record, call_id=call_id, ended_us=judged.record.ended_us + round(seconds * SECOND_US))
    return replace(judged, record=record)


def test_calls_are_followed_as_they_end(
    world: PostingWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    coming = [
        [later(world.judged("new1", ("east", 100_000)), "new1", 5)],
        [],
        [later(world.judged("late", ("east", 100_000)), "late", -30), later(world.judged("new2", ("east", 100_000)), "new2", 9)],
    ]
    monkeypatch.setattr("switch.cli.listing.time.sleep", lambda _: world.ledger.write(coming.pop(0)))
    listing.follow_calls(world.ledger, CallFilter(), clock=UTC, as_json_lines=True, looks=3)
    assert [json.loads(line)["call_id"] for line in capsys.readouterr().out.splitlines()] == ["new1", "late", "new2"]


@pytest.mark.parametrize(("late_s", "shown"), [(60, ["late"]), (60.000_001, [])])
def test_a_call_may_come_to_the_ledger_a_minute_after_others_that_ended_with_it(
    world: PostingWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, late_s: float, shown: list[str]
) -> None:
    call = later(world.judged("late", ("east", 120_000)), "late", -late_s)  # as long as those in the ledger
    monkeypatch.setattr("switch.cli.listing.time.sleep", lambda _: world.ledger.write([call]))
    listing.follow_calls(world.ledger, CallFilter(), clock=UTC, as_json_lines=True, looks=1)
    assert [json.loads(line)["call_id"] for line in capsys.readouterr().out.splitlines()] == shown


def test_a_followed_call_is_a_line(
    world: PostingWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.cli.listing.time.sleep", lambda _: world.over("new1", ("east", 100_000)))
    listing.follow_calls(world.ledger, CallFilter(publisher="radio-one"), clock=UTC, as_json_lines=False, looks=1)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[2] == "new1"
    assert line.split()[-3:] == ["100.000", "25.00", "17.50"]


@pytest.mark.parametrize("columns", [80, 200])
def test_followed_calls_stand_below_the_headings(
    columns: int, world: PostingWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In as many columns as the terminal has, though it was not known what would come."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("switch.cli.listing.time.sleep", lambda _: world.over("new1", ("west", None), ("east", 100_000)))
    asked = CallFilter(publisher="radio-one", line="west")
    listing.show_calls(world.ledger, asked, limit=20, clock=UTC, as_json_lines=False, follow=True)
    headings = capsys.readouterr().out.splitlines()
    assert headings[0].startswith("date UTC ")
    assert set(headings[-1]) == {"─", " "}
    listing.follow_calls(world.ledger, asked, clock=UTC, as_json_lines=False, looks=1)
    rows = capsys.readouterr().out.splitlines()
    assert "new1" in " ".join(rows)
    assert max(map(len, [*headings, *rows])) <= columns
    for row in rows:
        assert all(row[place : place + 1].strip() == "" for place, char in enumerate(headings[-1]) if char == " ")


def test_the_zone_is_that_of_most_campaigns(ledger: Path) -> None:
    path = ledger / "config.yaml"
    text = path.read_text()
    for campaign in ("words", "sales"):
        text = text.replace(f"  {campaign}:\n", f"  {campaign}:\n    zone: America/New_York\n")
    path.write_text(text)
    told = calls(ledger).stdout
    assert "date America/New_York" in told
    assert "2026-03-02 10:00:00" in told
    explained = CliRunner().invoke(app, ["explain", "c3", "--config", str(ledger)]).stdout
    assert "2026-03-02 10:00:00.000 America/New_York" in explained


def test_a_long_name_does_not_hide_others(
    world: PostingWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    judged = world.judged("x", ("east", 100_000))
    long = "a-publisher-of-sixty-four-letters-which-is-as-long-as-names-are-0"
    show_calls_table([replace(judged, record=replace(judged.record, publisher=long))], UTC)
    told = capsys.readouterr().out
    assert long in told
    assert "converted" in told or "connected" in told
    assert judged.record.invited_us == INVITED_US
