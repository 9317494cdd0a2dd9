"""`payphone explain --sip` and `--pcap`: the option with and without a value, by either id, and where there is nothing to show."""

import json
from pathlib import Path

import pytest
from posting_world import PostingWorld
from traces import call
from typer.testing import CliRunner, Result

from switch.cli.common import app
from switch.ledger.tables import SipTraceRow
from switch.trace.ladder import ladder
from switch.trace.message import encode
from switch.trace.pcap import pcap
from switch.trace.text import ladder_lines, message_lines

SIP_CALL_ID = call().sip_call_id


def explain(config: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["explain", "--config", str(config), *words])


@pytest.fixture
def traced(world: PostingWorld, ledger: Path) -> Path:
    kept = SipTraceRow(
        call_id="c3", sip_call_id=SIP_CALL_ID, began_us=call().messages[0].at_us, messages=13, dropped=0, trace=encode(call())
    )
    world.ledger.add_traces([kept])
    return ledger


@pytest.mark.parametrize("words", [("c3", "--sip"), ("--sip", "c3"), (SIP_CALL_ID, "--sip"), ("c3", "--sip", "ladder")])
def test_the_ladder(traced: Path, words: tuple[str, ...]) -> None:
    done = explain(traced, *words)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == list(ladder_lines(ladder(call())))


def test_the_messages_and_the_ladder_as_json(traced: Path) -> None:
    assert explain(traced, "c3", "--sip", "full").stdout.splitlines() == list(message_lines(call()))
    found = json.loads(explain(traced, "c3", "--sip", "--json").stdout)
    assert [row["label"] for row in found["rows"]] == [row.label for row in ladder(call()).rows]


def test_the_capture_and_that_no_file_is_overwritten(traced: Path, tmp_path: Path) -> None:
    file = tmp_path / "call.pcap"
    assert explain(traced, "c3", "--pcap", str(file)).stdout.startswith("13 messages in ")
    assert file.read_bytes() == pcap(call())
    again = explain(traced, "c3", "--pcap", str(file))
    assert (again.exit_code, "is there already" in again.output) == (1, True)
    nowhere = explain(traced, "c3", "--pcap", str(tmp_path / "no" / "call.pcap"))
    assert (nowhere.exit_code, "can't be written" in nowhere.output) == (1, True)


@pytest.mark.parametrize(
    ("asked", "said"),
    [("abc1", "were not kept"), ("nobody@sip", "no INVITE with that Call-ID"), ("ab", "more than one call begins")],
)
def test_where_there_is_nothing_to_show(traced: Path, asked: str, said: str) -> None:
    done = explain(traced, asked, "--sip")
    assert done.exit_code == 1
    assert said in " ".join(done.output.split())
