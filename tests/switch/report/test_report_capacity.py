"""How many attempts at once the caps of a config allow, for whom a row is about."""

from collections.abc import Mapping
from typing import Any

import pytest

from routing.cap import Cap, Counts, Per
from routing.table import Campaign, Line, Publisher, Table, Target, TrackingNumber
from switch.report.capacity import Capacity


def cap(owner: str, limit: int) -> Cap:
    return Cap(owner=owner, limit=limit)


def line(name: str, advertiser: str, *caps: Cap) -> Line:
    return Line(name=name, advertiser=advertiser, uri="sip:a@192.0.2.1", caps=caps)


ACME = cap("advertiser:acme", 6)
DAILY = Cap(owner="line:east", limit=1, per=Per.DAY)
TALKING = Cap(owner="line:west", limit=3, counts=Counts.CONNECTION)
TABLE = Table(
    version="",
    numbers={
        "+1": TrackingNumber(did="+1", publisher="radio", campaign="auto", caps=(cap("number:+1", 9),)),
        "+2": TrackingNumber(did="+2", publisher="mail", campaign="open"),
    },
    publishers={"radio": Publisher(name="radio", caps=(cap("publisher:radio", 7),)), "mail": Publisher(name="mail")},
    campaigns={
        "auto": Campaign(name="auto", targets=(Target(line="east"), Target(line="west")), caps=(cap("campaign:auto", 20),)),
        "tight": Campaign(name="tight", targets=(Target(line="east"), Target(line="beta")), caps=(cap("campaign:tight", 2),)),
        "open": Campaign(name="open", targets=(Target(line="east"), Target(line="wide"))),
    },
    lines={
        "east": line("east", "acme", cap("line:east", 5), DAILY, ACME),
        "west": line("west", "acme", cap("line:west", 5), TALKING, ACME),
        "beta": line("beta", "beta-inc", cap("line:beta", 4), cap("group:shared", 2)),
        "wide": line("wide", "gamma"),
    },
    trunk_caps={"carrier-a": (cap("trunk:carrier-a", 30),)},
)


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ({"line": "east"}, 5),
        ({"line": "west"}, 3),  # as many as may talk at once
        ({"line": "beta"}, 2),  # its group's
        ({"line": "wide"}, None),
        ({"line": None}, None),
        ({"line": "gone"}, None),
        ({"advertiser": "acme"}, 6),  # not 5 + 3
        ({"advertiser": "beta-inc"}, 2),
        ({"campaign": "auto"}, 6),
        ({"campaign": "tight"}, 2),
        ({"campaign": "open"}, None),
        ({"publisher": "radio"}, 7),
        ({"publisher": "mail"}, None),
        ({"number": "+1"}, 6),
        ({"number": "+2"}, None),
        ({"trunk": "carrier-a"}, 30),
        ({"trunk": "carrier-b"}, None),
        ({"publisher": "radio", "line": "east", "hour": 9}, 5),
        ({"publisher": "mail", "line": "wide", "hour": 9}, None),
        ({"hour": 9}, 100),  # one line has no cap: the switch's own
        ({}, 100),
    ],
)
def test_capacity(row: Mapping[str, Any], limit: int | None) -> None:
    assert Capacity(table=TABLE, max_calls=100).of(row) == limit


def test_all_lines_together() -> None:
    known = {name: line for name, line in TABLE.lines.items() if name != "wide"}
    table = Table(version="", numbers={}, publishers={}, campaigns={}, lines=known)
    assert Capacity(table=table, max_calls=100).of({"day": "2026-03-02"}) == 6 + 2
