"""Compiles the section `probes`."""

from collections.abc import Mapping

from routing.table import Hours
from switch.probe_settings import ProbeSettings
from switch.settings.model.document import Document
from switch.settings.model.probe import ProbeCallConfig


def probes_of(document: Document, hours: Mapping[str, Hours]) -> dict[str, ProbeSettings]:
    """Returns them by name."""
    return {name: _probe(name, probe, document, hours) for name, probe in document.probes.items()}


def _probe(name: str, probe: ProbeCallConfig, document: Document, hours: Mapping[str, Hours]) -> ProbeSettings:
    found = _hours_of(probe, document)
    word, hz = probe.hears
    return ProbeSettings(
        name=name,
        number=probe.number,
        line=probe.line,
        trunk=probe.trunk,
        caller=probe.caller or "",
        keys=probe.presses or "",
        echoes=probe.echoes or "",
        hears=word,
        tone_hz=hz,
        least_dbm0=float(probe.least),
        hang_up=probe.hang_up,
        pdd_ms=probe.pdd,
        answer_ms=probe.answer,
        talk_ms=probe.talk,
        every_ms=probe.every,
        hours=None if found is None else hours[found],
        per_day=probe.per_day,
    )


def _hours_of(probe: ProbeCallConfig, document: Document) -> str | None:
    """Returns the name of the hours that it is placed in: its own, else those of its line, or of its number's campaign."""
    if probe.hours is not None:
        return probe.hours
    if probe.number is not None:
        return document.campaigns[document.numbers[probe.number].campaign].hours
    return next((each.lines[probe.line].hours for each in document.advertisers.values() if probe.line in each.lines), None)
