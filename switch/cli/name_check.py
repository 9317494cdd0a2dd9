"""Looks up every host name of a config as a running switch would, and says where each leads: for `payphone check --dns`."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePath
from typing import Any

from dns.exception import DNSException
from dns.resolver import LifetimeTimeout, NoNameservers

from switch.cli.common import count
from switch.output import Advanced
from switch.settings.load import Loaded
from switch.settings.problem import Problem, Severity, quote
from switch.settings.source import position_of
from switch.sip.flow import Listeners
from switch.sip.headers import write_host
from switch.sip.targets import MAX_TARGETS, Name, Server
from switch.transport.resolver import Lookup, NameResolver, resolver_of

NAME_S = 10.0
"""For all the questions that one name takes."""
AT_ONCE = 32
"""Names that are asked for at a time."""

_ORDER = "The lower number is called first; of equal numbers, each call draws by weight."
_SERVERS = "are its name servers reached? They are those of /etc/resolv.conf, or of switch.sip.name_servers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What DNS says of a name. `rules`: the parts of the config that have it. `found` None: no answer came, `why` says more."""

    name: Name
    rules: tuple[str, ...]
    found: Lookup | None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """An address that calls to a name may go to. `place`: from 1; equal ones are drawn by `weight`; None: there is nothing to draw."""

    place: int
    server: Server
    address: str
    weight: int | None
    is_reached: bool


def look_up(loaded: Loaded, *, advanced: Advanced) -> list[Answer]:
    """Asks for all names of a config without errors, several at a time, for a limited time each."""
    return asyncio.run(_look_up(loaded, advanced))


async def _look_up(loaded: Loaded, advanced: Advanced) -> list[Answer]:
    deployment = loaded.deployment
    if deployment is None:
        return []
    settings, names = deployment.switch, deployment.plan.names
    transports = {each.transport for each in settings.listeners}
    resolver = NameResolver(lambda *_: None, transports=transports, resolver=resolver_of(settings.name_servers))
    room = asyncio.Semaphore(AT_ONCE)
    done = 0

    async def ask(name: Name, rules: tuple[str, ...]) -> Answer:
        nonlocal done
        async with room:
            try:
                found, why = await asyncio.wait_for(resolver.lookup(name), NAME_S), ""
            except TimeoutError:
                found, why = None, f"nothing came within {NAME_S:.0f} s"
            except (DNSException, OSError) as error:
                found, why = None, _why(error)
        done += 1
        advanced(done, len(names))
        return Answer(name=name, rules=rules, found=found, why=why)

    return await asyncio.gather(*[ask(name, rules) for name, rules in sorted(names.items(), key=str)])


def _why(error: DNSException | OSError) -> str:
    match error:
        case LifetimeTimeout():
            return "no name server answered in time"
        case NoNameservers():
            return "the name servers fail (SERVFAIL, REFUSED)"
        case _:
            return str(error).rstrip(".") or type(error).__name__


def problems_of(answers: Sequence[Answer], loaded: Loaded, listeners: Listeners) -> Iterator[Problem]:
    """Yields what keeps calls from these names, at the first place in the config that has them."""
    for answer in answers:
        host, found = quote(answer.name.host), answer.found
        if found is None:
            yield _problem(loaded, answer, f"no answer from DNS for {host}: {answer.why}", hint=_SERVERS)
        elif not found.servers and found.bare:
            hint = "these hosts need an A or AAAA record, or the SRV record another host"
            yield _problem(loaded, answer, f"SRV of {host} names hosts without an address: {', '.join(found.bare)}", hint=hint)
        elif not found.servers:
            hint = "is it spelt right? It needs an SRV, A or AAAA record; until then calls to it fail at once"
            yield _problem(loaded, answer, f"DNS knows no address of {host}", hint=hint)
        elif not any(way.is_reached for way in _ways(found, listeners)):
            ways = sorted(
                {f"{way.server.transport.lower()} over IPv{6 if ':' in way.address else 4}" for way in _ways(found, listeners)}
            )
            hint = "add a listener of this kind to switch.sip.listen"
            yield _problem(
                loaded, answer, f"{host} is reached by {', '.join(ways)} alone, and no listener is of this kind", hint=hint
            )
        elif found.bare:
            message = f"SRV of {host} names hosts without an address: {', '.join(found.bare)}"
            yield _problem(loaded, answer, message, hint="calls go to the other hosts", severity=Severity.WARNING)


def _problem(loaded: Loaded, answer: Answer, message: str, *, hint: str, severity: Severity = Severity.ERROR) -> Problem:
    position = position_of(loaded.positions, answer.rules[0])
    if position is None:
        raise AssertionError(f"{answer.rules[0]} is written nowhere")
    line = loaded.files[PurePath(position.file).name].splitlines()[position.line - 1]
    others = len(answer.rules) - 1
    more = f"; so are {count(others, 'place')} more" if others else ""
    return Problem(
        path=position.file,
        line=position.line,
        column=position.column,
        severity=severity,
        message=message + more.replace("so are 1 place more", "so is 1 place more"),
        excerpt=line,
        length=len(line.rstrip()) - position.column + 1,
        hint=hint,
    )


def lines_of(answers: Sequence[Answer], places: Mapping[Name, str], listeners: Listeners) -> Iterator[str]:
    """Yields what people are shown: each name, and under it the addresses that calls try, in order."""
    known = [answer for answer in answers if answer.found is not None and answer.found.servers]
    for answer in known:
        if answer.found is not None:
            yield f"{_written(answer.name)}  ({places.get(answer.name, '')})"
            ways = list(_ways(answer.found, listeners))
            yield from (f"  {_shown(way)}" for way in ways)
            if sum(way.is_reached for way in ways) > MAX_TARGETS:
                yield f"  a call tries {MAX_TARGETS} of them"
    if known:
        yield _ORDER
        yield ""


def as_json(answer: Answer, listeners: Listeners) -> dict[str, Any]:
    """A name for programs. `order`: from 1, the lower the sooner; `reached`: by a listener of ours."""
    ways = () if answer.found is None else _ways(answer.found, listeners)
    return {
        "name": answer.name.host,
        "port": answer.name.port,
        "transport": answer.name.transport and answer.name.transport.lower(),
        "rules": list(answer.rules),
        "targets": [
            {
                "order": way.place,
                "transport": way.server.transport.lower(),
                "address": way.address,
                "port": way.server.port,
                "weight": way.weight,
                "reached": way.is_reached,
            }
            for way in ways
        ],
    }


def _ways(found: Lookup, listeners: Listeners) -> Iterator[_Way]:
    ranked = sorted(found.servers, key=lambda server: (_rank(server), -server.weight, server.addresses))
    for place, (_, group) in enumerate(groupby(ranked, key=_rank), start=1):
        equals = list(group)
        for server in equals:
            for address in server.addresses:
                is_reached = listeners.index_for(address, server.transport) is not None
                weight = server.weight if len(equals) > 1 else None
                yield _Way(place=place, server=server, address=address, weight=weight, is_reached=is_reached)


def _rank(server: Server) -> tuple[int, int]:
    return server.rank, server.priority


def _shown(way: _Way) -> str:
    address = f"{write_host(way.address)}:{way.server.port}"
    weight = "" if way.weight is None else f"  weight {way.weight}"
    lost = "" if way.is_reached else "  no listener reaches it"
    return f"{way.place}  {way.server.transport.lower()}  {address}{weight}{lost}"


def _written(name: Name) -> str:
    port = "" if name.port is None else f":{name.port}"
    return f"{name.host}{port}" + ("" if name.transport is None else f";transport={name.transport.lower()}")
