"""PURE. Draws our SRTP keys, and says which of them a leg is offered."""

from collections.abc import Callable
from hashlib import sha512

from switch.engine.live import LiveLeg
from switch.sip.sdes import OFFERED_SUITES, Crypto, SrtpMode, Suite

KEY_TOKENS = 8
"""A key is made of so many tokens, of 64 bits each: the longest has 352."""


class SrtpKeyring:
    """`token`: makes unguessable tokens."""

    __slots__ = ("_token",)

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def key(self, leg: LiveLeg, suite: Suite) -> bytes:
        """Returns our key of a leg for a suite: the same as long as the leg lives, so that its stream goes on through each offer."""
        if suite not in leg.keys:
            drawn = "".join([self._token() for _ in range(KEY_TOKENS)])
            leg.keys[suite] = sha512(drawn.encode()).digest()[: suite.key_bytes]
        return leg.keys[suite]

    def offered(self, leg: LiveLeg) -> tuple[Crypto, ...]:
        """Returns the keys that we offer a leg, that of the suite in use first; (): it is offered plain RTP. Further offers stay with what
        was agreed on first."""
        if leg.is_encrypted or (leg.peer.srtp is not SrtpMode.OFF and leg.remote is None and not leg.is_plain):
            in_use = () if leg.remote is None or leg.remote.srtp is None else (Suite(leg.remote.srtp.suite.value),)
            suites = (*in_use, *(suite for suite in OFFERED_SUITES if suite not in in_use))
            return tuple(Crypto(tag=tag, suite=suite, key=self.key(leg, suite)) for tag, suite in enumerate(suites, 1))
        return ()
