"""Checks what must fit together between sections: names used twice, addresses and headers that belong to two, cycles of overflow and
menus, tags and the filters that ask for them.

What must fit together inside one entry, its model checks (`switch.settings.model`). These look at the tree as it was read, so that all of
it is told at once, whatever else is wrong; a part with a wrong shape is passed over: its model tells of it.
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from ivr.graph import loops_without_input
from ivr.menu import MenuPlan, Node
from routing.expression import BadExpression, Kind, is_word, type_mismatches
from routing.table import NoRoute
from routing.tags import BUILT_IN
from switch.settings import address
from switch.settings import value as v
from switch.settings.field import DEFAULT_PORTS
from switch.settings.finding import Finding, attempt, warning
from switch.settings.names import lines_of, listed, mapping
from switch.settings.problem import quote
from switch.settings.source import KeyPath, Tree, Value
from switch.settings.tags import GIVEN, fixed, scalar
from switch.settings.value import Invalid, nearest
from switch.sip.headers import parse_uri
from switch.sip.requests import DEFAULT_PORT

ELSEWHERE = "menus set zip and consent, the switch knows the others"


def inconsistencies(tree: Tree, *, kinds: Mapping[str, Kind]) -> Iterator[Finding]:
    """Errors and warnings that hold however incomplete the tree is. `kinds`: the tags there are."""
    yield from _lines_twice(tree)
    yield from _overlapping_trunks(tree)
    yield from _ports_for_all_calls(tree)
    yield from _lines_to_ourselves(tree)
    yield from _tag_declarations(tree)
    yield from _tag_values(tree, kinds)
    for path, text in filters_of(tree):
        yield from _misfits(path, text, kinds, whole=not tree.unread)
    for cause in NoRoute:
        yield from _overflow_circles(mapping(tree.data.get("campaigns")), cause)
    yield from _tokens(tree)


def circles(nodes: Mapping[str, Node]) -> Iterator[Finding]:
    """Yields cycles of menus that never wait for the caller. `nodes`: all menus, compiled."""
    for way in loops_without_input(MenuPlan(start="", nodes=nodes)):
        unfit = Invalid(f"menus run in a circle: {' -> '.join(way)}", hint="let one of them ask the caller, or leave the circle")
        yield Finding(path=("menus", way[0]), unfit=unfit, at_key=True)


def _lines_twice(tree: Tree) -> Iterator[Finding]:
    for name, spots in lines_of(tree).items():
        for spot in spots[1:]:
            first = spots[0].key or spots[0].value
            hint = f"the first one is at {spots[0].file.path}:{first.line}; line names are unique among all advertisers"
            yield Finding(path=(), unfit=Invalid(f"line {quote(name)} is here twice", hint=hint), at_key=True, spot=spot)


def _overlapping_trunks(tree: Tree) -> Iterator[Finding]:
    """An address belongs to one trunk: a call's record says who sent it. Networks nest or are apart, so neighbours tell."""
    found: list[tuple[IPv4Network, str, KeyPath]] = []
    for name, trunk in mapping(tree.data.get("trunks")).items():
        for index, raw in enumerate(listed(mapping(trunk).get("addresses"))):
            if network := attempt(address.network, raw):
                found.append((network, name, ("trunks", name, "addresses", index)))
    found.sort(key=lambda one: (one[0].network_address, one[0].prefixlen))
    widest: tuple[IPv4Network, str, KeyPath] | None = None
    for network, name, path in found:
        if widest and network.subnet_of(widest[0]):
            hint = f"{_bare(widest[0])} of {'this trunk' if widest[1] == name else f'trunk {quote(widest[1])}'} has it already"
            yield Finding(path=path, unfit=Invalid(f"{_bare(network)} belongs to two entries", hint=hint))
        else:
            widest = network, name, path


def _bare(network: IPv4Network) -> str:
    return str(network.network_address) if network.prefixlen == 32 else str(network)


def _ports_for_all_calls(tree: Tree) -> Iterator[Finding]:
    switch = mapping(tree.data.get("switch"))
    ports = attempt(address.port_range, mapping(switch.get("rtp")).get("ports", DEFAULT_PORTS))
    calls = attempt(lambda text: v.whole(text, low=1, high=999_999), mapping(switch.get("limits")).get("max_calls"))
    if ports and calls and len(address.even_ports(ports)) < 2 * calls:
        message = f"max_calls is {calls}, but the RTP ports are enough for {len(address.even_ports(ports)) // 2}"
        yield warning(("switch", "limits", "max_calls"), message, hint="a call takes two even ports of rtp.ports")


def _lines_to_ourselves(tree: Tree) -> Iterator[Finding]:
    """A line that leads back to the switch: one call would become as many as there may be."""
    listen = attempt(address.socket_address, mapping(mapping(tree.data.get("switch")).get("sip")).get("listen"))
    if listen is None:
        return
    for owner, advertiser in mapping(tree.data.get("advertisers")).items():
        for name, line in mapping(mapping(advertiser).get("lines")).items():
            uri = attempt(address.sip_uri, mapping(line).get("uri"))
            parsed = None if uri is None else parse_uri(uri)
            if parsed is not None and (parsed.host, parsed.port or DEFAULT_PORT) == listen:
                unfit = Invalid("the line is this switch itself", hint="name the advertiser's address")
                yield Finding(path=("advertisers", owner, "lines", name, "uri"), unfit=unfit)


