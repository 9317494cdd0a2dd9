"""What holds of every ruling, whatever the table, the load and the luck of the call."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from routing_tables import ANI, ASKED, DID, MONDAY_NOON_US, Figures

from routing.cap import Cap, Counts, Per
from routing.decide import decide
from routing.expression import Scalar, holds, parse
from routing.load import PaidConversion
from routing.override import Override, OverrideKind, OverridesInForce, TargetKind, in_force
from routing.repeat import repeat_history
from routing.ruling import Attempt, Dial, EnterMenu, Inquiry, NotRouted, Ruling, Wait
from routing.table import (
    Campaign,
    Health,
    Hours,
    Line,
    NoRoute,
    NumberState,
    Overflow,
    Publisher,
    Repeat,
    RepeatRoute,
    RepeatScope,
    Sort,
    Table,
    Target,
    Tier,
    ToCampaign,
    ToHold,
    ToLine,
    ToMessage,
    ToVoicemail,
    TrackingNumber,
)

LINES = tuple(f"line{number:02d}" for number in range(11))
CAMPAIGNS = ("auto", "home", "spare")
ADVERTISERS = ("acme", "beta")
PLAIN_OWNERS = (
    *(f"line:{name}" for name in LINES),
    *(f"campaign:{name}" for name in CAMPAIGNS),
    *(f"advertiser:{name}" for name in ADVERTISERS),
    "publisher:radio-one",
    f"number:{DID}",
    "trunk:carrier",
)

MAX_ATTEMPTS = 10
BUDGET = Cap(owner="advertiser:acme", limit=60, counts=Counts.REVENUE, per=Per.DAY)
KEYS = (*PLAIN_OWNERS, BUDGET.key)

DAY_US = 86_400_000_000
NEVER = Hours(zone="America/New_York", blocks=())
FILTERS = (None, None, None, *map(parse, ("age >= 65", "not repeat", "state == NY and known(age)")))
ATTEMPT_CAUSES = st.sampled_from([NoRoute.BUSY, NoRoute.NO_ANSWER, NoRoute.FAILED])
TAGS: st.SearchStrategy[dict[str, Scalar]] = st.dictionaries(st.just("age"), st.sampled_from([20, 70]))


def chance(random: Random) -> bool:
    return random.randrange(10) == 0


def cap(random: Random, owner: str) -> Cap:
    return Cap(owner=owner, limit=random.randint(1, 6))


def some(random: Random, names: Sequence[str]) -> list[str]:
    return random.sample(names, random.randint(0, len(names)))


def overflow(random: Random) -> Overflow:
    ways = (
        ToCampaign(campaign=random.choice(CAMPAIGNS)),
        ToLine(line=random.choice(LINES)),
        ToHold(places=random.randint(1, 3), wait_ms=random.randint(1_000, 30_000)),
        ToMessage(prompt="sorry"),
        ToVoicemail(greeting="sorry", longest_ms=60_000),
    )
    return random.choice(ways)


def campaign(random: Random, name: str) -> Campaign:
    rule = Repeat(scope=random.choice([*RepeatScope]), window_ms=2 * DAY_US // 1_000, route=random.choice([*RepeatRoute]))
    return Campaign(
        name=name,
        targets=tuple(
            Target(line=line, priority=random.randint(1, 3), weight=random.randint(1, 9)) for line in some(random, LINES)
        ),
        menu=random.choice([None, "qualify"]),
        hours=random.choice([*[None] * 6, NEVER]),
        caps=(cap(random, f"campaign:{name}"),),
        overflow={NoRoute(cause): overflow(random) for cause in some(random, [*NoRoute])},
        paused=chance(random),
        filter=random.choice(FILTERS),
        tiers={number: Tier(sort=random.choice([*Sort]), together=random.random() < 0.5) for number in (1, 2, 3)},
        retry={NoRoute(cause): random.randint(1, 4) for cause in some(random, [NoRoute.BUSY, NoRoute.NO_ANSWER])},
        repeat=random.choice([None, rule]),
        revenue_micros=random.choice([0, 25]),
        conversion_group=random.choice([None, "vehicles"]),
    )


def line(random: Random, name: str, shared: Mapping[str, Cap]) -> Line:
    advertiser = random.choice(ADVERTISERS)
    return Line(
        name=name,
        advertiser=advertiser,
        uri=f"sip:{name}@127.0.0.1",
        caps=(cap(random, f"line:{name}"), shared[advertiser], *((BUDGET,) if advertiser == "acme" else ())),
        hours=random.choice([*[None] * 6, NEVER]),
        paused=chance(random),
        filter=random.choice(FILTERS),
        health=random.choice([None, Health()]),
    )


def table_of(random: Random) -> Table:
    shared = {name: cap(random, f"advertiser:{name}") for name in ADVERTISERS}
    number = TrackingNumber(did=DID, publisher="radio-one", campaign="auto", caps=(cap(random, f"number:{DID}"),))
    return Table(
        version="v",
        numbers={DID: number},
        publishers={"radio-one": Publisher(name="radio-one", caps=(cap(random, "publisher:radio-one"),))},
        campaigns={name: campaign(random, name) for name in CAMPAIGNS},
        lines={name: line(random, name, shared) for name in LINES},
        trunk_caps={"carrier": (cap(random, "trunk:carrier"),)},
    )


def override(random: Random, number: int) -> Override:
    owner = random.choice([*PLAIN_OWNERS[:-1], *PLAIN_OWNERS[:-1], BUDGET.key])
    kind, _, name = owner.partition(":")
    is_cap = random.random() < 0.5 or owner == BUDGET.key
    return Override(
        number=number,
        kind=OverrideKind.CAP if is_cap else OverrideKind.PAUSE,
        target_kind=TargetKind.CAP if is_cap else TargetKind(kind),
        target=owner if is_cap else name,
        limit=random.choice([0, 1, 2, 7]) if is_cap else None,
        made_us=0,
        until_us=random.choice([None, MONDAY_NOON_US + 1]),
        actor="cli:anna",
        reason=random.choice(["", "storm"]),
    )


def load_of(random: Random) -> Figures:
    times = sorted(random.sample(range(MONDAY_NOON_US - 3 * DAY_US, MONDAY_NOON_US), random.randint(0, 3)))
    dids = [DID, "+18005550999"]
    tiers = [(name, priority) for name in CAMPAIGNS for priority in (1, 2, 3)]
    return Figures(
        counts={key: random.choice([0, 1, 1, 2]) for key in some(random, KEYS)},
        last_dialled={name: random.randint(1, 5) for name in some(random, LINES)},
        last_of_tier={tier: random.choice(LINES) for tier in tiers if random.random() < 0.5},
        resting={name: MONDAY_NOON_US + random.randint(0, 1) for name in some(random, LINES)},
        worth={(name, line): random.randint(0, 3) for name in CAMPAIGNS for line in some(random, LINES)},
        queues={name: random.randint(0, 3) for name in CAMPAIGNS},
        conversions=[
            PaidConversion(
                at_us=at_us,
                did=random.choice(dids),
                campaign=random.choice(CAMPAIGNS),
                advertiser=random.choice(ADVERTISERS),
                line=random.choice(LINES),
            )
            for at_us in times
        ],
        overrides=in_force([override(random, number) for number in range(1, random.choice([1, 1, 4]))]),
    )


# Built from a drawn seed: to draw a table part by part takes a hundred times as long as to rule on it.
SEEDS = st.integers(0, 2**32)
TABLES = SEEDS.map(lambda seed: table_of(Random(seed)))
LOADS = SEEDS.map(lambda seed: load_of(Random(seed)))
UNRELATED = SEEDS.map(lambda seed: campaign(Random(seed), "unrelated"))


@st.composite
def inquiries(draw: st.DrawFn) -> Inquiry:
    names = draw(st.lists(st.sampled_from(LINES), max_size=MAX_ATTEMPTS, unique=True))
    return structs.replace(
        ASKED,
        ani=draw(st.sampled_from([ANI, ANI, ANI, "anonymous"])),
        seed=draw(st.integers(0, 2**64)),
        tags=draw(TAGS),
        menu_done=draw(st.booleans()),
        line=draw(st.sampled_from([None, None, *LINES[:4]])),
        tried=tuple((name, draw(ATTEMPT_CAUSES)) for name in names),
        held_ms=draw(st.sampled_from([None, None, 0, 5_000, 40_000])),
    )


def room(load: Figures, campaign: Campaign, caps: tuple[Cap, ...], *, attempts: int = 1) -> bool:
    """Whether so many attempts fit under each of the caps."""
    each = {cap.key: campaign.revenue_micros if cap.counts is Counts.REVENUE else 1 for cap in caps}
    limits = {cap.key: load.overrides.limits[cap.key].limit if cap.key in load.overrides.limits else cap.limit for cap in caps}
    return all(load.counts.get(cap.key, 0) + attempts * each[cap.key] <= (limits[cap.key] or 0) for cap in caps)


def shared_caps(table: Table, campaign: Campaign) -> tuple[Cap, ...]:
    """The inquiry's publisher, number and trunk are always the same here."""
    return campaign.caps + table.publishers["radio-one"].caps + table.numbers[DID].caps + table.trunk_caps["carrier"]


