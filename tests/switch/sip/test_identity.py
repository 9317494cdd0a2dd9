"""Who calls, who asked for privacy, what was dialled, and what passes to a line: `docs/carriers.md` §2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.geo import anonymous
from switch.sip.identity import (
    MAX_PASSED_CHARS,
    MAX_PASSED_FIELDS,
    CallerIdentity,
    DidFrom,
    LineCaller,
    LineIdentity,
    TrunkIdentity,
    asserted_identity,
    caller_identity,
    dialled_number,
    line_caller,
    passable,
    passed_to,
    sender,
)
from switch.sip.message import Headers, Request, parse
from switch.sip.telephone import NumberFormat

NUMBER = "+14155550199"
OTHER = "+12125559999"
HIDDEN = 'From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=t'


def headers(*lines: str) -> Headers:
    """As the parser leaves them."""
    known = {line.partition(":")[0].lower() for line in lines}
    more = [] if "from" in known else [f"From: <sip:{NUMBER}@a.example>;tag=t"]
    needed = ["Via: SIP/2.0/UDP a.example;branch=z9hG4bKx", "To: <sip:+18005550100@b.example>", "Call-ID: c", "CSeq: 1 INVITE"]
    message = parse("\r\n".join(["INVITE sip:b.example SIP/2.0", *needed, *more, *lines, "", ""]).encode())
    assert isinstance(message, Request)
    return message.headers


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        ([], NUMBER),
        ([f"P-Asserted-Identity: <sip:{OTHER}@c>", "Remote-Party-ID: <sip:+14155550114@c>"], OTHER),
        (["P-Asserted-Identity: <tel:+1-212-555-9999>"], OTHER),
        ([f"P-Asserted-Identity: <sip:trunk-77@c>, <tel:{OTHER}>"], OTHER),
        (["P-Asserted-Identity: <sip:trunk-77@c>"], NUMBER),
        (["P-Asserted-Identity: <sip:8837261@c>"], NUMBER),  # an account of digits alone
        (["P-Asserted-Identity: <sip:5559999;phone-context=+1212@c>"], OTHER),
        ([f"Remote-Party-ID: <sip:{OTHER}@c>;party=called"], NUMBER),
        ([f"Remote-Party-ID: <sip:{OTHER}@c>;party=calling;privacy=off"], OTHER),
        ([f"Remote-Party-ID: <sip:{OTHER}@c>;PARTY=Calling"], OTHER),
        ([f"Remote-Party-ID: <sip:{OTHER}@c>"], OTHER),
        (["Remote-Party-ID: <sip:+18005550100@c>;party=called", f"Remote-Party-ID: <sip:{OTHER}@c>;party=calling"], OTHER),
        (["From: <sip:1001@c>;tag=t"], "1001"),
        (["From: <sip:+10000000000@c>;tag=t"], "+10000000000"),
        (["From: <sip:1001@c>;tag=t", "P-Asserted-Identity: <sip:anonymous@c>"], ""),
        (["From: <sip:alice@c>;tag=t"], ""),
        ([HIDDEN, "P-Asserted-Identity: <sip:8837261@c>"], ""),
        (["From: <sip:+14155550199@anonymous.invalid>;tag=t"], ""),
    ],
)
def test_the_caller_is_the_first_that_is_a_number(lines: list[str], number: str) -> None:
    assert caller_identity(headers(*lines)).number == number


SPELLINGS = [
    *("anonymous", "unknown", "private", "Restricted", "UNAVAILABLE", "withheld", "blocked", "266696687"),
    *("Out-Of-Area", "no.caller.id"),
]


@pytest.mark.parametrize("word", SPELLINGS)
def test_anonymous_in_all_its_spellings_is_nobody(word: str) -> None:
    for form in NumberFormat:
        for value in (f"<sip:{word}@c>", f'"{word}" <sip:c>', f'"x" <sip:{word}@c;user=phone>'):
            assert caller_identity(headers(f"From: {value};tag=t"), form) == CallerIdentity()


@pytest.mark.parametrize(
    "lines",
    [
        [HIDDEN, f"P-Asserted-Identity: <sip:{OTHER}@c>", "Privacy: id"],
        [HIDDEN, f"P-Asserted-Identity: <sip:{OTHER}@c>"],
        ["From: <sip:Restricted@c>;tag=t", f"Remote-Party-ID: <sip:{OTHER}@c>;party=calling"],
        [f"P-Asserted-Identity: <sip:{OTHER}@c>", "Privacy: header;ID"],
        *([f"P-Asserted-Identity: <sip:{OTHER}@c>", f"Privacy: {word}"] for word in ("header", "user", "session", "critical")),
        [f"Remote-Party-ID: <sip:{OTHER}@c>;privacy=full"],
        [f'Remote-Party-ID: <sip:{OTHER}@c>;party=calling;privacy="name,uri-network"'],
        [f"From: <sip:{OTHER}@c>;tag=t", "Privacy: id"],
    ],
)
def test_privacy_is_asked_for_and_the_number_known(lines: list[str]) -> None:
    assert caller_identity(headers(*lines)) == CallerIdentity(number=OTHER, is_private=True)


@pytest.mark.parametrize(
    "line",
    [
        "Privacy: none",
        "Privacy: history",
        f"Remote-Party-ID: <sip:{NUMBER}@c>;privacy=off",
        f"Remote-Party-ID: <sip:{NUMBER}@c>;privacy=name",
        "Remote-Party-ID: <sip:+18005550100@c>;party=called;privacy=full",
    ],
)
def test_what_asks_for_no_privacy_of_the_number(line: str) -> None:
    assert caller_identity(headers(line)) == CallerIdentity(number=NUMBER)


def test_a_network_that_does_not_know_the_number_asks_for_no_privacy() -> None:
    found = caller_identity(headers("From: <sip:unavailable@unknown.invalid>;tag=t", f"P-Asserted-Identity: <sip:{OTHER}@c>"))
    assert found == CallerIdentity(number=OTHER)


def test_the_trunks_format_tells_what_a_number_is() -> None:
    there = headers("P-Asserted-Identity: <sip:442079460000@c>")
    assert caller_identity(there, NumberFormat.E164).number == "+442079460000"
    assert caller_identity(there, NumberFormat.NATIONAL).number == NUMBER


USERS = st.sampled_from([*SPELLINGS, NUMBER, "2125559999", "1001", "bob", "", "a%0ab", "%00", "%FF", "+1%20212", "*67", "x" * 80])
HOSTS = st.sampled_from(["c", "anonymous.invalid", "192.0.2.1:5060"])
VALUES = st.builds(
    lambda display, user, host, rest: f"{display}<sip:{user}@{host}>{rest}",
    st.sampled_from(["", '"Anonymous" ', '"\\\x7f" ', "Bob "]),
    USERS,
    HOSTS,
    st.sampled_from(["", ";party=called", ";privacy=full", ";party=calling;privacy=uri", ";;", ";privacy"]),
) | st.text(max_size=30)
FIELDS = st.lists(st.tuples(st.sampled_from(["From", "P-Asserted-Identity", "Remote-Party-ID", "Privacy"]), VALUES), max_size=5)


@given(FIELDS, st.sampled_from(NumberFormat))
def test_any_mix_of_headers_gives_a_number_or_nobody(fields: list[tuple[str, str]], form: NumberFormat) -> None:
    found = caller_identity(Headers(fields), form)
    assert set(found.number) <= set("+0123456789*#().- ")
    assert found.number or not found.is_private


@given(st.sampled_from(SPELLINGS), st.lists(st.booleans(), min_size=12, max_size=12), st.sampled_from(["", "-", "_", "."]))
def test_an_anonymous_caller_is_never_a_repeat(word: str, upper: list[bool], between: str) -> None:
    """Routing asks `anonymous` before it looks for a caller's past."""
    spelt = between.join(letter.upper() if is_upper else letter.lower() for letter, is_upper in zip(word, upper, strict=False))
    assert anonymous(caller_identity(Headers([("From", f"<sip:{spelt}@c>")])).number)


