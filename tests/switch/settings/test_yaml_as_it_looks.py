"""YAML 1.1 reads some plain words as something else; here they mean what they look like."""

from pathlib import Path

from switch.settings.files import merged
from switch.settings.load import load
from switch.settings.source import NoValue


def test_words_that_yaml_1_1_takes_for_something_else(config: Path) -> None:
    (config / "extra.yaml").write_text("""\
publishers:
  no:
  off: {paused: false}
  12:
  1e3:
numbers:
  +18005550101: {publisher: no, campaign: on}
  +18005550102: {publisher: 12, campaign: on}
  +18005550103: {publisher: 1e3, campaign: on}
  +18005550104: {publisher: off, campaign: on}
campaigns:
  on:
    lines: [acme-east]
    billable: {on: connected_for, at_least: 90s}
    revenue: 012.50
    payout: 1
    hours: yes
    overflow: {capped: {message: goodbye}}
hours:
  yes: {zone: UTC, mon-fri: 12:30-13:30}
""")
    loaded = load(config)

    assert loaded.problems == ()
    assert loaded.deployment is not None
    plan = loaded.deployment.plan
    assert plan.table.numbers["+18005550101"].publisher == "no"
    assert plan.table.campaigns["on"].revenue_micros == 12_500_000
    assert {publisher for publisher in plan.table.publishers if publisher not in ("radio", "mail")} == {"no", "off", "12", "1e3"}
    hours = plan.table.campaigns["on"].hours
    assert hours is not None
    assert hours.blocks[0].start_minute == 750


def test_everything_stays_text_and_only_nothing_is_blank() -> None:
    text = "a:\n  b: [no, 0x1F, 1_000, 2026-01-01, '', ~, .inf]\n  c:\n  d: 'null'\n"

    assert merged({"a.yaml": text}, root=Path()).data == {
        "a": {"b": ["no", "0x1F", "1_000", "2026-01-01", "", NoValue.NULL, ".inf"], "c": NoValue.NULL, "d": "null"}
    }


def test_byte_order_mark_and_windows_line_ends(config: Path) -> None:
    (config / "extra.yaml").write_bytes(b"\xef\xbb\xbfpublisher:\r\npublishers:\r\n  web: {paused: maybe}\r\n")

    places = [(problem.line, problem.column, problem.excerpt) for problem in load(config).problems]

    assert places == [(1, 1, "publisher:"), (3, 17, "  web: {paused: maybe}")]


def test_a_file_of_comments_is_sound(config: Path) -> None:
    (config / "notes.yaml").write_text("# nothing here yet\n")

    assert load(config).problems == ()


def test_hidden_files_and_subdirectories_are_not_config(config: Path) -> None:
    (config / ".swap.yaml").write_text("not: [yaml\n")
    (config / "old").mkdir()
    (config / "old" / "extra.yaml").write_text("not: [yaml\n")

    assert load(config).problems == ()
