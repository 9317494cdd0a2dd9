"""PURE. Decides whose messages are read and whose requests are served: those of trunks' addresses, of peers of live calls, and of who
authenticates (`docs/carriers.md` §1, §10).
"""

from typing import NamedTuple, assert_never

from switch.sip.authenticator import Verdict
from switch.sip.capabilities import Rejection
from switch.sip.core import UserAgentCore
from switch.sip.flow import Flow
from switch.sip.peer import PeerProfile, Realm
from switch.sip.received import ReceivedRequest
from switch.sip.statistics import Statistic
from switch.sip.strangers import SourceBuckets, carries_live_token, is_scanner


class Served(NamedTuple):
    """A request is served as `peer`'s. `rejection`: it is an INVITE that can only be refused so, which leaves a record.
    `has_authenticated`: it came from an unknown address, with good credentials."""

    peer: PeerProfile
    rejection: Rejection | None = None
    has_authenticated: bool = False


class AccessControl:
    """`realm`: where requests from unknown addresses may authenticate; None: they are met with silence."""

    __slots__ = ("_core", "_sources", "realm")

    def __init__(self, core: UserAgentCore) -> None:
        self._core = core
        self._sources = SourceBuckets()
        self.realm: Realm | None = None

    def is_read(self, data: bytes, source: Flow, now_ns: int) -> bool:
        """Returns whether a datagram from an address of no trunk is parsed; one that is not is counted."""
        core, host = self._core, source.host
        if core.is_called(host) or carries_live_token(data, core.is_live_token):
            return True
        dropped = Statistic.SCANNER if is_scanner(data) else None
        if self.realm is not None and dropped is None:
            if self._sources.take(host, now_ns):
                return True
            dropped = Statistic.FLOODED
        core.statistics.add(Statistic.STRANGER, host)
        if dropped is not None:
            core.statistics.add(dropped, host)
        return False

    def authenticate(self, received: ReceivedRequest, source: Flow, peer: PeerProfile | None, now_ns: int) -> Served | None:
        """Returns as whose a request outside our dialogs is served, or None: it got its answer, or silence. `peer`: of the trunk that its
        address belongs to, None: of none. Only an INVITE of a trunk's address must authenticate; of other addresses, where they may call
        at all, everything. Challenges cost no state (§8.2.7): they are computed."""
        core, request = self._core, received.request
        realm = self.realm if peer is None else peer.realm
        if peer is not None and (realm is None or request.method != "INVITE" or received.to_tag):
            return Served(peer)
        if realm is None or received.to_tag:
            core.statistics.add(Statistic.STRANGER, source.host)
            return None
        verdict, account = core.authenticator.verify(request, realm, now_ns)
        match verdict:
            case Verdict.GOOD:
                return None if account is None else Served(account, has_authenticated=peer is None)
            case Verdict.NONE | Verdict.STALE:
                core.statistics.add(Statistic.CHALLENGED, source.host)
                challenges = core.authenticator.challenges(realm, now_ns, is_stale=verdict is Verdict.STALE)
                core.reply_stateless(received, 401, extra=challenges)
            case Verdict.WRONG:
                core.statistics.add(Statistic.UNAUTHORIZED, source.host)
                if peer is not None:
                    return Served(peer, (403, ()))
                core.reply_stateless(received, 403)
            case _:
                assert_never(verdict)
        return None
