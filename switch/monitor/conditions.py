"""PURE. Finds what is wrong, by what is known at a moment and what the config wants to hear of. When people are told: `alerts`."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from routing.cap import Counts, Per
from routing.zone import time_zone
from switch.alert_settings import CAP_LEVELS, AlertSettings
from switch.billing.money import show_micros
from switch.engine.live_view import CapStatus
from switch.engine.status import LineStatus, TrunkStatus
from switch.ledger.monitoring import LineResults, Recent
from switch.ledger.probes import failing_now
from switch.monitor.alerts import AlertKind, Assessment, Condition
from switch.monitor.view import Disk, SwitchView, View

US_PER_S = 1_000_000
US_PER_DAY = 86_400 * US_PER_S
RESULTS_US = 15 * 60 * US_PER_S
"""A line's attempts of so long say whether it fails."""
FAILURES = 5
"""So many of them, and none that was answered, say that it does."""
MISSES_US = 3_600 * US_PER_S
PROBES_US = 4 * US_PER_DAY
"""A probe's last result counts for so long: a weekend, and a day beside it."""
USUAL_WEEKS = 4
EXHAUSTED = 100
MAX_TEXT = 400
_GB = 1_000_000_000
_NOT_TOLD = frozenset({Per.SPACING, Per.SECOND, Per.BALANCE})
"""Rates are there to be full; a balance is told of as such."""
_OF_SWITCH = frozenset({AlertKind.CAP, AlertKind.BUSY, AlertKind.BALANCE, AlertKind.TRUNK, AlertKind.CERTIFICATE, AlertKind.LEDGER})


def usual_spans(now_us: int, zone: str) -> tuple[tuple[int, int], ...]:
    """Returns the past hour, and the same hour by the clocks of `zone` of each of the past weeks: from and to, UTC microseconds."""
    to = datetime.fromtimestamp(now_us / US_PER_S, UTC).astimezone(time_zone(zone))
    ends = [(to - timedelta(weeks=weeks)).replace(fold=to.fold) for weeks in range(USUAL_WEEKS + 1)]
    return tuple((int(end.timestamp() - 3_600) * US_PER_S, int(end.timestamp()) * US_PER_S) for end in ends)


def assess(view: View, settings: AlertSettings, *, currency: str) -> Assessment:
    """Returns all that is wrong."""
    found: list[Condition] = []
    known = {AlertKind.SWITCH, AlertKind.DISK}
    if view.switch is None:
        found.append(_condition(AlertKind.SWITCH, "switch", f"the switch does not answer: {view.why}", level=EXHAUSTED))
    else:
        known |= _OF_SWITCH
        found += _of_switch(view.switch, settings, at_us=view.at_us, currency=currency)
    if view.recent is not None:
        known |= {AlertKind.NEAR_MISSES, AlertKind.PROBE}
        found += _near_misses(view.recent, settings)
        found += _probes(view.recent, view.probes)
    if view.switch is not None and view.recent is not None:
        known |= {AlertKind.LINE, AlertKind.QUIET}
        found += _lines(view.switch.lines, view.recent)
        found += _quiet(view.recent, settings)
    found += _disks(view.disks, settings)
    return Assessment(conditions=found, known=frozenset(known))


def _of_switch(switch: SwitchView, settings: AlertSettings, *, at_us: int, currency: str) -> Iterator[Condition]:
    for cap in switch.caps:
        yield from _cap(cap, currency)
        yield from _balance(cap, settings, currency)
    for trunk in switch.trunks:
        yield from _trunk(trunk)
    for certificate in switch.status.certificates:
        left_us = certificate.until_us - at_us
        if left_us < settings.certificate_days * US_PER_DAY:
            what = "runs out" if left_us > 0 else "ran out"
            text = f"the certificate {certificate.file} {what} on {_moment(certificate.until_us)}"
            yield _condition(AlertKind.CERTIFICATE, certificate.file, text, level=0 if left_us > 0 else EXHAUSTED)
    if (why := switch.status.ledger.why) is not None:
        text = f"the ledger can't be written, new calls are refused: {why}"
        yield _condition(AlertKind.LEDGER, "ledger", text, level=EXHAUSTED)


def _cap(cap: CapStatus, currency: str) -> Iterator[Condition]:
    if cap.per in _NOT_TOLD or cap.limit <= 0:
        return
    level = max((level for level in CAP_LEVELS if cap.used * 100 >= level * cap.limit), default=None)
    if level is None or (cap.per is Per.CONCURRENCY and level < EXHAUSTED):
        return
    shown = [f"{show_micros(each)} {currency}" if cap.counts is Counts.REVENUE else str(each) for each in (cap.used, cap.limit)]
    until = "" if cap.resets_us is None else f"; it begins anew at {_moment(cap.resets_us)}"
    what = "is full" if level >= EXHAUSTED else f"has reached {level} %"
    kind = AlertKind.BUSY if cap.per is Per.CONCURRENCY else AlertKind.CAP
    yield _condition(kind, cap.key, f"cap {cap.key} {what}: {shown[0]} of {shown[1]}{until}", level=level)


