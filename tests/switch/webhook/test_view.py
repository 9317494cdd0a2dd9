"""What each owner sees of a call: every field of every event, for every owner."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhook_cases import ACME, BOLT, CAMPAIGN, OWNERS, PASSED, PUBLISHER, judged

from routing.tags import BUILT_IN
from switch.webhook.happenings import of_call
from switch.webhook.terms import TOLD, Owner, OwnerKind, WebhookEvent
from switch.webhook.view import FIELDS, TAG, Happening, RecordingFile, sees_tag, view

FILE = RecordingFile(path="2026/c1.wav", length_ms=1_000, sha256="00")


def happenings(**changes: object) -> list[Happening]:
    found = judged()
    found = replace(found, record=replace(found.record, **changes))  # type: ignore[arg-type]
    return [replace(each, passed=PASSED) for each in of_call(found, found.verdict.rows, [FILE])]


def seen_by(owner: Owner, **changes: object) -> Iterator[tuple[WebhookEvent, dict[str, object]]]:
    for happening in happenings(**changes):
        seen = view(owner, happening)
        if seen is not None:
            yield happening.event, dict(seen)


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: f"{owner.kind} {owner.name}")
def test_every_field_is_one_that_a_template_may_have(owner: Owner) -> None:
    for _, seen in seen_by(owner):
        assert {name for name in seen if not name.startswith(TAG)} <= FIELDS[owner.kind]
        assert all(sees_tag(owner.kind, name.removeprefix(TAG), PASSED) for name in seen if name.startswith(TAG))


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: f"{owner.kind} {owner.name}")
def test_each_field_that_a_template_may_have_is_of_some_event(owner: Owner) -> None:
    found = {name for _, seen in seen_by(owner) for name in seen}
    found |= {name for _, seen in seen_by(ACME) for name in seen} if owner is BOLT else set()
    missing = FIELDS[owner.kind] - found - {"id"}
    assert missing == (
        {"recording_path", "recording_ms", "recording_sha256"} if owner.kind is OwnerKind.ADVERTISER else set()
    )  # both advertisers talked


SECRETS = {
    PUBLISHER: ("25", "0.031", "acme", "bolt", "the-trunk", "+12145550123", "75001", "71"),
    ACME: ("18", "0.031", "bolt", "radio", "sub-of-radio", "the-trunk", "+18005550100"),
    BOLT: ("25", "18", "0.031", "acme", "radio", "sub-of-radio", "the-trunk", "+18005550100"),
}


@pytest.mark.parametrize("owner", SECRETS, ids=lambda owner: f"{owner.kind} {owner.name}")
def test_nothing_of_others_is_seen(owner: Owner) -> None:
    """Money, names and what was passed: no value that is another's is in any field."""
    told = list(seen_by(owner))
    assert {event for event, _ in told} >= {WebhookEvent.CALL_STARTED, WebhookEvent.CONNECTED, WebhookEvent.ENDED}
    for event, seen in told:
        for name, value in seen.items():
            if isinstance(value, str) and not name.endswith("at"):
                assert [secret for secret in SECRETS[owner] if value == secret or secret in value.split("-")] == [], (event, name)
                assert not any(len(secret) > 4 and secret in value for secret in SECRETS[owner]), (event, name, value)


def test_a_campaign_sees_all() -> None:
    told = dict(seen_by(CAMPAIGN))
    ended = told[WebhookEvent.ENDED]
    assert (ended["revenue"], ended["payout"], ended["cost"]) == ("25.00", "18.00", "0.031")
    assert (ended["advertiser"], ended["line"], ended["publisher"], ended["trunk"]) == ("acme", "acme-1", "radio", "the-trunk")
    assert ended["caller"] == "+12145550123"
    assert ended["tag.sub"] == "sub-of-radio"


def test_what_each_party_is_told_of_money() -> None:
    publisher, acme, bolt = dict(seen_by(PUBLISHER)), dict(seen_by(ACME)), dict(seen_by(BOLT))
    assert publisher[WebhookEvent.PAYOUT]["payout"] == "18.00"
    assert "payout" not in publisher[WebhookEvent.CONVERTED]
    assert acme[WebhookEvent.CONVERTED]["revenue"] == "25.00"
    assert WebhookEvent.CONVERTED not in bolt
    assert bolt[WebhookEvent.ENDED]["revenue"] == "0.00"
    assert bolt[WebhookEvent.ENDED]["connected_ms"] == 10_000
    assert WebhookEvent.PAYOUT not in acme


def test_a_call_of_others_is_nobodys_business() -> None:
    assert list(seen_by(Owner(kind=OwnerKind.PUBLISHER, name="acme"))) == []
    assert list(seen_by(Owner(kind=OwnerKind.ADVERTISER, name="radio"))) == []
    assert list(seen_by(Owner(kind=OwnerKind.CAMPAIGN, name="other"))) == []


def test_a_recording_is_for_an_advertiser_who_talked_alone() -> None:
    alone = judged().record.attempts[1:]
    assert WebhookEvent.RECORDING_READY not in dict(seen_by(ACME))
    assert dict(seen_by(ACME, attempts=alone))[WebhookEvent.RECORDING_READY]["recording_path"] == "2026/c1.wav"


@pytest.mark.parametrize(
    ("owner", "tags", "caller"),
    [
        (PUBLISHER, {}, "+1214555****"),
        (ACME, {}, "+12145550123"),
        (CAMPAIGN, {"privacy": True}, "+12145550123"),
        (PUBLISHER, {"privacy": True}, None),
        (ACME, {"privacy": True}, None),
        (ACME, {"anonymous": True}, None),
    ],
)
def test_who_sees_the_caller(owner: Owner, tags: dict[str, bool], caller: str | None) -> None:
    assert {seen["caller"] for _, seen in seen_by(owner, tags=tags)} == {caller}


NAMES = st.sampled_from(sorted({*BUILT_IN, *PASSED, "age", "interest"}))


@given(st.dictionaries(NAMES, st.just("the-value")), st.sampled_from(OWNERS))
def test_no_tag_is_seen_by_who_may_not_see_it(tags: dict[str, str], owner: Owner) -> None:
    for _, seen in seen_by(owner, tags=tags):
        shown = {name.removeprefix(TAG) for name in seen if name.startswith(TAG)}
        assert shown <= set(tags)
        if owner.kind is OwnerKind.ADVERTISER:
            assert shown.isdisjoint({*PASSED, "publisher", "number", "trunk", "passed_zip", "caller", "rn", "cic"})
        if owner.kind is OwnerKind.PUBLISHER:
            assert shown.isdisjoint({"age", "interest", "digits", "zip", "caller", "trunk", "variant", "rn", "cic"})


@given(st.sampled_from(OWNERS), st.sampled_from(WebhookEvent))
def test_no_owner_is_told_of_what_its_kind_may_not_have(owner: Owner, event: WebhookEvent) -> None:
    for happening in happenings():
        if happening.event is event and view(owner, happening) is not None:
            assert event in TOLD[owner.kind]


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: f"{owner.kind} {owner.name}")
def test_nobody_is_told_of_a_probes_call(owner: Owner) -> None:
    assert list(seen_by(owner))
    assert list(seen_by(owner, probe=True)) == []
