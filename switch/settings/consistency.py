"""Checks what must fit together between sections and between entries: names used twice, addresses and headers that belong to two, cycles
of overflow and menus, tags and the filters that ask for them.

What must fit together inside one entry, its model checks (`switch.settings.model`). A document with errors is checked as well, as far as it
is sound: a field that was left out is None.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

from ivr.graph import loops_without_input
from ivr.menu import MenuPlan, Node
from routing.expression import Kind, is_word, type_mismatches
from routing.geo import is_toll_free
from routing.table import NoRoute
from routing.tags import BUILT_IN
from switch.deployment import Token
from switch.settings.address import ANYWHERE
from switch.settings.finding import Finding
from switch.settings.model.campaign import CampaignConfig
from switch.settings.model.document import Document
from switch.settings.model.party import AdvertiserConfig, NumberConfig, TrunkConfig
from switch.settings.model.switch import ListenerConfig, SwitchConfig, TagConfig
from switch.settings.model.user import UserConfig
from switch.settings.names import EntryKind, Names
from switch.settings.problem import quote
from switch.settings.source import KeyPath
from switch.settings.value import Invalid, nearest, tag_value
from switch.settings.webhooks import webhook_findings
from switch.sip.flow import Transport, default_port, is_address, transport_of
from switch.sip.headers import SipUri, parse_uri
from switch.sip.peer import DEFAULT_ALGORITHMS

GIVEN = frozenset({"passed_zip"})
"""Built-in tags that config may set: a header or a number says them."""


def inconsistencies(document: Document, names: Names) -> Iterator[Finding]:
    yield from _lines_twice(names)
    yield from _overlapping_trunks(document.trunks or {})
    yield from _trunks_of_any_address(document.trunks or {})
    yield from _lines_to_ourselves(document)
    yield from _tag_declarations(document.tags or {})
    yield from _tag_values(document, names.kinds)
    yield from _filters(document, names)
    for cause in NoRoute:
        yield from _overflow_circles(document.campaigns or {}, cause)
    yield from _tokens(document.advertisers or {}, document.switch)
    yield from _users(document.users or {}, document.switch)
    yield from _shown_callers(document.numbers or {})
    yield from webhook_findings(document, names.kinds)
    yield from _probes(document)


def circles(nodes: Mapping[str, Node]) -> Iterator[Finding]:
    """Yields cycles of menus that never wait for the caller. `nodes`: all menus, compiled."""
    for way in loops_without_input(MenuPlan(start="", nodes=nodes)):
        hint = "let one of them ask the caller, or leave the circle"
        yield Finding(("menus", way[0]), Invalid(f"menus run in a circle: {' -> '.join(way)}", hint=hint, at_key=True))


def _lines_twice(names: Names) -> Iterator[Finding]:
    for path in names.again:
        hint = f"the first one is at {names.place(EntryKind.LINE, str(path[-1]))}; line names are unique among all advertisers"
        yield Finding(path, Invalid(f"line {quote(str(path[-1]))} is here twice", hint=hint, at_key=True))


def _overlapping_trunks(trunks: Mapping[str, TrunkConfig]) -> Iterator[Finding]:
    """An address belongs to one trunk: a call's record says who sent it. Networks nest or are apart, so neighbours tell."""
    found: list[tuple[IPv4Network | IPv6Network, str, int]] = []
    for name, trunk in trunks.items():
        found += ((network, name, index) for index, network in enumerate(trunk.addresses or ()) if network != ANYWHERE)
    widest: tuple[IPv4Network | IPv6Network, str] | None = None
    for network, name, index in sorted(found, key=lambda one: (one[0].version, int(one[0].network_address), one[0].prefixlen)):
        if widest and _is_within(network, widest[0]):
            hint = f"{_bare(widest[0])} of {'this trunk' if widest[1] == name else f'trunk {quote(widest[1])}'} has it already"
            yield Finding(("trunks", name, "addresses", index), Invalid(f"{_bare(network)} belongs to two entries", hint=hint))
        else:
            widest = network, name


