"""Every route as every role, over random calls: nobody sees another's row."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from console_world import NUMBERS, OWNERS, USERS, ConsoleWorld, view
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.billing.verdict import JudgedCall
from switch.control.messages import Changes
from switch.control.watcher import Changed
from switch.engine.live_view import LiveCallView
from switch.web.live_hub import LiveHub
from switch.web.sight import sight_of

STREAM = "/live/events"
OPEN = {"/login"}
OPERATORS_ONLY = ("/config", "/actions")
QUERIES = {
    "/calls": (
        "",
        "?publisher=pub-bravo",
        "?advertiser=adv-hotel",
        "?line=line-hotel",
        "?state=converted",
        "?caller=%2B12125550001",
    ),
    "/figures": (
        *(
            "?span=custom",
            "?span=custom&by=campaign&and=day",
            "?span=custom&by=hour&as=csv",
            "?span=custom&where=publisher+%3D%3D+pub-bravo",
        ),
        *(
            "?span=custom&by=publisher",
            "?span=custom&by=advertiser&and=line",
            "?span=custom&by=line",
            "?span=custom&by=number&show=money",
        ),
    ),
    "/money": ("", "?before=100000"),
}

talks = st.lists(st.tuples(st.sampled_from(sorted(OWNERS)), st.sampled_from([None, 3_000, 120_000])), max_size=3)
calls = st.lists(st.tuples(st.sampled_from(["alfa", "bravo"]), talks, st.booleans(), st.booleans()), min_size=1, max_size=6)


def addresses(world: ConsoleWorld, ids: Sequence[str]) -> Iterator[str]:
    """Every address that can be read, with every query and every id."""
    for route in world.app.routes:
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()) and route.path not in {*OPEN, STREAM}:
            for query in QUERIES.get(route.path, ("",)):
                filled = route.path.replace("{number}", "0").replace("{version}", world.site.deployment.plan.version)
                for call_id in ids if "{call_id}" in filled else ("",):
                    yield filled.replace("{call_id}", call_id) + query


def may_not_show(user: str, over: Sequence[JudgedCall], live: Sequence[LiveCallView]) -> set[str]:
    """The texts that no answer to this user may have."""
    names = {"alfa", "bravo", "golf", "hotel"} - {user}
    publishers, advertisers = {"alfa", "bravo"}, {"golf", "hotel"}
    found: set[str] = set()
    if user in publishers:
        found |= {"adv-", "line-"} | {f"pub-{each}" for each in names & publishers} | {NUMBERS[each] for each in names & publishers}
        found |= {f"camp-{each}" for each in names & publishers}
        found |= {each.record.call_id for each in over if each.record.publisher != f"pub-{user}"}
        found |= {each.call_id for each in live if each.publisher != f"pub-{user}"}
        found |= {each.record.ani for each in over} | {str(each.ani) for each in live}
    else:
        found |= {"pub-", *NUMBERS.values()} | {f"{kind}-{each}" for each in names & advertisers for kind in ("adv", "line")}
        own = {each.record.call_id for each in over if any(one.advertiser == f"adv-{user}" for one in each.record.attempts)}
        own |= {each.call_id for each in live if each.advertiser == f"adv-{user}"}
        found |= {each.record.call_id for each in over} | {each.call_id for each in live}
        found -= own
        found |= {each.record.ani for each in over if each.record.call_id not in own or each.record.tags.get("privacy")}
        found |= {str(each.ani) for each in live if each.call_id not in own or each.tags.get("privacy")}
    return found


def read(client: TestClient, address: str, ids: Sequence[str]) -> str:
    """The answer, without what was asked itself."""
    answer = client.get(address, headers={"Accept": "text/html"})
    assert answer.status_code in {200, 403, 404, 422}, (address, answer.status_code, answer.text)
    asked = next((call_id for call_id in ids if f"/{call_id}" in address), None)
    if answer.status_code in {200, 422} or asked is None:
        return str(answer.text)
    return str(answer.text).replace(asked, "")


@settings(max_examples=12, deadline=None)
@given(calls)
def test_nobody_sees_anothers_row(drawn: list[tuple[str, list[tuple[str, int | None]], bool, bool]]) -> None:
    with TemporaryDirectory() as folder:
        world = ConsoleWorld(Path(folder))
        over, live = [], []
        for number, (publisher, some, private, is_live) in enumerate(drawn):
            call_id, ani = f"call{number}x", f"+1212555{number:04d}"
            if is_live:
                live.append(view(call_id, publisher, [line for line, _ in some], ani=ani, private=private))
            else:
                over.append(world.judged(call_id, publisher, some, ani=ani, private=private, at_s=number))
        world.write(over)
        world.live(live)
        ids = [each.record.call_id for each in over] + [each.call_id for each in live]
        for user in ("alfa", "bravo", "golf", "hotel"):
            client = world.user(user)
            forbidden = may_not_show(user, over, live)
            for address in addresses(world, ids):
                text = read(client, address, ids)
                shown = {each for each in forbidden if each in text}
                assert not shown, f"{user} sees {shown} at {address}"
        world.close()


@settings(max_examples=30, deadline=None)
@given(calls)
def test_the_stream_tells_nobody_of_anothers_call(drawn: list[tuple[str, list[tuple[str, int | None]], bool, bool]]) -> None:
    with TemporaryDirectory() as folder:
        world = ConsoleWorld(Path(folder))
        live = [
            view(f"call{number}x", publisher, [line for line, _ in some], ani=f"+1212555{number:04d}", private=private)
            for number, (publisher, some, private, _) in enumerate(drawn)
        ]
        world.live(live)
        for user in ("alfa", "bravo", "golf", "hotel"):
            text = world.site.hub.picture(sight_of(world.site.console.users[user])).decode()
            shown = {each for each in may_not_show(user, [], live) if each in text}
            assert not shown, f"{user} sees {shown}"
        world.close()


def test_operators_see_all(world: ConsoleWorld) -> None:
    """The test above would hold for a console that shows nothing."""
    over = world.judged("call0x", "alfa", [("line-golf", None), ("line-hotel", 120_000)], ani="+12125550001")
    world.write([over])
    for user in ("anna", "vic"):
        client = world.user(user)
        for address in ("/calls", "/calls/call0x", "/money"):
            text = client.get(address).text
            for word in ("pub-alfa", "line-hotel", "+12125550001"):
                assert word in text or (address == "/money" and word != "pub-alfa"), (user, address, word)


def test_parties_see_their_own(world: ConsoleWorld) -> None:
    world.write([world.judged("call0x", "alfa", [("line-golf", None), ("line-hotel", 120_000)], ani="+12125550001")])
    for user, shown, hidden in (
        ("alfa", ["+1212•••••01", "18.00", "converted"], ["25.00"]),
        ("golf", ["+12125550001", "line-golf", "busy"], ["25.00", "18.00", "converted"]),
        ("hotel", ["+12125550001", "line-hotel", "25.00", "converted"], ["18.00"]),
    ):
        text = world.user(user).get("/calls/call0x").text
        assert [word for word in shown if word not in text] == [], user
        assert [word for word in hidden if word in text] == [], user


@pytest.mark.parametrize("user", sorted(USERS))
def test_operators_pages_are_theirs_alone(world: ConsoleWorld, user: str) -> None:
    client = world.user(user)
    for address in addresses(world, ["call0x"]):
        is_forbidden = address.startswith(OPERATORS_ONLY) or "/recordings/" in address or address.endswith(".pcap")
        if is_forbidden and user not in ("anna", "vic"):
            assert client.get(address).status_code == 403, address
        elif "/call0x" not in address:
            assert client.get(address).status_code in {200, 404}, address


def test_nothing_but_the_log_in_is_there_for_a_visitor(world: ConsoleWorld) -> None:
    client = world.visitor()
    for address in [*addresses(world, ["call0x"]), STREAM]:
        assert client.get(address).status_code == 401, address
        assert client.get(address, headers={"Accept": "text/html"}).headers["location"].startswith("/login?next=%2F"), address
        assert client.get(address, headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/login", address
    assert client.get("/login").status_code == 200


def test_the_end_of_a_call_is_told_only_to_those_who_have_it(world: ConsoleWorld) -> None:
    world.live(
        [view("alfax", "alfa", ["line-golf"], ani="+12125550001"), view("bravox", "bravo", ["line-hotel"], ani="+12125550002")]
    )
    hub: LiveHub = world.site.hub
    sight = sight_of(world.site.console.users["alfa"])
    with hub.listener(sight) as listener:
        listener.news.get_nowait()
        changes = Changes(revision=2, ended=("alfax", "bravox"))
        assert world.watcher.state.apply(changes)
        hub.tell(Changed(changes=changes))
        assert listener.news.get_nowait() == b'event: changes\ndata: {"ended":["alfax"]}\n\n'
