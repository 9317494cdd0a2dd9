"""PURE. Challenges requests and verifies their credentials: our side of digest authentication (RFC 3261 §22, RFC 7616, RFC 8760).

A nonce holds the moment it was made and a number of its own, under a MAC with a key of this process: it can't be forged, it runs out, and
nothing is kept for one that was only sent. Kept is how far nc has come, for the nonces in use; a nonce that was used and forgotten
is stale. Which requests must authenticate is decided in `agent`.
"""

import hmac
import re
from collections.abc import Callable
from enum import StrEnum

from switch.sip.digest import MAX_NC, Authorization, Secret, Way, parse_authorization, quoted
from switch.sip.message import Request
from switch.sip.peer import PeerProfile, Realm
from switch.sip.telephone import user_of

NONCE_LIFE_NS = 300 * 1_000_000_000
MAX_NONCES = 10_000
"""Nonces in use whose nc is kept."""
_NONCE = re.compile(r"([0-9a-f]{16})([0-9a-f]{12})([0-9a-f]{32})")
_MAC_DIGITS = 32
_NOBODY = Secret("")


class Verdict(StrEnum):
    NONE = "none"
    """No credentials for our realm."""
    STALE = "stale"
    """They would do, but the nonce has run out, or its nc was used: to be challenged again with `stale` (RFC 7616 §3.3)."""
    WRONG = "wrong"
    GOOD = "good"


class Authenticator:
    """One agent's. `token`: returns a new unguessable token at each call; the key is drawn from it at the first challenge."""

    __slots__ = ("_floor", "_key", "_serial", "_token", "_used")

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token
        self._key = b""
        self._serial = 0
        self._floor = 0
        self._used: dict[int, int] = {}

    def challenges(self, realm: Realm, now_ns: int, *, is_stale: bool) -> tuple[tuple[str, str], ...]:
        """Returns the WWW-Authenticate fields of a 401, one for each algorithm, in order of preference (RFC 8760 §2.4)."""
        self._serial += 1
        nonce = self._nonce(realm, f"{now_ns:016x}{self._serial:012x}")
        stale = ", stale=true" if is_stale else ""
        head = f'Digest realm={quoted(realm.name)}, nonce="{nonce}", qop="auth"'
        return tuple([("WWW-Authenticate", f"{head}, algorithm={each}{stale}") for each in realm.algorithms])

    def verify(self, request: Request, realm: Realm, now_ns: int) -> tuple[Verdict, PeerProfile | None]:
        """Returns what the credentials of a request are worth, and where they are good the peer whose they are."""
        given = _credentials(request, realm)
        if given is None:
            return Verdict.NONE, None
        peer, secret = realm.accounts.get(given.username, (None, _NOBODY))  # as long a computation for a name that nobody has
        is_right = hmac.compare_digest(
            given.expected(secret, request.method).encode(), given.response.encode(errors="surrogateescape")
        )
        if peer is None or not is_right or not _is_for(given.uri, request.uri):
            return Verdict.WRONG, None
        return (Verdict.GOOD, peer) if self._takes(given, realm, now_ns) else (Verdict.STALE, None)

    def _takes(self, given: Authorization, realm: Realm, now_ns: int) -> bool:
        """Returns whether the nonce is ours, in its time, and this nc was not used with it; then it is. Without nc it serves once."""
        match = _NONCE.fullmatch(given.nonce)
        if match is None or not self._key:
            return False
        head = match[1] + match[2]
        made_ns, serial = int(match[1], 16), int(match[2], 16)
        is_ours = hmac.compare_digest(self._nonce(realm, head), given.nonce)
        if not is_ours or now_ns - made_ns > NONCE_LIFE_NS:
            return False
        if serial not in self._used and serial <= self._floor:
            return False
        count = MAX_NC if given.nc is None else given.nc
        if count <= self._used.get(serial, 0):
            return False
        self._keep(serial, count)
        return True

    def _keep(self, serial: int, count: int) -> None:
        """Beyond the bound the nonce that came into use first is forgotten; with it all older ones that are not in use are stale."""
        self._used[serial] = count
        if len(self._used) > MAX_NONCES:
            forgotten = next(iter(self._used))
            del self._used[forgotten]
            self._floor = max(self._floor, forgotten)

    def _nonce(self, realm: Realm, head: str) -> str:
        if not self._key:
            self._key = "".join([self._token() for _ in range(4)]).encode()
        mac = hmac.new(self._key, f"{head}:{realm.name}".encode(), "sha256").hexdigest()
        return head + mac[:_MAC_DIGITS]


def _credentials(request: Request, realm: Realm) -> Authorization | None:
    """Returns the first credentials for our realm, by an algorithm that we offered."""
    for value in request.headers.all("Authorization"):
        given = parse_authorization(value)
        if given is not None and given.realm == realm.name and given.way in [Way(each) for each in realm.algorithms]:
            return given
    return None


def _is_for(uri: str, request_uri: str) -> bool:
    """Returns whether credentials made for `uri` are for this request. Proxies rewrite host and port (RFC 3261 §22.4), so the called
    number alone must be the same: credentials that were overheard must not call another."""
    return uri == request_uri or user_of(uri) == user_of(request_uri)