def _balance(cap: CapStatus, settings: AlertSettings, currency: str) -> Iterator[Condition]:
    left = cap.limit - cap.used
    if cap.per is Per.BALANCE and settings.low_balance_micros is not None and left < settings.low_balance_micros:
        text = f"{cap.owner} has {show_micros(max(0, left))} {currency} left to pay calls with"
        yield _condition(AlertKind.BALANCE, cap.owner, text, level=0 if left > 0 else EXHAUSTED)


def _trunk(trunk: TrunkStatus) -> Iterator[Condition]:
    registration = trunk.registration
    if registration is not None and registration.until_us is None and registration.failures:
        yield _condition(AlertKind.TRUNK, trunk.name, f"trunk {trunk.name} is not registered: {_status(registration.status)}")
    elif trunk.health is not None and trunk.health.is_up is False:
        yield _condition(AlertKind.TRUNK, trunk.name, f"trunk {trunk.name} is down: {_status(trunk.health.last_status)}")


def _lines(lines: Iterable[LineStatus], recent: Recent) -> Iterator[Condition]:
    for line in lines:
        results = recent.lines.get(line.name, LineResults(answered=0, failed=0))
        if line.health is not None and line.health.is_up is False:
            why = f"it is down: {_status(line.health.last_status)}"
        elif line.resting_until_us is not None:
            why = f"it rests after failures, {_last_failure(line)}"
        elif results.failed >= FAILURES and not results.answered:
            why = f"the last {results.failed} attempts of 15 minutes failed, {_last_failure(line)}"
        else:
            continue
        yield _condition(AlertKind.LINE, line.name, f"line {line.name} of {line.advertiser} takes no calls: {why}")


def _last_failure(line: LineStatus) -> str:
    return f"the last one: {line.last_why or line.last_result or 'not known'} ({_status(line.last_sip_code)})"


def _probes(recent: Recent, scheduled: frozenset[str]) -> Iterator[Condition]:
    for failing in failing_now(recent.probes, only=scheduled):
        often = "" if failing.times == 1 else f", for the {failing.times}. time in a row"
        text = f"probe {failing.probe} of {failing.kind} {failing.target} failed{often}: {'; '.join(failing.failures)}"
        yield _condition(AlertKind.PROBE, failing.probe, text)


def _quiet(recent: Recent, settings: AlertSettings) -> Iterator[Condition]:
    now, *before = recent.invited or (0,)
    if settings.usual_calls and len(before) == USUAL_WEEKS and not now and min(before) >= settings.usual_calls:
        text = f"no call came in the past hour; in the past weeks this hour had {', '.join(map(str, before))}"
        yield _condition(AlertKind.QUIET, "calls", text)


def _near_misses(recent: Recent, settings: AlertSettings) -> Iterator[Condition]:
    for (line, publisher), number in sorted(recent.near_misses.items()):
        if number >= settings.near_misses:
            whose = f"publisher {publisher}" if publisher else "no publisher"
            text = f"line {line} ended {number} calls of {whose} just short of what is billable, in an hour"
            yield _condition(AlertKind.NEAR_MISSES, f"{line}/{publisher}", text)


def _disks(disks: Iterable[Disk], settings: AlertSettings) -> Iterator[Condition]:
    by_device = {disk.device: disk for disk in reversed([*disks])}
    for disk in by_device.values():
        if disk.free_bytes * 100 < settings.disk_free * disk.total_bytes:
            free = f"{disk.free_bytes / _GB:.1f} of {disk.total_bytes / _GB:.1f} GB"
            yield _condition(AlertKind.DISK, disk.place, f"the disk of {disk.use} ({disk.place}) has {free} free")


def _condition(kind: AlertKind, what: str, text: str, *, level: int = 0) -> Condition:
    """Texts go into mails: what peers said in them stays on one line."""
    printable = "".join(char if char.isprintable() else " " for char in text)[:MAX_TEXT]
    return Condition(cause=what if what == kind.value else f"{kind}:{what}", kind=kind, text=printable, level=level)


def _status(code: int | None) -> str:
    return "no answer" if code is None else f"SIP {code}"


def _moment(utc_us: int) -> str:
    return datetime.fromtimestamp(utc_us / US_PER_S, UTC).strftime("%Y-%m-%d %H:%M UTC")