def may_take(table: Table, load: Figures, inquiry: Inquiry, *, campaign: Campaign, name: str, tags: Mapping[str, Scalar]) -> bool:
    """Whether the line passes every bar of its own and of the campaign: the rule of eligibility once more, written the short way."""
    line = table.lines[name]
    is_repeat = bool(tags["repeat"])
    if campaign.repeat is not None:
        conversions = () if tags["anonymous"] else load.paid(inquiry.ani)
        past = repeat_history(campaign.repeat, conversions, table=table, campaign=campaign, did=inquiry.did, utc_us=inquiry.utc_us)
        is_repeat = past.is_repeat_for(line)
        if past.bars(line):
            return False
    owners = {f"line:{name}", f"advertiser:{line.advertiser}", f"campaign:{campaign.name}", "publisher:radio-one", f"number:{DID}"}
    is_open = not line.paused and line.hours is None  # the only hours drawn here are never open
    is_open = is_open and not owners & load.overrides.pauses.keys()
    is_healthy = load.resting.get(name, 0) <= inquiry.utc_us and name not in load.down
    is_wanted = line.filter is None or holds(line.filter, {**tags, "repeat": is_repeat})
    is_new = name not in {tried for tried, _ in inquiry.tried} and len(inquiry.tried) < MAX_ATTEMPTS
    return is_open and is_healthy and is_wanted and is_new and room(load, campaign, line.caps + shared_caps(table, campaign))


