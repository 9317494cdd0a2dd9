"""Knows what there is to say about those who bring, carry and buy calls: publishers, numbers, trunks, advertisers, lines, groups."""

from collections.abc import Iterator
from ipaddress import IPv4Address

from routing.table import Line, Publisher, TrackingNumber
from switch.billing.money import show_micros
from switch.config_diff.campaign import say_paused
from switch.config_diff.change import Fact, Thing, arrow
from switch.config_diff.view import View
from switch.config_diff.words import accept_text, filter_text, health_text, listed
from switch.engine.plan import Trunk
from switch.formatter.value import duration_text

ADVERTISER_GROUP = 1
PUBLISHER_GROUP = 2
LINES_GROUP = 3
TRUNK_GROUP = 6


def parties_of(view: View) -> Iterator[Thing]:
    table = view.plan.table
    for publisher in table.publishers.values():
        yield _publisher(publisher, view)
    for number in table.numbers.values():
        yield _number(number, view)
    for advertiser in sorted({line.advertiser for line in table.lines.values()}):
        yield _advertiser(advertiser, view)
    for line in table.lines.values():
        yield _line(line, view)
    yield from _groups(view)
    for trunk in view.plan.trunks:
        yield _trunk(trunk, view)


def _publisher(publisher: Publisher, view: View) -> Thing:
    name = publisher.name
    facts = {"paused": _paused(publisher.paused), **view.cap_facts(f"publisher:{name}")}
    return Thing(path=f"publishers.{name}", name=f"publisher {name}", group=(PUBLISHER_GROUP, name), facts=facts)


def _number(number: TrackingNumber, view: View) -> Thing:
    facts = {
        "publisher": Fact(label="publisher", value=number.publisher, text=number.publisher, money=True, say=_say_moves),
        "campaign": Fact(label="campaign", value=number.campaign, text=number.campaign, money=True, say=_say_moves),
        "state": Fact(label="state", value=number.state, text=number.state.value),
        **{f"tags.{tag}": Fact(label=f"tag {tag}", value=value, text=str(value)) for tag, value in number.tags.items()},
        **view.cap_facts(f"number:{number.did}"),
    }
    return Thing(
        path=f"numbers.{number.did}",
        name=f"number {number.did}",
        group=(PUBLISHER_GROUP, number.publisher),
        facts=facts,
        about=f"publisher {number.publisher}, campaign {number.campaign}",
        money=True,
    )


def _say_moves(name: str, before: Fact | None, after: Fact | None) -> str:
    if before is None or after is None:
        return arrow(name, before, after)
    return f"{name} moves from {after.label} {before.text} to {after.text}"


def _advertiser(name: str, view: View) -> Thing:
    facts = dict(view.cap_facts(f"advertiser:{name}"))
    if name in view.tokens:
        facts["token"] = Fact(label="postback token", value=view.tokens[name], text="set", money=True, secret=True, say=_say_token)
    return Thing(path=f"advertisers.{name}", name=f"advertiser {name}", group=(ADVERTISER_GROUP, name), facts=facts)


def _say_token(name: str, before: Fact | None, after: Fact | None) -> str | None:
    """A token that is not known on one side is not told to be another one."""
    if before and after:
        return f"{name}: another postback token" if before.value and after.value else None
    return f"{name}: postback token {'set' if after else 'taken away'}"


def _line(line: Line, view: View) -> Thing:
    return Thing(
        path=f"lines.{line.name}",
        name=f"line {line.name}",
        group=(ADVERTISER_GROUP, line.advertiser),
        facts=dict(_line_facts(line, view)),
        about=f"advertiser {line.advertiser}",
    )


def _line_facts(line: Line, view: View) -> Iterator[tuple[str, Fact]]:
    advertiser = line.advertiser
    yield "advertiser", Fact(label="advertiser", value=advertiser, text=advertiser, money=True, say=_say_moves)
    yield "uri", Fact(label="URI", value=line.uri, text=line.uri)
    yield from view.cap_facts(f"line:{line.name}").items()
    yield "ring", Fact(label="rings for", value=line.ring_ms, text=duration_text(line.ring_ms))
    yield "silence", Fact(label="silent for", value=line.silence_ms, text=duration_text(line.silence_ms))
    offset = line.timer_offset_ms
    yield "timer_offset", Fact(label="taken off the talk time", value=offset, text=duration_text(offset), money=True)
    if hours := view.hours_fact(line.hours):
        yield "hours", hours
    yield "paused", _paused(line.paused)
    yield "filter", Fact(label="filter", value=line.filter, text=filter_text(line.filter))
    if line.accept:
        yield "accept", Fact(label="advertiser", value=line.accept, text=accept_text(line.accept), absent="just answers")
    if line.health:
        yield "health", Fact(label="health", value=line.health, text=health_text(line.health), absent="never left alone")


def _groups(view: View) -> Iterator[Thing]:
    lines = view.plan.lines_of_groups
    capped = {owner.removeprefix("group:") for owner in view.caps if owner.startswith("group:")}
    for name in sorted({*lines, *capped}):
        members = tuple(sorted(lines.get(name, ())))
        facts = {
            "lines": Fact(label="lines", value=members, text=listed(members)),
            **view.cap_facts(f"group:{name}"),
        }
        yield Thing(
            path=f"groups.{name}",
            name=f"group {name}",
            group=(LINES_GROUP, name),
            facts=facts,
            about=f"lines {listed(members)}",
        )


def _trunk(trunk: Trunk, view: View) -> Thing:
    networks = tuple(f"{IPv4Address(address)}/{mask.bit_count()}" for address, mask in trunk.networks)
    facts = {"addresses": Fact(label="addresses", value=trunk.networks, text=listed(networks))}
    if rate := trunk.rate:
        text = f"{show_micros(rate.per_minute_micros)} a minute, at least {rate.initial_s}s, in steps of {rate.step_s}s"
        facts["cost"] = Fact(label="cost", value=rate, text=text, money=True, absent="not reckoned")
    facts |= view.cap_facts(f"trunk:{trunk.name}")
    about = f"addresses {listed(networks)}"
    return Thing(path=f"trunks.{trunk.name}", name=f"trunk {trunk.name}", group=(TRUNK_GROUP, trunk.name), facts=facts, about=about)


def _paused(paused: bool) -> Fact:  # noqa: FBT001 (the value itself)
    return Fact(label="paused", value=paused, text="yes" if paused else "no", say=say_paused)
