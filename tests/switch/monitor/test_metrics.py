"""What a scrape shows: names, labels and values, as Prometheus's own parser reads them."""

from collections.abc import Mapping

from monitor_samples import STATUS, shown
from prometheus_client.parser import text_string_to_metric_families

from switch.call.record import FinalState
from switch.control.messages import Status
from switch.monitor import metrics
from switch.monitor.health import lives, takes_calls
from switch.monitor.metrics import Shown
from switch.monitor.view import View

Samples = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


def scraped(what: Shown) -> Samples:
    families = text_string_to_metric_families(metrics.text(lambda: what).decode())
    return {(each.name, tuple(sorted(each.labels.items()))): each.value for family in families for each in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


def test_a_scrape_shows_what_the_switch_answers() -> None:
    samples = scraped(shown())
    assert value(samples, "payphone_up") == 1
    assert value(samples, "payphone_calls_live") == 3
    assert value(samples, "payphone_draining") == value(samples, "payphone_overloaded") == 1
    assert value(samples, "payphone_loop_lag_seconds") == 0.25
    assert (value(samples, "payphone_ledger_writable"), value(samples, "payphone_ledger_waiting")) == (0, 7)
    assert value(samples, "payphone_processes", process="media worker") == 2
    assert value(samples, "payphone_processes_up", process="media worker") == 1
    assert value(samples, "payphone_certificate_expiry_timestamp_seconds", file="tls/a.pem") == 1.8e9
    assert value(samples, "payphone_cap_used", cap="line:east", counts="attempt", per="concurrency") == 2
    assert value(samples, "payphone_cap_limit", cap="line:east", counts="attempt", per="concurrency") == 5
    assert value(samples, "payphone_line_calls", line="east", advertiser="acme") == 2
    assert value(samples, "payphone_line_up", line="east", advertiser="acme") == 0
    assert value(samples, "payphone_line_resting", line="east", advertiser="acme") == 1
    assert value(samples, "payphone_trunk_calls", trunk="level3") == 3
    assert value(samples, "payphone_trunk_calls_limit", trunk="level3") == 30
    assert value(samples, "payphone_trunk_registered", trunk="level3") == 0
    assert value(samples, "payphone_trunk_last_seen_timestamp_seconds", trunk="level3") == 1_700_000_000.5
    assert value(samples, "payphone_sip_events_total", kind="stranger") == 5
    assert value(samples, "payphone_config_info", version="c1") == 1
    assert value(samples, "payphone_trunk_up", trunk="asked") == 1
    assert ("payphone_trunk_up", (("trunk", "level3"),)) not in samples  # nobody asks it
    assert value(samples, "payphone_alert_notices_total", way="mail", result="failed") == 1


def test_a_scrape_counts_what_the_ledger_has() -> None:
    samples = scraped(shown())
    assert value(samples, "payphone_calls_total", outcome="converted") == 2
    assert value(samples, "payphone_calls_total", outcome="busy") == 0
    assert sum(name == "payphone_calls_total" for name, _ in samples) == len(FinalState)
    assert value(samples, "payphone_call_causes_total", cause="caller_hung_up") == 2
    assert value(samples, "payphone_revenue_total", currency="USD") == 51
    assert value(samples, "payphone_attempts_total", line="east", outcome="answered") == 1
    assert value(samples, "payphone_attempts_total", line="other", outcome="busy") == 6
    assert {dict(labels)["line"] for name, labels in samples if name == "payphone_attempts_total"} == {"east", "other"}
    assert (value(samples, "payphone_talk_seconds_count"), value(samples, "payphone_talk_seconds_sum")) == (2, 180)
    assert value(samples, "payphone_talk_seconds_bucket", le="60.0") == 0
    assert value(samples, "payphone_talk_seconds_bucket", le="90.0") == 2
    assert value(samples, "payphone_talk_seconds_bucket", le="+Inf") == 2
    assert value(samples, "payphone_ring_delay_seconds_bucket", le="0.25") == 2  # the two that have 0
    assert value(samples, "payphone_answer_delay_seconds_sum") == 3.002
    assert value(samples, "payphone_leg_loss_ratio_bucket", codec="PCMU", direction="received", le="0.01") == 1
    assert value(samples, "payphone_leg_loss_ratio_bucket", codec="PCMU", direction="sent", le="0.1") == 0
    assert value(samples, "payphone_leg_jitter_seconds_bucket", codec="PCMU", le="0.005") == 1
    assert value(samples, "payphone_leg_mos_sum", codec="PCMU", direction="sent") == 1.2
    assert value(samples, "payphone_disk_free_bytes", use="recordings", path="/var/lib/payphone") == 10
    assert value(samples, "payphone_alerts_firing", kind="line") == 1
    assert value(samples, "payphone_alerts_firing", kind="cap") == 0


def test_a_switch_that_is_gone_shows_only_that_and_what_was_counted() -> None:
    what = shown()
    what.view = View(at_us=0, why="gone")
    samples = scraped(what)
    assert value(samples, "payphone_up") == 0
    assert not any(name in ("payphone_calls_live", "payphone_cap_used", "payphone_line_calls") for name, _ in samples)
    assert value(samples, "payphone_calls_total", outcome="converted") == 2
    what.tallies = None
    assert not any(name == "payphone_calls_total" for name, _ in scraped(what))  # no 0, which would be a lie


def test_health_and_readiness() -> None:
    running = Status(state="running", since_us=0, calls=3, config="c1", overloaded=False, lag_ms=0)
    assert lives(running, "").code == takes_calls(running, "").code == 200
    assert lives(STATUS, "").code == 200
    answer = takes_calls(STATUS, "")
    reasons = ["the switch is draining", "the ledger can't be written: disk full", "overloaded: the switch is 250 ms late"]
    assert (answer.code, answer.body) == (503, {"status": "not ready", "reasons": reasons})
    for ask in (lives, takes_calls):
        assert ask(None, "gone").code == 503
        assert ask(None, "gone").body["reasons"] == ["gone"]
