"""Shows what the monitor knows as metrics of Prometheus. Each scrape reads the present state; nothing is kept here.

Units are Prometheus's: seconds, bytes, ratios, currency units. Labels have names of the running config, words of closed lists, or `other`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from switch.call.cause import Cause
from switch.call.record import FinalState, Outcome
from switch.codec import Codec
from switch.ledger.monitoring import ANSWER_MS, JITTER_MS, LOSS, MOS, MS_PER_S, RING_MS, TALK_MS, Spread
from switch.monitor.alerts import AlertKind, AlertState
from switch.monitor.tallies import OTHER, Tallies, bounded
from switch.monitor.view import SwitchView, View

MICROS = 1_000_000
US_PER_S = 1_000_000
_OUTCOMES = frozenset(state.value for state in FinalState)
_RESULTS = frozenset(outcome.value for outcome in Outcome)
_CAUSES = frozenset(cause.value for cause in Cause)


@dataclass(slots=True, kw_only=True)
class Shown:
    """What a scrape shows. `tallies` None: the ledger has not been read yet. `lines`: names in the config. `told`, `untold`: notices that
    reached people, and those that did not, since the monitor was started."""

    view: View
    currency: str
    lines: frozenset[str] = frozenset()
    tallies: Tallies | None = None
    alerts: AlertState = field(default_factory=AlertState)
    told: Counter[str] = field(default_factory=Counter)
    untold: Counter[str] = field(default_factory=Counter)


class SwitchCollector(Collector):
    """Makes all metrics of `shown()`."""

    def __init__(self, shown: Callable[[], Shown]) -> None:
        self._shown = shown

    def collect(self) -> Iterator[Metric]:
        shown = self._shown()
        switch = shown.view.switch
        yield _gauge("payphone_up", "Whether the switch answers.", switch is not None)
        yield _gauge("payphone_looked_timestamp_seconds", "When the monitor last looked.", shown.view.at_us / US_PER_S)
        if switch is not None:
            yield from _of_switch(switch)
        if shown.tallies is not None:
            yield from _of_calls(shown.tallies, shown)
            yield from _of_quality(shown.tallies)
        yield from _of_disks(shown.view)
        yield from _of_alerts(shown)


def text(shown: Callable[[], Shown]) -> bytes:
    """Returns all metrics in Prometheus's text format 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SwitchCollector(shown))
    return generate_latest(registry)


def _of_switch(switch: SwitchView) -> Iterator[Metric]:
    status = switch.status
    yield InfoMetricFamily("payphone_config", "The running config.", value={"version": status.config})
    yield _gauge("payphone_calls_live", "Calls in progress.", status.calls)
    yield _gauge("payphone_draining", "Whether the switch takes no new calls and ends.", status.state == "draining")
    yield _gauge("payphone_overloaded", "Whether new calls are refused for load.", status.overloaded)
    yield _gauge("payphone_loop_lag_seconds", "How late the switch is.", status.lag_ms / MS_PER_S)
    yield _gauge(
        "payphone_ledger_writable", "Whether the ledger can be written: else calls are refused.", status.ledger.why is None
    )
    yield _gauge("payphone_ledger_waiting", "Call records that the database does not have yet.", status.ledger.waiting)
    processes = [([process.name], process) for process in status.processes]
    yield from _gauges(
        "payphone_processes", "Processes there should be.", by=["process"], rows=((key, each.wanted) for key, each in processes)
    )
    yield from _gauges(
        "payphone_processes_up", "Processes that are up.", by=["process"], rows=((key, each.up) for key, each in processes)
    )
    yield from _gauges(
        "payphone_certificate_expiry_timestamp_seconds",
        "When a TLS certificate of ours runs out.",
        by=["file"],
        rows=(([each.file], each.until_us / US_PER_S) for each in status.certificates),
    )
    yield from _of_caps(switch)
    yield from _of_lines(switch)
    yield from _of_trunks(switch)
    counter = CounterMetricFamily(
        "payphone_sip_events", "What peers sent and were refused, since the switch was started.", labels=["kind"]
    )
    for kind, by_host in sorted(switch.counts.items()):
        counter.add_metric([kind], sum(by_host.values()))
    yield counter