@settings(max_examples=200, deadline=None)
@given(table=TABLES, load=LOADS, inquiry=inquiries())
def test_whoever_is_dialled_passes_every_bar(table: Table, load: Figures, inquiry: Inquiry) -> None:
    ruling = decide(table, load, inquiry)
    if not isinstance(ruling.choice, Dial):
        return
    campaign = table.campaigns[str(ruling.campaign)]
    attempts = ruling.choice.attempts
    assert 0 < len(attempts) <= MAX_ATTEMPTS - len(inquiry.tried)
    assert len({attempt.line for attempt in attempts}) == len(attempts)
    for attempt in attempts:
        assert attempt.campaign == campaign.name
        caps = table.lines[attempt.line].caps + shared_caps(table, campaign)
        assert attempt.caps == tuple(load.overrides.limited(cap) for cap in caps)
        assert may_take(table, load, inquiry, campaign=campaign, name=attempt.line, tags=ruling.tags)


@settings(max_examples=200, deadline=None)
@given(table=TABLES, load=LOADS, inquiry=inquiries())
def test_attempts_made_together_all_fit_under_every_cap(table: Table, load: Figures, inquiry: Inquiry) -> None:
    choice = decide(table, load, inquiry).choice
    attempts: tuple[Attempt, ...] = choice.attempts if isinstance(choice, Dial) else ()
    for each in {each for attempt in attempts for each in attempt.caps}:
        mine = [attempt for attempt in attempts if each in attempt.caps]
        assert room(load, table.campaigns[mine[0].campaign], (each,), attempts=len(mine))


@settings(max_examples=200, deadline=None)
@given(table=TABLES, load=LOADS, inquiry=inquiries())
def test_no_eligible_line_is_passed_over_and_priority_is_kept(table: Table, load: Figures, inquiry: Inquiry) -> None:
    """Of a hunt in the number's own campaign: whoever is eligible there is dialled, or somebody of the same priority or before."""
    ruling = decide(table, load, inquiry)
    hunted = any(reason.rule == "campaigns.auto.lines" for reason in ruling.trail)
    only = any(reason.rule == "campaigns.auto.repeat" and "only that line" in reason.verdict for reason in ruling.trail)
    if not hunted or only:
        return
    auto = table.campaigns["auto"]
    tags = {**ruling.tags, "campaign": "auto"}
    if auto.repeat is None:
        tags["repeat"] = False
    eligible = [target for target in auto.targets if may_take(table, load, inquiry, campaign=auto, name=target.line, tags=tags)]
    if eligible:
        assert ruling.campaign == "auto"
        assert isinstance(ruling.choice, Dial)
        first = min(target.priority for target in eligible)
        assert {attempt.priority for attempt in ruling.choice.attempts} == {first}
        if not auto.tiers.get(first, Tier()).together:
            assert len(ruling.choice.attempts) == 1
    else:
        assert not isinstance(ruling.choice, Dial) or ruling.campaign != "auto" or ruling.choice.attempts[0].priority == 0


