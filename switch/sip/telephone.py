"""PURE. Reads telephone numbers from URIs (RFC 3966, RFC 3261 §19.1.6), and reads and writes them in the forms that trunks and lines use.

Inside the switch a number is E.164 with `+`; what can't be read so stays as it came. Which header a number stands in is in `identity`.
"""

import re
from enum import StrEnum

from routing.geo import is_e164, to_e164
from switch.sip.headers import UriParams, cached, param, parse_uri, unescape

MAX_USER_CHARS = 64
"""Four times the longest telephone number (E.164)."""
INTERNATIONAL_PREFIX = "011"
"""Dialled before a country code in North America."""

_TEL = re.compile(r'[Tt][Ee][Ll]:([^\x00-\x20"<>\x7f;?@]++)((?:;[^\x00-\x20"<>\x7f@]*+)?+)')
_TELEPHONE = re.compile(r"(?=[^0-9]*+[0-9])\+?[0-9*#(][0-9*#.()\- ]*+", re.ASCII)
_CONTEXT = re.compile(r"\+[0-9.()\-]++", re.ASCII)
_SEPARATORS = str.maketrans("", "", "-.() ")


class NumberFormat(StrEnum):
    """How a trunk or line writes numbers."""

    NATIONAL = "national"
    """As in North America: ten digits, or eleven with 1; others behind `011`. Read besides: E.164 with `+`."""
    E164 = "e164"
    """The whole number with its country code, and `+`. Read besides: without."""
    PLAIN = "plain"
    """As E.164, without `+`. Only written."""
    RAW = "raw"
    """Nothing is made of a number. Only read."""


def read_number(written: str, form: NumberFormat = NumberFormat.NATIONAL) -> str:
    """Returns a number that came from a trunk in E.164; or as it was written, where it can't be read so."""
    if form is NumberFormat.RAW:
        return written
    digits = written.translate(_SEPARATORS)
    if form is NumberFormat.NATIONAL:
        if not digits.startswith(INTERNATIONAL_PREFIX):
            return to_e164(written)
        digits = digits.removeprefix(INTERNATIONAL_PREFIX)
    number = digits if digits.startswith("+") else f"+{digits}"
    return number if is_e164(number) else written


def write_number(number: str, form: NumberFormat) -> str:
    """Returns a number in the form that a line wants. What is not E.164 stays as it is."""
    if not is_e164(number):
        return number
    match form:
        case NumberFormat.E164 | NumberFormat.RAW:
            return number
        case NumberFormat.PLAIN:
            return number[1:]
        case NumberFormat.NATIONAL:
            return number[2:] if number.startswith("+1") and len(number) == 12 else INTERNATIONAL_PREFIX + number[1:]


def is_telephone(user: str) -> bool:
    """Returns whether the user of a URI is written as a telephone number is, dial string or extension included."""
    return _TELEPHONE.fullmatch(user) is not None


def user_of(text: str) -> str:
    """The user of a sip or sips URI, or the number of a tel URI without its visual separators; "" when there is none.

    A telephone number loses its own parameters: they say how the number was routed, not which it is (`telephone_params`). A local number
    is joined to its `phone-context` where that is the beginning of a global one (RFC 3966 §5.1.5). A name that is too long or not
    printable gives "": it would go into logs, records and the INVITE to a line.
    """
    user, params = _subscriber(text)
    context = param(params, "phone-context") if params else None
    if context and _CONTEXT.fullmatch(context) and not user.startswith("+"):
        joined = (context + user).translate(_SEPARATORS)
        user = joined if is_e164(joined) else user
    return user if len(user) <= MAX_USER_CHARS and user.isprintable() else ""


def telephone_params(text: str) -> UriParams:
    """Returns the parameters of the telephone number in a URI, unescaped: RFC 3966 §3, RFC 4694. Those that stand behind the host are
    among them, since gateways put them there."""
    return _subscriber(text)[1]


@cached
def _subscriber(text: str) -> tuple[str, UriParams]:
    """The user as written, and the parameters of a telephone number; none of another user."""
    tel = _TEL.fullmatch(text)
    if tel is not None:
        return (unescape(tel[1]) or "").translate(_SEPARATORS), _pairs(unescape(tel[2]) or "")
    uri = parse_uri(text)
    user = (uri.user if uri else None) or ""
    number, _, rest = user.partition(";")
    if uri is None or not is_telephone(number):
        return user, ()
    return number, (*_pairs(rest), *uri.params) if rest else uri.params


def _pairs(text: str) -> UriParams:
    parts = [part.partition("=") for part in text.split(";") if part]
    return tuple([(name.lower(), value if equals else None) for name, equals, value in parts])