def test_octets_that_are_no_text_do_not_pass() -> None:
    assert passable(Headers([("X-Sub", "\udcff")]), LISTED) == ()


# what was dialled


@pytest.mark.parametrize(
    ("did_from", "lines", "number"),
    [
        (DidFrom.REQUEST_URI, ["To: <sip:+18005550111@b>"], "+18005550122"),
        (DidFrom.TO, [], "+18005550100"),
        (DidFrom.DIVERSION, [], "+18005550122"),
        (DidFrom.DIVERSION, ["Diversion: <sip:+18005550133@b>;reason=unconditional, <tel:8005550144>"], "+18005550144"),
        (DidFrom.HISTORY_INFO, ["History-Info: <sip:+18005550155@b>;index=1, <sip:+18005550166@b>;index=1.1"], "+18005550155"),
        (DidFrom.HISTORY_INFO, ["History-Info: nonsense"], "+18005550122"),
    ],
)
def test_where_the_dialled_number_is_is_the_trunks_affair(did_from: DidFrom, lines: list[str], number: str) -> None:
    there = [line for line in lines if not line.startswith("To")]
    trunk = TrunkIdentity(did_from=did_from)
    assert dialled_number("sip:8005550122@192.0.2.1", headers(*there), trunk).number == number


def test_a_tech_prefix_is_stripped_where_it_stands() -> None:
    trunk = TrunkIdentity(tech_prefix="1234*")
    assert dialled_number("sip:1234*18005550100@h", headers(), trunk).number == "+18005550100"
    assert dialled_number("sip:18005550100@h", headers(), trunk).number == "+18005550100"


