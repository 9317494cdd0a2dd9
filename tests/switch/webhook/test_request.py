"""How a request is written and signed, when it is tried again, which addresses it may go to."""

import hashlib
import hmac
import json
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhook_cases import CAMPAIGN, PIXEL, hook

from switch.sip.digest import Secret
from switch.webhook.hosts import allows_address, allows_name
from switch.webhook.request import request_of, signature
from switch.webhook.retry import FIRST_US, GIVEN_UP_US, GONE, LONGEST_US, next_try_us
from switch.webhook.template import BadTemplate, names_in, text_of, value_of
from switch.webhook.view import Field

SEEN: dict[str, Field] = {"id": "i1", "event": "payout", "payout": "18.00", "menu_ms": 5, "tag.sub": "a&b=c d", "tag.repeat": True}


def test_a_pixel() -> None:
    request = request_of(PIXEL, SEEN, now_us=1_700_000_000_000_000)

    assert request.method == "GET"
    assert request.url == "https://hooks.example.com/x?sub=a%26b%3Dc+d&p=18.00"
    assert request.body == b""
    assert request.headers["Idempotency-Key"] == "i1"
    assert request.headers["Payphone-Timestamp"] == "1700000000"
    signed = hmac.new(b"s3cret", b"1700000000.sub=a%26b%3Dc+d&p=18.00", hashlib.sha256).hexdigest()
    assert request.headers["Payphone-Signature"] == f"v1={signed}"


def test_a_post_has_all_that_is_seen() -> None:
    request = request_of(hook(), SEEN, now_us=0)
    assert json.loads(request.body) == {
        "id": "i1",
        "event": "payout",
        "payout": "18.00",
        "menu_ms": 5,
        "tags": {"sub": "a&b=c d", "repeat": True},
    }
    assert request.headers["Content-Type"] == "application/json"
    assert "Payphone-Signature" not in request.headers


def test_a_body_of_templates_keeps_numbers_and_headers_are_added() -> None:
    found = hook(
        body={"n": "{menu_ms}", "t": "in {menu_ms} ms", "r": "{tag.repeat}", "no": "{line}"}, headers={"X-Key": Secret("k")}
    )
    request = request_of(found, SEEN, now_us=0)
    assert json.loads(request.body) == {"n": 5, "t": "in 5 ms", "r": True, "no": None}
    assert request.headers["X-Key"] == "k"


def test_a_query_behind_one_that_is_there() -> None:
    assert request_of(hook(url="https://a.example/?x=1", query={"y": "2"}), SEEN, now_us=0).url == "https://a.example/?x=1&y=2"


@given(st.text(), st.text())
def test_a_value_can_not_leave_its_place(value: str, other: str) -> None:
    """Whatever a tag holds, the query has the same keys, and the body is JSON with the same keys."""
    value = value.encode("utf-8", "ignore").decode()
    seen: dict[str, Field] = {**SEEN, "tag.sub": value}
    query = urlsplit(request_of(hook(query={"a": "{tag.sub}", "b": "x"}), seen, now_us=0).url).query
    assert parse_qsl(query, keep_blank_values=True) == [("a", value), ("b", "x")]
    assert json.loads(request_of(hook(body={"a": "{tag.sub}"}), seen, now_us=0).body) == {"a": value}


@given(st.binary(), st.text(st.characters(codec="ascii"), min_size=1))
def test_another_secret_body_or_moment_is_another_signature(body: bytes, secret: str) -> None:
    found = {
        signature(secret, "1", body),
        signature(f"{secret}x", "1", body),
        signature(secret, "2", body),
        signature(secret, "1", body + b"x"),
    }
    assert len(found) == 4


@pytest.mark.parametrize(
    ("template", "text"), [("{{{payout}}}", "{18.00}"), ("{nothing}", ""), ("{tag.repeat}", "true"), ("a", "a")]
)
def test_templates(template: str, text: str) -> None:
    assert text_of(template, SEEN) == text


@pytest.mark.parametrize("template", ["{", "a}", "{a b}", "{}", "{{}"])
def test_bad_templates(template: str) -> None:
    with pytest.raises(BadTemplate):
        list(names_in(template))


def test_names_of_a_template() -> None:
    assert list(names_in("{{x}} {tag.sub}-{payout}")) == [("tag.sub", 7), ("payout", 17)]
    assert value_of("{payout}{payout}", SEEN) == "18.0018.00"


# retries


def test_the_delays() -> None:
    least = [next_try_us(tries, since_us=0, now_us=0, chance=0.0) for tries in range(1, 13)]
    most = [next_try_us(tries, since_us=0, now_us=0, chance=1.0) for tries in range(1, 13)]
    assert most[:4] == [FIRST_US, 2 * FIRST_US, 4 * FIRST_US, 8 * FIRST_US]
    assert least[:2] == [FIRST_US // 2, FIRST_US]
    assert most[-1] == LONGEST_US


@given(st.integers(1, 10_000), st.integers(0, 2 * GIVEN_UP_US), st.floats(0, 1))
def test_it_is_tried_for_a_day_and_never_at_once(tries: int, now_us: int, chance: float) -> None:
    found = next_try_us(tries, since_us=0, now_us=now_us, chance=chance)
    if now_us >= GIVEN_UP_US:
        assert found is None
    else:
        assert found is not None
        assert now_us < found <= GIVEN_UP_US
        assert found - now_us <= LONGEST_US


def test_the_last_try_is_a_day_after_the_first() -> None:
    assert next_try_us(30, since_us=5, now_us=5 + GIVEN_UP_US - 1, chance=0.0) == 5 + GIVEN_UP_US
    assert next_try_us(31, since_us=5, now_us=5 + GIVEN_UP_US, chance=0.0) is None


def test_who_is_gone_is_asked_no_more() -> None:
    assert next_try_us(1, since_us=0, now_us=0, chance=0.0, status=GONE) is None
    assert next_try_us(1, since_us=0, now_us=0, chance=0.0, status=GONE - 1) is not None


# hosts


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
        ),
        *("::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1"),
    ],
)
def test_addresses_that_are_not_of_the_internet(address: str) -> None:
    assert not allows_address(ip_address(address), ["hooks.example.com", "*.example.net", "192.0.2.0/24"])


def test_a_listed_network_may_be_private() -> None:
    assert allows_address(ip_address("10.1.2.3"), ["a.example", "10.1.0.0/16"])
    assert allows_address(ip_address("::ffff:10.1.2.3"), ["10.1.0.0/16"])
    assert not allows_address(ip_address("10.2.0.0"), ["10.1.0.0/16"])
    assert allows_address(ip_address("93.184.216.34"), [])
    assert not allows_address(ip_address("93.184.216.34"), [], listed=True)


def test_names() -> None:
    hosts = ["hooks.example.com", "*.example.net"]
    allowed = ("hooks.example.com", "HOOKS.example.com.", "a.example.net", "b.a.example.net")
    others = ("example.net", "xexample.net", "example.com", "x.hooks.example.com")
    assert [host for host in (*allowed, *others) if allows_name(host, hosts)] == list(allowed)


def test_the_name_of_a_webhook() -> None:
    assert (hook().key, hook().host) == ("campaign/quotes/crm", "hooks.example.com")
    assert hook().owner is CAMPAIGN
