"""Built-in tags: what every call is known by, whose word goes over whose, and how split tests draw."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.expression import Kind, Scalar
from routing.ruling import Inquiry
from routing.table import Campaign, TrackingNumber
from routing.tags import BUILT_IN, CLOSED, call_tags, campaign_tags, variant
from routing.zone import time_zone

DID = "+18005550100"
NUMBER = TrackingNumber(did=DID, publisher="radio", campaign="auto", tags={"sub": "fb-12", "age": 40})
AUTO = Campaign(name="auto", targets=(), zone="America/New_York")
OF_KIND = {Kind.TEXT: str, Kind.NUMBER: int, Kind.TRUTH: bool}


def at(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=time_zone(zone)).timestamp()) * 1_000_000


def asked(**more: Any) -> Inquiry:
    plain: dict[str, Any] = {"did": DID, "ani": "+12125550100", "trunk": "level3", "utc_us": at("2026-11-23T02:30:00"), "seed": 7}
    return Inquiry(**plain | more)


def test_a_plain_call() -> None:
    assert call_tags(NUMBER, asked()) == {
        "number": DID,
        "caller": "+12125550100",
        "anonymous": False,
        "publisher": "radio",
        "trunk": "level3",
        "digits": "",
        "state": "NY",
        "area": "212",
        "geo": "number",
        "sub": "fb-12",
        "age": 40,
    }


def test_what_is_not_known_is_absent() -> None:
    assert call_tags(None, asked(ani="anonymous", trunk="")) == {
        "number": DID,
        "anonymous": True,
        "trunk": "",
        "digits": "",
        "geo": "none",
    }


def test_call_tags_go_over_the_numbers_and_ours_over_all() -> None:
    tags = call_tags(NUMBER, asked(tags={"age": 70, "publisher": "forged", "attestation": "A"}, digits="12"))
    assert (tags["sub"], tags["age"], tags["publisher"], tags["attestation"], tags["digits"]) == ("fb-12", 70, "radio", "A", "12")
    assert NUMBER.tags == {"sub": "fb-12", "age": 40}


@pytest.mark.parametrize(
    ("tags", "state", "geo"),
    [
        ({"zip": "77002", "passed_zip": "90210"}, "TX", "caller"),
        ({"passed_zip": "90210"}, "CA", "publisher"),
        ({"passed_zip": "00000"}, "NY", "number"),
        ({}, "NY", "number"),
    ],
)
def test_the_place_and_what_told_it(tags: Mapping[str, Scalar], state: str, geo: str) -> None:
    found = call_tags(NUMBER, asked(tags=tags))
    assert (found["state"], found["geo"]) == (state, geo)
    assert all(found[name] == value for name, value in tags.items())


def test_a_number_advertised_in_one_place_may_pass_its_zip() -> None:
    local = TrackingNumber(did=DID, publisher="radio", campaign="auto", tags={"passed_zip": "77002"})
    assert call_tags(local, asked())["state"] == "TX"
    assert call_tags(local, asked(tags={"passed_zip": "90210"}))["state"] == "CA"


def test_time_is_the_campaigns() -> None:
    late = asked(utc_us=at("2026-11-23T02:30:00"))
    assert campaign_tags(AUTO, late) == {"campaign": "auto", "hour": 21, "weekday": "sun", "date": "2026-11-22"}
    tokyo = Campaign(name="tokyo", targets=(), zone="Asia/Tokyo")
    assert campaign_tags(tokyo, late) == {"campaign": "tokyo", "hour": 11, "weekday": "mon", "date": "2026-11-23"}


def test_only_a_split_campaign_has_variants() -> None:
    split = Campaign(name="auto", targets=(), split={"long": 50, "short": 50})
    assert "variant" not in campaign_tags(AUTO, asked())
    assert campaign_tags(split, asked())["variant"] in {"long", "short"}


def test_variants_are_drawn_alike_on_every_machine() -> None:
    """Fixed figures: a change of these changes what every recorded call would draw again."""
    split = Campaign(name="auto", targets=(), split={"long": 50, "short": 30, "none": 20})
    assert "".join(variant(split, seed)[0] for seed in range(24)) == "lnnssslsnnlllllllslllsll"


def test_variants_come_as_often_as_they_weigh() -> None:
    split = Campaign(name="auto", targets=(), split={"long": 50, "short": 30, "none": 20, "off": 0})
    drawn = Counter(variant(split, seed) for seed in range(10_000))
    assert drawn["off"] == 0
    for name, weight in (("long", 5_000), ("short", 3_000), ("none", 2_000)):
        assert abs(drawn[name] - weight) < 5 * 50  # five standard deviations of the largest


def test_another_campaign_draws_for_itself() -> None:
    one, other = (Campaign(name=name, targets=(), split={"a": 1, "b": 1}) for name in ("one", "other"))
    same = sum(variant(one, seed) == variant(other, seed) for seed in range(1_000))
    assert 400 < same < 600


@given(seed=st.integers(0, 2**64 - 1), split=st.dictionaries(st.text("ab-", min_size=1), st.integers(1, 100), min_size=1))
def test_the_order_variants_are_written_in_draws_nothing_else(seed: int, split: dict[str, int]) -> None:
    there, back = (Campaign(name="auto", targets=(), split=dict(items)) for items in (split.items(), reversed(split.items())))
    assert variant(there, seed) == variant(back, seed)
    assert variant(there, seed) in split


@given(
    ani=st.sampled_from(["+12125550100", "+442079460000", "anonymous", "", "+18005550100", "+17872345678"]),
    utc_us=st.integers(at("2000-01-01"), at("2040-01-01")),
    typed=st.sampled_from(["77002", "09012", "00000"]),
)
def test_tags_are_of_their_kind_and_in_their_closed_set(ani: str, utc_us: int, typed: str) -> None:
    split = Campaign(name="auto", targets=(), zone="Australia/Eucla", split={"a": 1, "b": 1})
    inquiry = asked(ani=ani, utc_us=utc_us, tags={"zip": typed, "attestation": "B"})
    tags = call_tags(TrackingNumber(did=DID, publisher="radio", campaign="auto"), inquiry) | campaign_tags(split, inquiry)
    assert set(tags) <= set(BUILT_IN)
    assert all(type(value) is OF_KIND[BUILT_IN[name]] for name, value in tags.items())
    assert all(tags[name] in values for name, values in CLOSED.items() if name in tags)


def test_closed_sets_are_of_built_in_tags_and_their_kind() -> None:
    assert set(CLOSED) <= set(BUILT_IN)
    assert all(type(value) is OF_KIND[BUILT_IN[name]] for name, values in CLOSED.items() for value in values)
    assert CLOSED["geo"] == {"caller", "publisher", "number", "none"}
    assert {"TX", "DC", "PR", "ON"} <= CLOSED["state"]
    assert len(CLOSED["weekday"]) == 7
    assert CLOSED["hour"] == set(range(24))