def _trunks_of_any_address(trunks: Mapping[str, TrunkConfig]) -> Iterator[Finding]:
    """A stranger is challenged before it is known which trunk it is: so there is one realm, with one list of algorithms, and a user name is
    one trunk's."""
    open_to_all = {name: trunk.auth for name, trunk in trunks.items() if trunk.auth and ANYWHERE in (trunk.addresses or ())}
    owners: dict[str, str] = {}
    realms: dict[str, str] = {}
    for name, auth in open_to_all.items():
        if auth.username and owners.setdefault(auth.username, name) != name:
            hint = f"trunk {quote(owners[auth.username])} of any address has it too"
            yield Finding(("trunks", name, "auth", "username"), Invalid("a user name of two trunks", hint=hint))
        if auth.realm and realms.setdefault(auth.realm, name) != next(iter(realms.values())):
            hint = f"trunk {quote(next(iter(realms.values())))} has {quote(next(iter(realms)))}: write the same here"
            yield Finding(("trunks", name, "auth", "realm"), Invalid("a second realm for trunks of any address", hint=hint))
    offers = {name: tuple(auth.algorithms or DEFAULT_ALGORITHMS) for name, auth in open_to_all.items()}
    for name, offered in offers.items():
        first = next(iter(offers))
        if offered != offers[first]:
            hint = f"trunk {quote(first)} has [{', '.join(offers[first])}]: write the same here"
            message = "a second list of algorithms for trunks of any address"
            yield Finding(("trunks", name, "auth", "algorithms"), Invalid(message, hint=hint))


