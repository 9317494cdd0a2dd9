"""PURE. Digest authentication (RFC 3261 §22, RFC 7616, RFC 8760): challenges and credentials as values, and the client that answers.

Our own challenges are in `authenticator`. Algorithms are MD5, SHA-256 and SHA-512-256 (where hashlib has it), each with `-sess`. Of qop
there is `auth`: a challenge for `auth-int` alone is not answered. `userhash`, `domain`, `charset` and Authentication-Info with its
`nextnonce` are read past: a server whose nonce has run out says `stale`.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from switch.sip.headers import TOKEN
from switch.sip.message import Request, Response

MAX_AUTH_CHARS = 4_096
"""Of one header value; a longer one is no challenge and no credentials."""
MAX_AUTH_PARAMS = 32
MAX_CHALLENGES = 8
"""Of one answer; further ones are not looked at."""
MAX_TRIES = 2
"""How often one request is sent again with credentials."""
MAX_NC = 0xFFFF_FFFF


class Algorithm(StrEnum):
    """As RFC 7616 §6.1 and RFC 8760 §2.1 name them."""

    MD5 = "MD5"
    SHA_256 = "SHA-256"
    SHA_512_256 = "SHA-512-256"


_HASHES = {Algorithm.MD5: "md5", Algorithm.SHA_256: "sha256", Algorithm.SHA_512_256: "sha512_256"}
ALGORITHMS = tuple(each for each in Algorithm if _HASHES[each] in hashlib.algorithms_available)
"""The algorithms that this build of hashlib has, the strongest last."""
_BY_NAME = {each.upper(): each for each in ALGORITHMS}
_SESSION = "-SESS"

_PARAM = re.compile(rf'[ \t,]*+({TOKEN})[ \t]*+=[ \t]*+(?:"((?:[^"\\]++|\\.)*+)"|([^ \t",]++))')
_SCHEME = re.compile(rf"[ \t,]*+({TOKEN})[ \t]++(?={TOKEN}[ \t]*+=)")
_QUOTED_PAIR = re.compile(r"\\(.)")


class Secret:
    """A password. Nothing that shows a value shows it: `reveal` is the only way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a challenge is answered with."""

    username: str
    secret: Secret


class Way(NamedTuple):
    """How a response is computed. `is_session`: `-sess`, which hashes nonce and cnonce into A1 (RFC 7616 §3.4.2)."""

    algorithm: Algorithm = Algorithm.MD5
    is_session: bool = False

    def __str__(self) -> str:
        return f"{self.algorithm}{'-sess' if self.is_session else ''}"


PLAIN_MD5 = Way()
"""What holds where no algorithm is named (RFC 7616 §3.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One WWW-Authenticate or Proxy-Authenticate value that we can answer. `has_qop` False: RFC 2069, without nc and cnonce.

    `opaque` None: there was none.
    """

    realm: str
    nonce: str
    way: Way = PLAIN_MD5
    has_qop: bool = True
    opaque: str | None = None
    is_stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """One Authorization or Proxy-Authorization value. `nc` and `cnonce` None: without qop (RFC 2069)."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    way: Way = PLAIN_MD5
    nc: int | None = None
    cnonce: str | None = None
    opaque: str | None = None

    def expected(self, secret: Secret, method: str) -> str:
        """Returns the `response` of one who knows `secret`, for a request with this `method` (RFC 7616 §3.4.1)."""
        algorithm = self.way.algorithm
        a1 = _hash(algorithm, f"{self.username}:{self.realm}:{secret.reveal()}")
        if self.way.is_session:
            a1 = _hash(algorithm, f"{a1}:{self.nonce}:{self.cnonce or ''}")
        a2 = _hash(algorithm, f"{method}:{self.uri}")
        if self.nc is None:
            return _hash(algorithm, f"{a1}:{self.nonce}:{a2}")
        return _hash(algorithm, f"{a1}:{self.nonce}:{self.nc:08x}:{self.cnonce or ''}:auth:{a2}")

    def __str__(self) -> str:
        """RFC 7616 §3.4: `algorithm`, `qop` and `nc` go without quotes."""
        parts = [
            f'Digest username="{_escaped(self.username)}"',
            f'realm="{_escaped(self.realm)}"',
            f'nonce="{_escaped(self.nonce)}"',
            f'uri="{_escaped(self.uri)}"',
            f'response="{self.response}"',
            f"algorithm={self.way}",
        ]
        if self.nc is not None:
            parts += ["qop=auth", f"nc={self.nc:08x}"]
        if self.cnonce is not None:
            parts.append(f'cnonce="{_escaped(self.cnonce)}"')
        if self.opaque is not None:
            parts.append(f'opaque="{_escaped(self.opaque)}"')
        return ", ".join(parts)


def parse_challenges(text: str) -> Iterator[Challenge]:
    """Yields the challenges in one header value that we can answer. RFC 3261 §7.3 has one a line, some peers write several."""
    for params in _digests(text):
        realm, nonce, way = params.get("realm"), params.get("nonce"), _way(params)
        qop = params.get("qop")
        options = None if qop is None else [option.strip(" \t").lower() for option in qop.split(",")]
        if realm is None or not nonce or way is None or (options is not None and "auth" not in options):
            continue
        is_stale = params.get("stale", "").lower() == "true"
        yield Challenge(
            realm=realm, nonce=nonce, way=way, has_qop=options is not None, opaque=params.get("opaque"), is_stale=is_stale
        )


def parse_authorization(text: str) -> Authorization | None:
    """Returns the credentials of one header value, or None: another scheme, an algorithm or qop that we do not have, or incomplete."""
    for params in _digests(text):
        way, nc, qop = _way(params), params.get("nc", ""), params.get("qop")
        values = [params.get(name) for name in ("username", "realm", "nonce", "uri", "response")]
        has_count = re.fullmatch(r"[0-9A-Fa-f]{8}", nc) is not None
        if way is None or (qop is not None and (qop.lower() != "auth" or not has_count or "cnonce" not in params)):
            return None
        username, realm, nonce, uri, response = values
        if username is None or realm is None or nonce is None or uri is None or response is None:
            return None
        return Authorization(
            username=username,
            realm=realm,
            nonce=nonce,
            uri=uri,
            response=response.lower(),
            way=way,
            nc=None if qop is None else int(nc, 16),
            cnonce=params.get("cnonce"),
            opaque=params.get("opaque"),
        )
    return None


def quoted(text: str) -> str:
    """`text` as a quoted-string (RFC 3261 §25.1)."""
    return f'"{_escaped(text)}"'


_ANSWERED_IN = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
"""By status: the header of the challenge, and that of its answer (RFC 3261 §22.2, §22.3)."""


@dataclass(slots=True, kw_only=True)
class _Space:
    """A protection space that has challenged us. `cnonce`: one for each nonce, since `-sess` binds the two. `count`: nc used so far."""

    challenge: Challenge
    cnonce: str
    count: int = 0


@dataclass(slots=True, kw_only=True)
class DigestClient:
    """Answers the challenges of one peer with `credentials`, in one dialog or registration; goes on with a nonce until it is told a new
    one. `token`: returns a new unguessable token at each call."""

    credentials: Credentials
    token: Callable[[], str]
    _spaces: dict[tuple[str, str], _Space] = field(default_factory=dict)

    def takes(self, response: Response, request: Request, *, tries: int) -> bool:
        """Returns whether `request`, which a 401 or 407 came to, is worth sending again with `fields`. `tries`: how often it was already.

        The second time only where the challenge says `stale` or is another realm's: else the credentials are wrong (RFC 3261 §22.2)."""
        names = _ANSWERED_IN.get(response.status)
        found = () if names is None else _strongest(response.headers.all(names[0]))
        if names is None or not found or tries >= MAX_TRIES:
            return False
        answered = {given.realm for value in request.headers.all(names[1]) if (given := parse_authorization(value))}
        if tries and not any(each.is_stale or each.realm not in answered for each in found):
            return False
        for each in found:
            if len(self._spaces) < MAX_CHALLENGES or (names[1], each.realm) in self._spaces:
                self._spaces[names[1], each.realm] = _Space(challenge=each, cnonce=self.token())
        return True

    def fields(self, method: str, uri: str) -> tuple[tuple[str, str], ...]:
        """Returns the credentials for a new request, none before the first challenge. Each use counts nc up."""
        return tuple([(header, str(self._answer(space, method, uri))) for (header, _), space in self._spaces.items()])

    def _answer(self, space: _Space, method: str, uri: str) -> Authorization:
        challenge = space.challenge
        space.count = min(space.count + 1, MAX_NC)
        needs_cnonce = challenge.has_qop or challenge.way.is_session
        blank = Authorization(
            username=self.credentials.username,
            realm=challenge.realm,
            nonce=challenge.nonce,
            uri=uri,
            response="",
            way=challenge.way,
            nc=space.count if challenge.has_qop else None,
            cnonce=space.cnonce if needs_cnonce else None,
            opaque=challenge.opaque,
        )
        return replace(blank, response=blank.expected(self.credentials.secret, method))


def _strongest(values: Iterable[str]) -> list[Challenge]:
    """Returns one challenge for each realm, the strongest (RFC 8760 §2.4): a peer may offer the same realm by several algorithms."""
    best: dict[str, Challenge] = {}
    challenges = [challenge for value in values for challenge in parse_challenges(value)]
    for challenge in challenges[:MAX_CHALLENGES]:
        known = best.get(challenge.realm)
        if known is None or ALGORITHMS.index(challenge.way.algorithm) > ALGORITHMS.index(known.way.algorithm):
            best[challenge.realm] = challenge
    return list(best.values())


def _digests(text: str) -> Iterator[dict[str, str]]:
    """Yields the parameters of each `Digest` in a header value, names in lower case. What can't be read ends the value, and what was
    begun with it is left out; so is a parameter that is there twice."""
    position, scheme, params = 0, "", dict[str, str]()
    text = text.rstrip(" \t,") if len(text) <= MAX_AUTH_CHARS else ""
    while position < len(text):
        if begun := _SCHEME.match(text, position):
            if scheme == "digest":
                yield params
            position, scheme, params = begun.end(), begun[1].lower(), {}
        pair = _PARAM.match(text, position)
        if pair is None or len(params) >= MAX_AUTH_PARAMS or pair[1].lower() in params:
            return
        params[pair[1].lower()] = pair[3] if pair[2] is None else _QUOTED_PAIR.sub(r"\1", pair[2])
        position = pair.end()
    if scheme == "digest":
        yield params


def _way(params: dict[str, str]) -> Way | None:
    """Returns None for an algorithm that we do not have."""
    name = params.get("algorithm", Algorithm.MD5).upper()
    algorithm = _BY_NAME.get(name.removesuffix(_SESSION))
    return None if algorithm is None else Way(algorithm, name.endswith(_SESSION))


def _hash(algorithm: Algorithm, text: str) -> str:
    return hashlib.new(_HASHES[algorithm], text.encode(errors="surrogateescape"), usedforsecurity=False).hexdigest()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
