"""Which deliveries a row of the ledger causes: of each event one, the same ones however often and from where it is read."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from webhook_cases import ACME, CAMPAIGN, OWNERS, PASSED, PUBLISHER, hook, judged, row

from switch.billing.verdict import JudgedCall, MoneyKind
from switch.webhook.happenings import Delivery, deliveries, of_call, of_money, of_recording
from switch.webhook.terms import ORDER, Owner, WebhookEvent
from switch.webhook.view import Happening, RecordingFile

E = WebhookEvent
FILE = RecordingFile(path="2026/c1.wav", length_ms=1_000, sha256="00")


def told(happenings: list[Happening], owner: Owner = CAMPAIGN, **more: Any) -> list[Delivery]:
    return list(deliveries(happenings, [hook(owner, **more)], passed=PASSED, currency="USD"))


def test_all_of_a_call_in_order() -> None:
    call = judged()

    found = told(of_call(call, call.verdict.rows, [FILE]))

    assert [each.event for each in found] == [
        *(E.CALL_STARTED, E.MENU_DONE, E.CONNECTED, E.CONNECTED, E.CONVERTED, E.PAYOUT, E.ENDED, E.RECORDING_READY)
    ]
    assert [each.seen["line"] for each in found if each.event is E.CONNECTED] == ["bolt-1", "acme-1"]
    assert found[1].at_us == (call.record.answered_us or 0) + call.record.menu_ms * 1_000


def test_a_call_without_menu_or_money() -> None:
    call = judged(converted=False, menu=False)
    assert [each.event for each in told(of_call(call, ()))] == [E.CALL_STARTED, E.CONNECTED, E.CONNECTED, E.ENDED]


def test_a_webhook_gets_the_events_that_it_asks_for() -> None:
    call = judged()
    found = told(of_call(call, call.verdict.rows), PUBLISHER, events=frozenset({E.PAYOUT, E.CONVERTED}))
    assert [each.event for each in found] == [E.CONVERTED, E.PAYOUT]


def test_what_is_posted_later_has_the_key_that_it_would_have_had() -> None:
    call = judged()
    revenue = call.verdict.rows[0]
    later = of_money(call, revenue)
    assert later is not None
    all_at_once = {each.key for each in told(of_call(call, call.verdict.rows, [FILE]))}
    assert {each.key for each in told([later])} < all_at_once
    assert {each.key for each in told([of_recording(call, FILE)])} < all_at_once


def test_what_is_no_conversion() -> None:
    call = judged()
    first = call.verdict.rows[0]
    assert of_money(call, replace(first, corrects="x")) is None
    assert of_money(call, replace(first, amount_micros=0)) is None
    assert of_money(call, replace(first, amount_micros=-1)) is None
    assert of_money(call, row("c1", MoneyKind.COST, "the-trunk", 5)) is None
    assert of_money(call, row("", MoneyKind.DEPOSIT, "acme", 5)) is None


CALLS = st.builds(judged, converted=st.booleans(), menu=st.booleans())


@given(st.lists(st.sampled_from(OWNERS), max_size=4), CALLS)
def test_keys_are_of_one_event_and_one_webhook(owners: list[Owner], call: JudgedCall) -> None:
    hooks = [hook(owner, f"n{at}") for at, owner in enumerate(owners)]
    found = list(deliveries(of_call(call, call.verdict.rows, [FILE]), hooks, passed=PASSED, currency="USD"))
    again = list(deliveries(of_call(call, call.verdict.rows, [FILE]), hooks, passed=PASSED, currency="USD"))

    assert found == again
    assert len({each.key for each in found}) == len({each.id for each in found}) == len(found)
    assert all(each.seen["id"] == each.id for each in found)
    for each in hooks:
        order = [ORDER[delivery.event] for delivery in found if delivery.webhook == each.key]
        assert order == sorted(order)


def test_the_id_does_not_say_whose_line_it_was() -> None:
    call = judged()
    found = told(of_call(call, call.verdict.rows), ACME)
    assert all("acme-1" not in each.id for each in found)