@settings(max_examples=200, deadline=None)
@given(table=TABLES, load=LOADS, inquiry=inquiries(), more=UNRELATED)
def test_what_nobody_refers_to_changes_nothing(table: Table, load: Figures, inquiry: Inquiry, more: Campaign) -> None:
    """A campaign, a number and a publisher more, and all of the table's parts the other way round."""
    grown = replace(
        table,
        campaigns=dict(reversed([*table.campaigns.items(), (more.name, more)])),
        lines=dict(reversed([*table.lines.items()])),
        numbers={"+1999": TrackingNumber(did="+1999", publisher="tv", campaign=more.name), **table.numbers},
        publishers={"tv": Publisher(name="tv", paused=True), **table.publishers},
    )
    assert decide(grown, load, inquiry) == decide(table, load, inquiry)


@settings(max_examples=200, deadline=None)
@given(table=TABLES, inquiry=inquiries(), load=LOADS)
def test_when_everything_is_full_nobody_is_dialled(table: Table, inquiry: Inquiry, load: Figures) -> None:
    ruling = decide(table, replace(load, counts=dict.fromkeys(KEYS, 99)), inquiry)
    assert not isinstance(ruling.choice, Dial)


def told(ruling: Ruling) -> tuple[Figures, Inquiry]:
    """The load and the inquiry as far as the trail tells them; who called, and with which tags, is in the call's record."""
    read = {name: figure for reason in ruling.trail for name, figure in reason.read.items()}
    conversions = {pair for reason in ruling.trail for pair in str(reason.read.get("paid", "")).split()}

    def under(prefix: str) -> dict[str, int]:
        return {name.removeprefix(prefix): int(figure) for name, figure in read.items() if name.startswith(prefix)}

    lasts = [name.split("/") for name in read if name.startswith("last_line/")]
    load = Figures(
        counts={key: int(read[key]) for key in KEYS if key in read},
        last_dialled=under("last_attempt_us/"),
        last_of_tier={(name, int(priority)): str(read[f"last_line/{name}/{priority}"]) for _, name, priority in lasts},
        resting=under("resting_until_us/"),
        worth={(name, line): micros for name in CAMPAIGNS for line, micros in worths(ruling, name).items()},
        queues=under("waiting/") | {name: place - 1 for name, place in under("place/").items()},
        conversions=sorted(map(conversion, conversions), key=lambda paid: paid.at_us),
        overrides=overrides_of(ruling),
    )
    pairs = [pair.split("=") for pair in str(read["tried"]).split()]
    inquiry = structs.replace(
        ASKED,
        utc_us=int(read["utc_us"]),
        seed=int(read["seed"]),
        menu_done=read["menu_done"] == "yes",
        line=None if "transfer" not in read else str(read["transfer"]),
        held_ms=None if "held_ms" not in read else int(read["held_ms"]),
        tried=tuple((name, NoRoute(why)) for name, why in pairs),
    )
    return load, inquiry


def overrides_of(ruling: Ruling) -> OverridesInForce:
    met = [reason for reason in ruling.trail if reason.rule.startswith("overrides.")]
    found = []
    for reason in met:
        limits = [(name.partition("/")[2], value) for name, value in reason.read.items() if name.startswith("limit")]
        kind, _, name = str(reason.read.get("paused", "cap:")).partition(":")
        found.append(
            Override(
                number=int(reason.rule.partition(".")[2]),
                kind=OverrideKind.CAP if limits else OverrideKind.PAUSE,
                target_kind=TargetKind(kind),
                target=limits[0][0] if limits else name,
                limit=int(limits[0][1]) if limits else None,
                made_us=0,
                until_us=None if "until_us" not in reason.read else int(reason.read["until_us"]),
                actor=str(reason.read["by"]),
                reason=str(reason.read.get("why", "")),
            )
        )
    return in_force(found)


def worths(ruling: Ruling, campaign: str) -> dict[str, int]:
    mine = [reason for reason in ruling.trail if reason.rule.startswith(f"campaigns.{campaign}.tiers.")]
    prefix = "worth_micros/"
    return {
        name.removeprefix(prefix): int(value) for reason in mine for name, value in reason.read.items() if name.startswith(prefix)
    }


def conversion(text: str) -> PaidConversion:
    at_us, _, names = text.partition("=")
    did, campaign, advertiser, line = names.split("/")
    return PaidConversion(at_us=int(at_us), did=did, campaign=campaign, advertiser=advertiser, line=line)