def _of_caps(switch: SwitchView) -> Iterator[Metric]:
    """Revenue stays in micros: it stands beside counts of calls."""
    labels = ["cap", "counts", "per"]
    rows = [([cap.key, cap.counts.value, cap.per.value], cap) for cap in switch.caps]
    yield from _gauges(
        "payphone_cap_used",
        "What counts against a cap: calls, or micros of revenue.",
        by=labels,
        rows=((key, cap.used) for key, cap in rows),
    )
    yield from _gauges(
        "payphone_cap_limit", "A cap's limit, in the same unit.", by=labels, rows=((key, cap.limit) for key, cap in rows)
    )


def _of_lines(switch: SwitchView) -> Iterator[Metric]:
    labels = ["line", "advertiser"]
    rows = [([line.name, line.advertiser], line) for line in switch.lines]
    yield from _gauges(
        "payphone_line_calls",
        "Live calls of a line, ringing ones included.",
        by=labels,
        rows=((key, line.calls) for key, line in rows),
    )
    yield from _gauges(
        "payphone_line_up",
        "Whether a line that is asked by OPTIONS answers.",
        by=labels,
        rows=((key, line.health.is_up) for key, line in rows if line.health is not None and line.health.is_up is not None),
    )
    yield from _gauges(
        "payphone_line_resting",
        "Whether a line is not tried after failures.",
        by=labels,
        rows=((key, line.resting_until_us is not None) for key, line in rows),
    )


def _of_trunks(switch: SwitchView) -> Iterator[Metric]:
    labels = ["trunk"]
    rows = [([trunk.name], trunk) for trunk in switch.trunks]
    yield from _gauges(
        "payphone_trunk_calls", "Live calls of a trunk.", by=labels, rows=((key, trunk.calls) for key, trunk in rows)
    )
    yield from _gauges(
        "payphone_trunk_calls_limit",
        "The most calls at once of a trunk that has a limit.",
        by=labels,
        rows=((key, trunk.limit) for key, trunk in rows if trunk.limit is not None),
    )
    yield from _gauges(
        "payphone_trunk_up",
        "Whether a trunk that is asked by OPTIONS answers.",
        by=labels,
        rows=((key, trunk.health.is_up) for key, trunk in rows if trunk.health is not None and trunk.health.is_up is not None),
    )
    yield from _gauges(
        "payphone_trunk_registered",
        "Whether we are registered with a trunk that wants it.",
        by=labels,
        rows=((key, trunk.registration.until_us is not None) for key, trunk in rows if trunk.registration is not None),
    )
    yield from _gauges(
        "payphone_trunk_last_seen_timestamp_seconds",
        "When a trunk's last message came.",
        by=labels,
        rows=((key, trunk.last_seen_us / US_PER_S) for key, trunk in rows if trunk.last_seen_us is not None),
    )


def _of_calls(tallies: Tallies, shown: Shown) -> Iterator[Metric]:
    yield _counter("payphone_calls", "Calls that are over, by how they ended.", "outcome", bounded(tallies.calls, _OUTCOMES))
    yield _counter("payphone_call_causes", "Calls that are over, by what ended them.", "cause", bounded(tallies.causes, _CAUSES))
    attempts: Counter[tuple[str, str]] = Counter()
    for (line, result), number in tallies.attempts.items():
        attempts[line if line in shown.lines else OTHER, result if result in _RESULTS else OTHER] += number
    family = CounterMetricFamily("payphone_attempts", "Attempts at lines, by how they ended.", labels=["line", "outcome"])
    for (line, result), number in sorted(attempts.items()):
        family.add_metric([line, result], number)
    yield family
    for name, what, micros in (
        ("payphone_revenue", "What advertisers owe for calls, as judged, without later corrections.", tallies.revenue_micros),
        ("payphone_payout", "What publishers earn by calls, as judged, without later corrections.", tallies.payout_micros),
    ):
        yield _counter(name, what, "currency", {shown.currency: micros / MICROS})
    for name, what, spread, bounds in (
        ("payphone_talk_seconds", "Talk of calls that had any.", tallies.talk, TALK_MS),
        ("payphone_ring_delay_seconds", "From a line's INVITE to its ringing (post-dial delay).", tallies.ring, RING_MS),
        ("payphone_answer_delay_seconds", "From a line's INVITE to its answer.", tallies.answer, ANSWER_MS),
    ):
        family_of = HistogramMetricFamily(name, what)
        _add(family_of, [], spread, bounds, unit=MS_PER_S)
        yield family_of


