"""Numbers in URIs, and the forms in which trunks and lines write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.geo import is_e164
from switch.sip.telephone import MAX_USER_CHARS, NumberFormat, read_number, telephone_params, user_of, write_number

NATIONAL, E164, PLAIN, RAW = NumberFormat.NATIONAL, NumberFormat.E164, NumberFormat.PLAIN, NumberFormat.RAW


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:5550100;phone-context=+1800@h:5060;user=phone", "+18005550100"),
        ("sip:555-0100;phone-context=+1-800@h", "+18005550100"),
        ("sip:5550100@h;user=phone;phone-context=+1800", "+18005550100"),
        ("tel:5550100;phone-context=+1800", "+18005550100"),
        ("tel:555.0100;isub=1;phone-context=+1800", "+18005550100"),
        ("sip:5550100;phone-context=example.com@h", "5550100"),
        ("sip:5550100;phone-context=+example.com@h", "5550100"),
        ("sip:+18005550100;phone-context=+44@h", "+18005550100"),
        ("sip:5550100;phone-context=+1234567890@h", "5550100"),  # 17 digits are no number
        ("sip:carol;phone-context=+1800@h", "carol;phone-context=+1800"),
        ("tel:5550100;phone-context=%0a", "5550100"),
    ],
)
def test_a_local_number_is_joined_to_its_context(uri: str, user: str) -> None:
    """RFC 3966 §5.1.5."""
    assert user_of(uri) == user


@pytest.mark.parametrize(
    "uri", ["sip:+18005550100;rn=+1555;npdi@h", "tel:+18005550100;RN=+1555;npdi", "sip:+18005550100@h;rn=+1555;npdi"]
)
def test_parameters_of_a_number_stand_in_the_user_or_behind_the_host(uri: str) -> None:
    assert telephone_params(uri) == (("rn", "+1555"), ("npdi", None))


def test_a_name_has_no_parameters_of_a_number() -> None:
    assert telephone_params("sip:carol;rn=1@h;user=phone") == ()


@pytest.mark.parametrize(("chars", "kept"), [(MAX_USER_CHARS, True), (MAX_USER_CHARS + 1, False)])
def test_a_number_is_bounded(chars: int, *, kept: bool) -> None:
    assert user_of(f"sip:{'1' * chars};npdi@h") == ("1" * chars if kept else "")


@pytest.mark.parametrize(
    ("written", "form", "number"),
    [
        ("8005550100", NATIONAL, "+18005550100"),
        ("18005550100", NATIONAL, "+18005550100"),
        ("+442079460000", NATIONAL, "+442079460000"),
        ("011442079460000", NATIONAL, "+442079460000"),
        ("011 44 20 7946 0000", NATIONAL, "+442079460000"),
        ("442079460000", NATIONAL, "442079460000"),
        ("0114420", NATIONAL, "0114420"),
        ("442079460000", E164, "+442079460000"),
        ("+1 (800) 555-0100", E164, "+18005550100"),
        ("4155550100", E164, "+4155550100"),
        ("1001", E164, "1001"),
        ("8005550100", RAW, "8005550100"),
        ("+18005550100", RAW, "+18005550100"),
        ("", E164, ""),
    ],
)
def test_a_number_is_read_as_the_trunk_writes_it(written: str, form: NumberFormat, number: str) -> None:
    assert read_number(written, form) == number


@pytest.mark.parametrize(
    ("number", "form", "written"),
    [
        ("+18005550100", E164, "+18005550100"),
        ("+18005550100", PLAIN, "18005550100"),
        ("+18005550100", NATIONAL, "8005550100"),
        ("+442079460000", PLAIN, "442079460000"),
        ("+442079460000", NATIONAL, "011442079460000"),
        ("1001", NATIONAL, "1001"),
        ("", PLAIN, ""),
    ],
)
def test_a_number_is_written_as_the_line_wants_it(number: str, form: NumberFormat, written: str) -> None:
    assert write_number(number, form) == written


@given(st.from_regex(r"\+1[2-9][0-8][0-9][2-9][0-9]{6}", fullmatch=True), st.sampled_from([NATIONAL, E164]))
def test_what_is_written_is_read_the_same(number: str, form: NumberFormat) -> None:
    assert read_number(write_number(number, form), form) == number


@given(st.text(alphabet="+0123456789-.() *#", max_size=24), st.sampled_from(NumberFormat))
def test_a_text_becomes_a_number_or_stays_as_it_is(text: str, form: NumberFormat) -> None:
    number = read_number(text, form)
    assert is_e164(number) or number == text