def _is_within(network: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return network.version == other.version and network.network_address in other and network.prefixlen >= other.prefixlen


def _bare(network: IPv4Network | IPv6Network) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _lines_to_ourselves(document: Document) -> Iterator[Finding]:
    """A line or carrier that is this switch: one call would become as many as there may be. And one that no listener reaches."""
    sip = document.switch and document.switch.sip
    listeners = (sip and sip.listen) or ()
    ours = {address for each in listeners for address in (each.address, each.advertise) if address}
    for path, text in document.fields("uri", "registrar"):
        what = "line" if path[0] == "advertisers" else "carrier"
        uri = parse_uri(text)
        transport = transport_of(uri) if uri else None
        if uri and (uri.host, uri.port or default_port(transport or Transport.UDP)) in ours:
            yield Finding(path, Invalid(f"the {what} is this switch itself", hint="name the address of the other side"))
        elif uri and listeners and (unreachable := _unreachable(uri, transport, listeners, what=what)):
            yield Finding(path, unreachable)


def _unreachable(uri: SipUri, transport: Transport | None, listeners: Sequence[ListenerConfig], *, what: str) -> Invalid | None:
    """Returns why no listener could dial this, or None. A name may have addresses of both kinds."""
    ways = [each for each in listeners if transport in (None, each.transport)]
    if not ways and transport is not None:
        way = transport.lower()
        hint = f"add `- {{{way}: ADDRESS:PORT}}` to `switch.sip.listen`"
        return Invalid(f"a {what} over {transport}, and no listener for it", hint=hint)
    is_v6 = ":" in uri.host
    if is_address(uri.host) and not any((":" in each.address[0]) is is_v6 for each in ways):
        kind = "IPv6" if is_v6 else "IPv4"
        return Invalid(f"an {kind} address, and no listener with one", hint="add one to `switch.sip.listen`")
    return None


def _tag_declarations(tags: Mapping[str, TagConfig]) -> Iterator[Finding]:
    headers: dict[str, str] = {}
    for name, tag in tags.items():
        path: KeyPath = ("tags", name)
        if name in GIVEN and tag.type not in (None, BUILT_IN[name]):
            kind = BUILT_IN[name]
            yield Finding((*path, "type"), Invalid(f"tag {quote(name)} is built in, and {kind}", expected=kind.value))
        if error := _name_error(name, hint="choose another name"):
            yield Finding(path, error)
        if tag.header in headers:
            hint = f"tag {quote(headers[tag.header])} is read from it already"
            yield Finding((*path, "header"), Invalid(f"header {quote(tag.header)} is two tags", hint=hint))
        elif tag.header:
            headers[tag.header] = name


@lru_cache(maxsize=1_024)
def _name_error(name: str, hint: str) -> Invalid | None:
    """Returns why config can't set a tag of that name, or None."""
    if name in BUILT_IN and name not in GIVEN:
        return Invalid(f"tag {quote(name)} is built in", hint=hint, at_key=True)
    expected = "a word such as sub_id, which is none of the filter language"
    return None if is_word(name) else Invalid(f"no filter could ask for a tag {quote(name)}", expected=expected, at_key=True)


def _tag_values(document: Document, kinds: Mapping[str, Kind]) -> Iterator[Finding]:
    """Checks the values that menus and numbers set tags to."""
    for path, name, text in document.fixed_tags():
        error = _name_error(name, hint="menus set zip and consent, the switch knows the others")
        try:
            tag_value(text, kinds[name])
        except Invalid as bad_value:
            error = error or bad_value
        if error:
            yield Finding(path, error)


def _filters(document: Document, names: Names) -> Iterator[Finding]:
    """Checks filters against the tags. An unknown one may be declared in a file that could not be read."""
    for path, expression in document.filters():
        for mismatch in type_mismatches(expression, names.kinds):
            if mismatch.name is None:
                yield Finding(path, Invalid(mismatch.message, at=mismatch.column))
            elif not names.unread:
                hint = nearest(mismatch.name, sorted(names.kinds)) or "declare it under `tags:`, or let a menu or a number set it"
                yield Finding(path, Invalid(mismatch.message, hint=hint, at=mismatch.column))


def _overflow_circles(campaigns: Mapping[str, CampaignConfig], cause: NoRoute) -> Iterator[Finding]:
    """Yields cycles of overflow. A campaign has one successor per cause: following them either ends or comes to a campaign twice."""
    targets = {name: (campaign.overflow or {}).get(cause) for name, campaign in campaigns.items()}
    done: set[str] = set()
    for start in campaigns:
        walk: list[str] = []
        name: str | None = start
        while name is not None and name in campaigns and name not in done:
            done.add(name)
            walk.append(name)
            name = target.campaign if (target := targets[name]) else None
        if name in walk:
            circle = walk[walk.index(name) :]
            message = f"overflow runs in a circle: {' -> '.join([*circle, circle[0]])}"
            path: KeyPath = ("campaigns", circle[-1], "overflow", cause.value, "campaign")
            yield Finding(path, Invalid(message, hint="end it with a line or a message"))


def _tokens(advertisers: Mapping[str, AdvertiserConfig], switch: SwitchConfig | None) -> Iterator[Finding]:
    """Checks tokens for duplicates, and whether there is an API to post to."""
    has_no_api = switch is not None and vars(switch).get("api", "left out") is None
    owners: dict[Token, str] = {}
    for name, advertiser in advertisers.items():
        token, path = advertiser.token, ("advertisers", name, "token")
        if token is None:
            continue
        if has_no_api:
            hint = "set `switch.api: {listen: ADDRESS:PORT}`"
            yield Finding(path, Invalid("a token, but nothing to post to", hint=hint, at_key=True))
        if owners.setdefault(token, name) != name:
            hint = f"advertiser {quote(owners[token])} has it: one of them could post for the other"
            yield Finding(path, Invalid("a token of two advertisers", hint=hint, at_key=True))


def _users(users: Mapping[str, UserConfig], switch: SwitchConfig | None) -> Iterator[Finding]:
    if users and switch is not None and vars(switch).get("console", "left out") is None:
        hint = "set `switch.console: {listen: 127.0.0.1:8080}`"
        yield Finding(("users", next(iter(users))), Invalid("a user, but no console to log in to", hint=hint, at_key=True))


def _shown_callers(numbers: Mapping[str, NumberConfig]) -> Iterator[Finding]:
    """In North America only who pays for a toll-free call may know a caller who withholds the number (47 CFR §64.1601)."""
    for did, number in numbers.items():
        if number.show_ani and not is_toll_free(did):
            hint = "callers of other numbers may withhold theirs; a line that may know them all the same is `trusted`"
            yield Finding(("numbers", did, "show_ani"), Invalid(f"{did} is not toll-free", hint=hint, at_key=True))


def _probes(document: Document) -> Iterator[Finding]:
    """A probe calls a number that there is, from a trunk of probes: calls from any other would earn money and fill caps."""
    trunks = {name for name, trunk in (document.trunks or {}).items() if trunk.probe}
    for name, probe in (document.probes or {}).items():
        path: KeyPath = ("probes", name)
        if probe.number is None:
            continue
        if probe.number not in (document.numbers or {}):
            hint = nearest(probe.number, document.numbers or {})
            yield Finding((*path, "number"), Invalid(f"there is no number {probe.number}", hint=hint))
        if probe.trunk is not None and probe.trunk not in trunks:
            expected = f"a trunk with `probe: true`: {', '.join(sorted(trunks)) or 'there is none'}"
            yield Finding((*path, "trunk"), Invalid(f"{quote(probe.trunk)} is no trunk of probes", expected=expected))
        elif probe.trunk is None and len(trunks) != 1:
            hint = "say which with `trunk:`" if trunks else "add `probe: {addresses: [127.0.0.9], probe: true}` to `trunks:`"
            message = f"{'several trunks' if trunks else 'no trunk'} for probes"
            yield Finding((*path, "number"), Invalid(message, hint=hint))
