"""`trace`, `trace_days` and `hep` of `switch.sip`."""

from pathlib import Path

import pytest

from switch.deployment import HepSettings
from switch.engine.sip_trace import TraceMode
from switch.settings.load import Loaded, load
from switch.sip.digest import Secret


def loaded(config: Path, sip: str) -> Loaded:
    (config / "switch.yaml").write_text(f"switch:\n  sip: {{listen: 127.0.0.1:5060{sip}}}\n")
    return load(config)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("", TraceMode.FAILED),
        (", trace: all", TraceMode.ALL),
        (", trace: off", TraceMode.OFF),
        (", trace: failed", TraceMode.FAILED),
    ],
)
def test_of_which_calls(config: Path, text: str, mode: TraceMode) -> None:
    found = loaded(config, text).deployment
    assert found is not None
    assert (found.plan.trace, found.switch.trace_days, found.switch.hep) == (mode, 7, None)


@pytest.mark.parametrize(("days", "good"), [(0, False), (1, True), (366, True), (367, False)])
def test_for_how_many_days(config: Path, days: int, good: bool) -> None:  # noqa: FBT001
    assert (loaded(config, f", trace_days: {days}").errors == ()) is good


@pytest.mark.parametrize(
    ("text", "to"),
    [
        ("homer.example.com:9060", ("homer.example.com", 9060)),
        ("192.0.2.7:9060", ("192.0.2.7", 9060)),
        ("[2001:db8::7]:65535", ("2001:db8::7", 65_535)),
    ],
)
def test_where_to(config: Path, text: str, to: tuple[str, int]) -> None:
    found = loaded(config, f', hep: {{to: "{text}", id: 999999999, password: "opensesame"}}').deployment
    assert found is not None
    assert found.switch.hep == HepSettings(to=to, capture_id=999_999_999, password=Secret("opensesame"))
    assert "opensesame" not in repr(found)


@pytest.mark.parametrize(
    "text", ["to: homer", "to: homer:0", "to: homer:65536", 'to: "homer:"', "id: 1", "to: homer:1, id: 1000000000", "to: 192.0.2.7"]
)
def test_where_to_is_an_error(config: Path, text: str) -> None:
    assert loaded(config, f", hep: {{{text}}}").errors