@pytest.mark.parametrize(
    ("uri", "tags"),
    [
        ("sip:+18005550100;rn=+1-212-555-0000;npdi;cic=+1-0222@h", {"rn": "+12125550000", "npdi": True, "cic": "+10222"}),
        ("tel:+18005550100;npdi=yes;rn=2125550000;rn-context=+1", {"rn": "+12125550000", "npdi": True}),
        ("sip:+18005550100@h;cic=0222", {"cic": "0222"}),
        ("sip:+18005550100;rn=evil%22name;cic=@h", {}),
        ("sip:+18005550100@h", {}),
        ("sip:bob;rn=+12125550000@h", {}),
    ],
)
def test_number_portability_is_kept_as_tags(uri: str, tags: dict[str, object]) -> None:
    """RFC 4694."""
    assert dialled_number(uri, headers()).tags == tags


# what a line is told


@pytest.mark.parametrize(
    ("trusted", "private", "told"),
    [
        (False, False, LineCaller(shown=NUMBER)),
        (False, True, LineCaller(shown="", fields=(("Privacy", "id"),))),
        (True, False, LineCaller(shown=NUMBER, asserted=NUMBER)),
        (True, True, LineCaller(shown="", asserted=NUMBER, fields=(("Privacy", "id"),))),
    ],
)
def test_only_a_trusted_line_knows_a_caller_who_asked_for_privacy(*, trusted: bool, private: bool, told: LineCaller) -> None:
    """RFC 3325 §7."""
    assert line_caller(NUMBER, LineIdentity(trusted=trusted), is_private=private) == told


@pytest.mark.parametrize("trusted", [False, True])
def test_an_anonymous_caller_is_anonymous_to_everybody(*, trusted: bool) -> None:
    assert line_caller("", LineIdentity(trusted=trusted), is_private=False) == LineCaller(shown="")


def test_numbers_are_written_as_the_line_wants_them() -> None:
    told = line_caller(NUMBER, LineIdentity(trusted=True, number_format=NumberFormat.NATIONAL), is_private=False)
    assert told == LineCaller(shown="4155550199", asserted="4155550199")


