"""What is shown of trunks and lines: probes, registrations and last answers, and how the commands write it."""

from dataclasses import replace

from engine_world import CARRIER, EAST, START_US, World, line, plan
from msgspec import structs

from routing.zone import time_zone
from switch.cli.control import _line_table, _trunk_table
from switch.engine.effect import LogPeerState
from switch.engine.status import TrunkStatus
from switch.sip.digest import Credentials, Secret
from switch.sip.flow import Flow
from switch.sip.probe import Watch
from switch.sip.registration import Registrar
from switch.sip.transaction import NS_PER_MS

EVERY_NS = 10_000 * NS_PER_MS
REGISTRAR = Flow("198.51.100.90", 5060)
UTC = time_zone("UTC")


def watching(flow: Flow, name: str) -> Watch:
    return Watch(name=name, uri=f"sip:{flow.host}:{flow.port}", every_ns=EVERY_NS)


def test_a_silent_trunk_and_a_line_that_refuses_are_shown_as_such() -> None:
    world = World(
        replace(
            plan(line("east", EAST)),
            watches=(watching(REGISTRAR, "trunk:carrier"), watching(EAST, "line:east")),
        )
    )
    world.line_phone(EAST, status=486)
    world.engine.watch_peers(world.at())
    world.call()
    world.run(60_000)
    (trunk,) = world.engine.trunk_status(world.at())
    (east,) = world.engine.line_status(world.at())
    assert trunk.health is not None
    assert (trunk.health.is_up, trunk.health.last_status, trunk.registration) == (False, None, None)
    assert east.health is not None
    assert (east.health.is_up, east.health.last_status) == (True, 200)
    assert (east.last_result, east.last_sip_code) == ("busy", 486)
    shown = [each.text for each in _line_table([east], UTC).lines(80)]
    assert any("up 200" in each and "busy 486" in each for each in shown), shown
    assert max(map(len, shown)) <= 80
    assert "down" in shown_of(trunk)


def test_what_has_not_answered_yet_is_neither_up_nor_down() -> None:
    world = World(
        replace(
            plan(line("east", EAST)),
            watches=(watching(REGISTRAR, "trunk:carrier"), watching(EAST, "line:east")),
        )
    )
    world.line_phone(EAST)
    world.engine.watch_peers(world.at())

    def is_up() -> tuple[bool | None, bool | None]:
        (trunk,), (east,) = world.engine.trunk_status(world.at()), world.engine.line_status(world.at())
        assert trunk.health is not None
        assert east.health is not None
        assert ("unknown" in shown_of(trunk)) is (trunk.health.is_up is None)
        return trunk.health.is_up, east.health.is_up

    assert is_up() == (None, None)
    world.run(10_000)
    assert is_up() == (None, True)
    world.run(40_000)
    assert is_up() == (False, True)


def test_a_switch_that_stops_tells_of_no_line_that_it_answers_again() -> None:
    world = World(replace(plan(line("east", EAST)), watches=(watching(EAST, "line:east"),)))
    world.engine.watch_peers(world.at())
    world.run(60_000)
    assert told(world) == ["does not answer OPTIONS"]
    world.engine.stop(world.at())
    world.run(60_000)
    assert told(world) == ["does not answer OPTIONS"]
    assert set(world.sip.live_counts().values()) == {0}


def told(world: World) -> list[str]:
    return [each.what for each in world.effects if isinstance(each, LogPeerState)]


def test_a_registration_is_shown_with_its_end_or_why_there_is_none() -> None:
    credentials = Credentials(username="me", secret=Secret("pw"))
    registrar = Registrar(trunk="carrier", uri=f"sip:{CARRIER.host}:{CARRIER.port}", credentials=credentials)
    world = World(replace(plan(line("east", EAST)), registrars=(registrar,)))
    world.engine.watch_peers(world.at())
    world.run(1_000)
    (trunk,) = world.engine.trunk_status(world.at())
    assert trunk.registration is not None
    assert (trunk.registration.until_us, trunk.registration.status) == (None, 405)  # a phone is no registrar
    assert "no 405" in shown_of(trunk)
    granted = structs.replace(trunk.registration, until_us=START_US + 600_000_000)
    text = shown_of(structs.replace(trunk, registration=granted))
    assert "15:10:00" in text
    assert "no 405" not in text


def shown_of(trunk: TrunkStatus) -> str:
    lines = [each.text for each in _trunk_table([trunk], UTC).lines(80)]
    assert max(map(len, lines)) <= 80
    return "\n".join(lines)