@settings(max_examples=200, deadline=None)
@given(table=TABLES, load=LOADS, inquiry=inquiries())
def test_the_trail_is_enough_to_rule_again(table: Table, load: Figures, inquiry: Inquiry) -> None:
    ruling = decide(table, load, inquiry)
    assert decide(table, load, structs.replace(inquiry)) == ruling
    figures, again = told(ruling)
    assert decide(table, figures, structs.replace(again, ani=inquiry.ani, tags=inquiry.tags)) == ruling


@settings(max_examples=200, deadline=None)
@given(table=TABLES, inquiry=inquiries(), loads=st.lists(LOADS, min_size=1, max_size=6), data=st.data())
def test_a_call_ends_within_the_limits_and_never_tries_a_line_twice(
    table: Table, inquiry: Inquiry, loads: list[Figures], data: st.DataObject
) -> None:
    """One call from its first inquiry on, nobody ever answering, under a load that changes all the time."""
    inquiry = structs.replace(inquiry, menu_done=False, line=None, tried=(), held_ms=None)
    menus = waits = 0
    for number in range(2 * MAX_ATTEMPTS + 32):
        choice = decide(table, loads[number % len(loads)], inquiry).choice
        match choice:
            case EnterMenu():
                menus += 1
                inquiry = structs.replace(inquiry, menu_done=True, line=data.draw(st.sampled_from([None, LINES[0]])))
            case Dial(attempts=attempts):
                ended = tuple((attempt.line, data.draw(ATTEMPT_CAUSES)) for attempt in attempts)
                inquiry = structs.replace(inquiry, tried=inquiry.tried + ended)
            case Wait(again_ms=again_ms):
                waits += 1
                assert again_ms > 0
                inquiry = structs.replace(inquiry, held_ms=(inquiry.held_ms or 0) + again_ms)
            case _:
                break
    else:
        raise AssertionError("the call goes on for ever")
    names = [name for name, _ in inquiry.tried]
    assert len(set(names)) == len(names) <= MAX_ATTEMPTS
    assert menus <= 1
    assert (inquiry.held_ms or 0) <= 30_000


@settings(max_examples=200, deadline=None)
@given(table=TABLES, load=LOADS, inquiry=inquiries(), state=st.sampled_from(NumberState))
def test_a_number_out_of_service_is_never_served(table: Table, load: Figures, inquiry: Inquiry, state: NumberState) -> None:
    number = replace(table.numbers[DID], state=state)
    ruling = decide(replace(table, numbers={DID: number}), load, inquiry)
    if state is not NumberState.ASSIGNED:
        assert isinstance(ruling.choice, NotRouted)
    assert ruling.campaign is not None


@settings(max_examples=200, deadline=None)
@given(table=TABLES, load=LOADS, inquiry=inquiries(), kind=st.sampled_from([*TargetKind]))
def test_what_an_override_pauses_is_never_dialled(table: Table, load: Figures, inquiry: Inquiry, kind: TargetKind) -> None:
    """Whoever would be dialled is paused, in each of the ways there are, and then is not."""
    ruling = decide(table, load, inquiry)
    if not isinstance(ruling.choice, Dial):
        return
    attempt = ruling.choice.attempts[0]
    names = {
        TargetKind.LINE: attempt.line,
        TargetKind.ADVERTISER: attempt.advertiser,
        TargetKind.CAMPAIGN: attempt.campaign,
        TargetKind.PUBLISHER: "radio-one",
        TargetKind.NUMBER: DID,
        TargetKind.CAP: f"line:{attempt.line}",
    }
    limit = 0 if kind is TargetKind.CAP else None
    what = OverrideKind.PAUSE if limit is None else OverrideKind.CAP
    made = Override(
        number=99, kind=what, target_kind=kind, target=names[kind], limit=limit, made_us=0, until_us=None, actor="a", reason=""
    )
    before = [*load.overrides.pauses.values(), *load.overrides.limits.values()]
    again = decide(table, replace(load, overrides=in_force([*before, made])), inquiry)
    dialled = again.choice.attempts if isinstance(again.choice, Dial) else ()
    member = {TargetKind.LINE: "line", TargetKind.ADVERTISER: "advertiser", TargetKind.CAMPAIGN: "campaign", TargetKind.CAP: "line"}
    if kind in member:
        barred = names[kind].removeprefix("line:")
        assert all(getattr(each, member[kind]) != barred for each in dialled)
    else:
        assert dialled == ()
    assert any(reason.rule == "overrides.99" for reason in again.trail)