def _of_quality(tallies: Tallies) -> Iterator[Metric]:
    """Scores of two scales are not to be compared (`LegMedia`): the codec tells which."""
    labels = ["codec", "direction"]
    loss = HistogramMetricFamily("payphone_leg_loss_ratio", "Share of a leg's packets that did not arrive.", labels=labels)
    mos = HistogramMetricFamily("payphone_leg_mos", "Mean opinion score of a leg by the E-model, 1.0 to 4.5.", labels=labels)
    jitter = HistogramMetricFamily("payphone_leg_jitter_seconds", "Mean jitter of what a leg sent us.", labels=["codec"])
    for family, spreads, bounds in ((loss, tallies.loss, LOSS), (mos, tallies.mos, MOS)):
        for (codec, direction), spread in sorted(_of_codecs(spreads)):
            _add(family, [codec, direction], spread, bounds)
    for codec, spread in sorted(tallies.jitter.items()):
        if codec in Codec.__members__:
            _add(jitter, [codec], spread, JITTER_MS, unit=MS_PER_S)
    yield from (loss, jitter, mos)


def _of_codecs(spreads: dict[tuple[str, str], Spread]) -> Iterator[tuple[tuple[str, str], Spread]]:
    return ((key, spread) for key, spread in spreads.items() if key[0] in Codec.__members__)


def _of_disks(view: View) -> Iterator[Metric]:
    labels = ["use", "path"]
    rows = [([disk.use, disk.place], disk) for disk in view.disks]
    yield from _gauges(
        "payphone_disk_free_bytes",
        "Free room on a disk of the switch.",
        by=labels,
        rows=((key, disk.free_bytes) for key, disk in rows),
    )
    yield from _gauges(
        "payphone_disk_size_bytes", "The size of that disk.", by=labels, rows=((key, disk.total_bytes) for key, disk in rows)
    )


def _of_alerts(shown: Shown) -> Iterator[Metric]:
    firing = Counter(alert.kind for alert in shown.alerts.firing.values())
    yield from _gauges(
        "payphone_alerts_firing",
        "Alerts that are not over.",
        by=["kind"],
        rows=(([kind.value], firing[kind]) for kind in AlertKind),
    )
    family = CounterMetricFamily(
        "payphone_alert_notices", "Notices to people since the monitor was started.", labels=["way", "result"]
    )
    for result, counts in (("told", shown.told), ("failed", shown.untold)):
        for way, number in sorted(counts.items()):
            family.add_metric([way, result], number)
    yield family


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=float(value))


def _gauges(name: str, what: str, *, by: Sequence[str], rows: Iterable[tuple[Sequence[str], float]]) -> Iterator[Metric]:
    """`by`: its labels. One without rows is left out."""
    found = GaugeMetricFamily(name, what, labels=by)
    for key, value in rows:
        found.add_metric(key, float(value))
    if found.samples:
        yield found


def _counter(name: str, what: str, label: str, counts: dict[str, int] | dict[str, float]) -> Metric:
    found = CounterMetricFamily(name, what, labels=[label])
    for key, number in sorted(counts.items()):
        found.add_metric([key], number)
    return found


def _add(family: HistogramMetricFamily, labels: Sequence[str], spread: Spread, bounds: Sequence[float], *, unit: int = 1) -> None:
    """`unit`: how many of the bounds' unit make one of Prometheus's."""
    buckets = [(str(bound / unit), float(count)) for bound, count in zip(bounds, spread.counts, strict=True)]
    family.add_metric(labels, [*buckets, ("+Inf", float(spread.number))], sum_value=spread.total / unit)