@pytest.mark.parametrize(("param", "written"), [("", ""), (";user=phone", ";user=phone"), (";user=ip", "")])
def test_user_phone_goes_to_those_who_write_it_themselves(param: str, written: str) -> None:
    uri = f"sip:+12125550101@192.0.2.10{param}"
    assert sender(NUMBER, host="192.0.2.1", uri=uri) == f"<sip:{NUMBER}@192.0.2.1{written}>"
    assert asserted_identity(NUMBER, host="192.0.2.1", uri=uri) == (("P-Asserted-Identity", f"<sip:{NUMBER}@192.0.2.1{written}>"),)
    assert asserted_identity("", host="192.0.2.1", uri=uri) == ()


LISTED = TrunkIdentity(passes=frozenset({"diversion", "x-sub"}))


def test_headers_pass_that_the_trunk_and_the_line_have_on_their_lists() -> None:
    sent = headers(
        "Diversion: <sip:1@d>",
        "X-SUB: a",
        "X-Other: b",
        "Identity: secret",
    )
    offered = passable(sent, LISTED)
    assert [name for name, _ in offered] == ["Diversion", "X-Sub"]
    line = LineIdentity(passes=frozenset({"x-sub", "identity"}))
    assert {name for name, _ in passed_to(line, offered, is_private=False)} == {"X-Sub"}
    assert passable(sent, TrunkIdentity()) == ()
    assert passed_to(LineIdentity(), offered, is_private=False) == ()


def test_nothing_passes_of_a_private_caller_to_a_line_that_is_not_trusted() -> None:
    offered = (("X-Sub", "a"),)
    names = frozenset({"x-sub"})
    assert passed_to(LineIdentity(passes=names), offered, is_private=True) == ()
    assert passed_to(LineIdentity(passes=names, trusted=True), offered, is_private=True) == offered


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Diversion", "<sip:1@d>;reason=unconditional", True),
        ("Diversion", "<sip:1@d>;privacy=off", True),
        ("Diversion", "<sip:1@d>;privacy=full", False),
        ("Diversion", "unreadable", False),
        ("History-Info", "<sip:1@d>;index=1", True),
        ("History-Info", "<sip:1@d?Reason=x&Privacy=none>;index=1", True),
        ("History-Info", "<sip:1@d?Privacy=history>;index=1", False),
    ],
)
def test_who_diverted_may_ask_for_privacy_too(name: str, value: str, *, kept: bool) -> None:
    names = frozenset({name.lower()})
    field = (name, value)
    assert passed_to(LineIdentity(passes=names), (field,), is_private=False) == ((field,) if kept else ())
    assert passed_to(LineIdentity(passes=names, trusted=True), (field,), is_private=False) == (field,)


def test_a_history_that_ends_here_passes_to_nobody() -> None:
    trunk = TrunkIdentity(passes=frozenset({"history-info"}))
    assert passable(Headers([("History-Info", "<sip:1@d>;index=1"), ("Privacy", "history")]), trunk) == ()
    assert len(passable(Headers([("History-Info", "<sip:1@d>;index=1"), ("Privacy", "none")]), trunk)) == 1


@pytest.mark.parametrize(("count", "kept"), [(MAX_PASSED_FIELDS, MAX_PASSED_FIELDS), (MAX_PASSED_FIELDS + 1, MAX_PASSED_FIELDS)])
def test_what_passes_is_bounded_in_number(count: int, kept: int) -> None:
    assert len(passable(Headers([("X-Sub", str(n)) for n in range(count)]), LISTED)) == kept


@pytest.mark.parametrize(("more", "kept"), [(0, 1), (1, 0)])
def test_what_passes_is_bounded_in_size(more: int, kept: int) -> None:
    value = "a" * (MAX_PASSED_CHARS - len("X-Sub") + more)
    assert len(passable(Headers([("X-Sub", value)]), LISTED)) == kept
