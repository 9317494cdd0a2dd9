"""Knows how a checked document becomes what the switch runs: names resolved, defaults filled in, units made plain, a version made.

Does not check: every name is known and every value fits by now.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from hashlib import sha256
from pathlib import Path

from ivr import menu as ivr
from routing import table as routing
from switch.billing.terms import Terms
from switch.engine.plan import Plan, Trunk
from switch.settings import model
from switch.settings.harmony import cut
from switch.settings.plan import Deployment, SwitchSettings
from switch.settings.value import day_range

VERSION_DIGITS = 12


def compiled(document: model.Document, directory: Path) -> Deployment:
    """The deployment. Its version is a digest of what it means: comments, order of keys and files do not count."""
    unversioned = Plan(
        version="",
        table=_table(document),
        terms={name: _terms(name, campaign) for name, campaign in document.campaigns.items()},
        trunks=tuple(_trunk(name, trunk) for name, trunk in sorted(document.trunks.items())),
        max_call_ms=document.switch.limits.max_call,
        max_calls=document.switch.limits.max_calls,
    )
    version = _digest({"plan": unversioned, "switch": document.switch.model_dump(mode="json")})
    plan = replace(unversioned, version=version, table=replace(unversioned.table, version=version))
    return Deployment(switch=_switch(document.switch, directory), plan=plan)


def prompts_of(directory: Path, folder: str) -> Path:
    """Where prompts are: beside the YAML unless the folder is absolute."""
    return directory / folder


def _switch(switch: model.Switch, directory: Path) -> SwitchSettings:
    return SwitchSettings(
        listen=switch.sip.listen,
        t1_ms=switch.sip.t1,
        rtp_address=switch.rtp.address or switch.sip.listen[0],
        rtp_ports=switch.rtp.ports,
        rtp_quiet_ms=switch.rtp.quiet,
        rtp_timeout_ms=switch.rtp.timeout,
        workers=switch.rtp.workers,
        prompts=prompts_of(directory, switch.prompts).resolve(),
        data=(directory / switch.data).resolve(),
        log=switch.log,
        max_call_ms=switch.limits.max_call,
        max_calls=switch.limits.max_calls,
    )


def _trunk(name: str, trunk: model.Trunk) -> Trunk:
    pairs = sorted((int(network.network_address), int(network.netmask)) for network in trunk.addresses)
    return Trunk(name=name, networks=tuple(pairs))


def _table(document: model.Document) -> routing.Table:
    hours = {name: _hours(entry) for name, entry in document.hours.items()}
    menus = {name: _menu(name, entry) for name, entry in document.menus.items()}
    return routing.Table(
        version="",
        numbers={
            did: routing.TrackingNumber(did=did, publisher=number.publisher, campaign=number.campaign)
            for did, number in document.numbers.items()
        },
        publishers={name: routing.Publisher(name=name, paused=entry.paused) for name, entry in document.publishers.items()},
        campaigns={name: _campaign(name, entry, hours=hours, menus=menus) for name, entry in document.campaigns.items()},
        lines={
            name: _line(name, line, advertiser=advertiser, advertiser_cap=entry.cap, hours=hours)
            for advertiser, entry in document.advertisers.items()
            for name, line in entry.lines.items()
        },
    )


def _line(
    name: str, line: model.Line, *, advertiser: str, advertiser_cap: int | None, hours: Mapping[str, routing.Hours]
) -> routing.Line:
    return routing.Line(
        name=name,
        advertiser=advertiser,
        uri=line.uri,
        ring_ms=line.ring,
        silence_ms=line.silence,
        timer_offset_ms=line.timer_offset,
        caps=(*_cap(f"line:{name}", line.cap), *_cap(f"advertiser:{advertiser}", advertiser_cap)),
        hours=hours[line.hours] if line.hours else None,
        paused=line.paused,
    )


def _campaign(
    name: str, campaign: model.Campaign, *, hours: Mapping[str, routing.Hours], menus: Mapping[str, ivr.Menu]
) -> routing.Campaign:
    return routing.Campaign(
        name=name,
        targets=tuple(routing.Target(line=to.line, priority=to.priority, weight=to.weight) for to in campaign.lines),
        menu=_menu_plan(campaign.menu, menus) if campaign.menu else None,
        hours=hours[campaign.hours] if campaign.hours else None,
        caps=_cap(f"campaign:{name}", campaign.cap),
        overflow={cause: _overflow(to) for cause, to in campaign.overflow.items()},
    )


def _cap(owner: str, limit: int | None) -> tuple[routing.Cap, ...]:
    return () if limit is None else (routing.Cap(owner=owner, limit=limit),)


def _overflow(to: model.Overflow) -> routing.Overflow:
    if to.campaign is not None:
        return routing.ToCampaign(campaign=to.campaign)
    if to.line is not None:
        return routing.ToLine(line=to.line)
    assert to.message is not None  # noqa: S101 (exactly one of the three is there)
    return routing.ToMessage(prompt=to.message)


def _hours(hours: model.Hours) -> routing.Hours:
    pieces = sorted(
        piece
        for key, blocks in hours.days.items()
        for day in day_range(key)
        for start, end in blocks
        for piece in cut(day, start, end)
    )
    return routing.Hours(
        zone=hours.zone,
        blocks=tuple(routing.Block(weekday=day, start_minute=start, end_minute=end) for day, start, end in pieces),
    )


def _menu_plan(start: str, menus: Mapping[str, ivr.Menu]) -> ivr.MenuPlan:
    """The menus that can be come to from `start`."""
    reached: dict[str, ivr.Menu] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name] = menus[name]
            waiting += [outcome.menu for outcome in menus[name].keys.values() if isinstance(outcome, ivr.GoTo)]
    return ivr.MenuPlan(start=start, menus=reached)


def _menu(name: str, menu: model.Menu) -> ivr.Menu:
    return ivr.Menu(
        name=name,
        prompt=menu.prompt,
        invalid=menu.invalid,
        timeout_ms=menu.timeout,
        retries=menu.retries,
        digits=menu.digits,
        keys={key: _outcome(outcome) for key, outcome in menu.keys.items()},
        failed=_end(menu.failed) if menu.failed else ivr.HangUp(),
    )


def _outcome(outcome: model.Outcome) -> ivr.Outcome:
    if outcome.menu is not None:
        return ivr.GoTo(menu=outcome.menu)
    if outcome.again:
        return ivr.SayAgain()
    return _end(outcome)


def _end(outcome: model.Outcome | model.Failed) -> ivr.HangUp | ivr.RouteOn:
    if outcome.route is not None:
        return ivr.RouteOn(tags=outcome.route)
    return ivr.HangUp(prompt=outcome.hangup if isinstance(outcome.hangup, str) else None)


def _terms(name: str, campaign: model.Campaign) -> Terms:
    return Terms(
        campaign=name,
        on=campaign.billable.on,
        at_least_ms=campaign.billable.at_least,
        revenue_micros=campaign.revenue,
        payout_micros=campaign.payout,
        payouts=campaign.payouts,
    )


def _digest(meaning: object) -> str:
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"), default=_plain)
    return sha256(text.encode()).hexdigest()[:VERSION_DIGITS]


def _plain(value: object) -> object:
    """A dataclass as the JSON encoder takes it: its kind counts, since outcomes may have the same fields."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"kind": type(value).__name__, **{field.name: getattr(value, field.name) for field in fields(value)}}
    raise TypeError(f"not part of a plan: {type(value).__name__}")