def _tag_declarations(tree: Tree) -> Iterator[Finding]:
    headers: dict[str, str] = {}
    for name, entry in mapping(tree.data.get("tags")).items():
        if name in BUILT_IN and name not in GIVEN:
            yield Finding(
                path=("tags", name), unfit=Invalid(f"tag {quote(name)} is built in", hint="choose another name"), at_key=True
            )
        elif name in GIVEN and mapping(entry).get("type") not in (None, BUILT_IN[name].value):
            unfit = Invalid(f"tag {quote(name)} is built in, and {BUILT_IN[name]}", expected=BUILT_IN[name].value)
            yield Finding(path=("tags", name, "type"), unfit=unfit)
        elif not is_word(name):
            yield Finding(path=("tags", name), unfit=_unspeakable(name), at_key=True)
        found = attempt(v.header, mapping(entry).get("header"))
        if found and found in headers:
            unfit = Invalid(f"header {quote(found)} is two tags", hint=f"tag {quote(headers[found])} is read from it already")
            yield Finding(path=("tags", name, "header"), unfit=unfit)
        elif found:
            headers[found] = name


def _unspeakable(name: str) -> Invalid:
    return Invalid(
        f"no filter could ask for a tag {quote(name)}", expected="a word such as sub_id, which is none of the filter language"
    )


def _tag_values(tree: Tree, kinds: Mapping[str, Kind]) -> Iterator[Finding]:
    """Checks the values that menus and numbers set tags to."""
    for path, name, raw in fixed(tree):
        if name in BUILT_IN and name not in GIVEN:
            yield Finding(path=path, unfit=Invalid(f"tag {quote(name)} is built in", hint=ELSEWHERE), at_key=True)
        elif not is_word(name):
            yield Finding(path=path, unfit=_unspeakable(name), at_key=True)
        elif isinstance(raw, str):
            try:
                scalar(raw, kinds[name])
            except Invalid as unfit:
                yield Finding(path=path, unfit=unfit)


def filters_of(tree: Tree) -> Iterator[tuple[KeyPath, str]]:
    """Yields (path, text) of every filter."""
    for owner, advertiser in mapping(tree.data.get("advertisers")).items():
        for name, line in mapping(mapping(advertiser).get("lines")).items():
            if isinstance(text := mapping(line).get("filter"), str):
                yield ("advertisers", owner, "lines", name, "filter"), text
    for name, campaign in mapping(tree.data.get("campaigns")).items():
        if isinstance(text := mapping(campaign).get("filter"), str):
            yield ("campaigns", name, "filter"), text
    for name, menu in mapping(tree.data.get("menus")).items():
        for index, case in enumerate(listed(mapping(menu).get("branch"))):
            if isinstance(text := mapping(case).get("when"), str):
                yield ("menus", name, "branch", index, "when"), text


def _misfits(path: KeyPath, text: str, kinds: Mapping[str, Kind], *, whole: bool) -> Iterator[Finding]:
    """Checks filters against the tags. `whole`: all files could be read; if not, an unknown tag may be declared in an unread file."""
    try:
        expression = v.parse_filter(text)
    except BadExpression:
        return  # told by the models
    for misfit in type_mismatches(expression, kinds):
        if misfit.name is None:
            yield Finding(path=path, unfit=Invalid(misfit.message, at=misfit.column))
        elif whole:
            hint = nearest(misfit.name, sorted(kinds)) or "declare it under `tags:`, or let a menu or a number set it"
            yield Finding(path=path, unfit=Invalid(misfit.message, hint=hint, at=misfit.column))


def _overflow_circles(campaigns: dict[str, Value], cause: NoRoute) -> Iterator[Finding]:
    """Yields cycles of overflow. A campaign has one successor per cause: following them either ends or comes to a campaign twice."""
    done: set[str] = set()
    for start in campaigns:
        walk: list[str] = []
        name: str | None = start
        while name is not None and name in campaigns and name not in done:
            done.add(name)
            walk.append(name)
            name = _next(campaigns, name, cause)
        if name in walk:
            circle = walk[walk.index(name) :]
            path: KeyPath = ("campaigns", circle[-1], "overflow", cause.value, "campaign")
            way = " -> ".join([*circle, circle[0]])
            yield Finding(path=path, unfit=Invalid(f"overflow runs in a circle: {way}", hint="end it with a line or a message"))


def _next(campaigns: dict[str, Value], name: str, cause: NoRoute) -> str | None:
    target = mapping(mapping(mapping(campaigns.get(name)).get("overflow")).get(cause.value)).get("campaign")
    return target if isinstance(target, str) else None


def _tokens(tree: Tree) -> Iterator[Finding]:
    """Checks tokens for duplicates. A token is a secret: no finding contains it."""
    switch = tree.data.get("switch")
    seen: dict[str, str] = {}
    for name, advertiser in mapping(tree.data.get("advertisers")).items():
        token = mapping(advertiser).get("token")
        path: KeyPath = ("advertisers", name, "token")
        if not isinstance(token, str):
            continue
        if isinstance(switch, dict) and "api" not in switch:
            unfit = Invalid("a token, but nothing to post to", hint="set `switch.api: {listen: ADDRESS:PORT}`")
            yield Finding(path=path, unfit=unfit, at_key=True)
        if token in seen:
            hint = f"advertiser {quote(seen[token])} has it: one of them could post for the other"
            yield Finding(path=path, unfit=Invalid("a token of two advertisers", hint=hint), at_key=True)
        seen.setdefault(token, name)
