"""Results of probes, as rows of the ledger: one for each call that a probe placed. `failing_now` says which probes are failing."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass

NUMBER, LINE = "number", "line"
SCHEDULE = "schedule"
"""The actor of what the config asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRow:
    """One call of a probe. `probe`: its name in the config, or that of its target; `kind`: whether `target` is a `number` or a `line`.
    `failures`: what is not good, in words; none: all is. `actor`: who asked for it; `schedule`: the config did.

    `pdd_ms`, `answer_ms`: since the INVITE, to the first ringing, early audio or answer, and to the answer. `sip_code`, `sip_reason`: the
    final answer. `sip_call_id`: finds the call's record, where it went through our own switch. `talk_ms`: of the part that was
    listened to; of it `audio_ms` were heard, at `level_dbm0`, and `tone_ms` of a tone of `tone_hz`, at `tone_dbm0`. `pressed`: the
    keys that led there; `keys_sent`, `keys_heard`: those pressed for their echo, and heard back. `ended_by`: `caller`, the probe, or
    `line`; `bye_code`: how its BYE was answered. Loss as a share, 0 to 1; `sent_*`: by the far end's own reports. None: it did not
    come to that, or is not known.
    """

    probe: str
    at_us: int
    number: int
    kind: str
    target: str
    actor: str
    good: bool
    failures: tuple[str, ...]
    sip_code: int | None
    sip_reason: str
    sip_call_id: str
    pdd_ms: int | None
    answer_ms: int | None
    ended_ms: int | None
    ended_by: str | None
    bye_code: int | None
    codec: str | None
    talk_ms: int
    audio_ms: int
    level_dbm0: float | None
    tone_hz: float | None
    tone_dbm0: float | None
    tone_ms: int
    pressed: str
    keys_sent: str
    keys_heard: str
    lost_share: float | None
    jitter: float | None
    mos: float | None
    sent_lost_share: float | None
    sent_mos: float | None
    round_trip: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingProbe:
    """A probe whose last call was not good. `since_us`: of the first one in a row of `times` that were not; `failures`: of the last."""

    probe: str
    kind: str
    target: str
    since_us: int
    last_us: int
    times: int
    failures: tuple[str, ...]


def failing_now(rows: Iterable[ProbeRow], *, only: Collection[str] | None = None) -> tuple[FailingProbe, ...]:
    """PURE. Returns the probes that are failing, by name. `rows`: of any time, in any order; the last ones count. A probe of two calls has
    failed where either has. `only`: the probes that are asked about, such as those of the config; None: all."""
    calls: dict[str, dict[int, list[ProbeRow]]] = {}
    for row in rows:
        if only is not None and row.probe not in only:
            continue
        calls.setdefault(row.probe, {}).setdefault(row.at_us, []).append(row)
    found = (_failing(runs) for _, runs in sorted(calls.items()))
    return tuple(each for each in found if each is not None)


def _failing(runs: dict[int, list[ProbeRow]]) -> FailingProbe | None:
    """`runs`: the calls of one probe, by when it was begun."""
    bad: list[list[ProbeRow]] = []
    for _, run in sorted(runs.items(), reverse=True):
        if all(row.good for row in run):
            break
        bad.append(run)
    if not bad:
        return None
    last = bad[0]
    return FailingProbe(
        probe=last[0].probe,
        kind=last[0].kind,
        target=last[0].target,
        since_us=bad[-1][0].at_us,
        last_us=last[0].at_us,
        times=len(bad),
        failures=tuple(why for row in sorted(last, key=lambda row: row.number) for why in row.failures),
    )


def probe_as_json(row: ProbeRow) -> dict[str, object]:
    return asdict(row)
