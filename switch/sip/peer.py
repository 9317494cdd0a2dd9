"""PURE. Defines how the agent treats the far end of a leg: what config says of a trunk or a line, as far as SIP itself depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from switch.codec import Codec
from switch.sip.capabilities import USUAL, WITH_TRANSFER, Abilities
from switch.sip.digest import Algorithm, Credentials, Secret
from switch.sip.sdes import SrtpMode

DEFAULT_ALGORITHMS = (Algorithm.SHA_256, Algorithm.MD5)
"""What our challenges offer, the strongest first (RFC 8760 §2.4)."""


class DtmfMode(StrEnum):
    """How keys come from a peer and go to it. `auto`: as telephone-event (RFC 4733) where its SDP has it; what comes by INFO counts too.
    `rtp`: as telephone-event only. `info`: by INFO only. `inband`: as tones only. As tones too they come from whoever agreed on no
    telephone-event, but for `info`."""

    AUTO = "auto"
    RTP = "rtp"
    INFO = "info"
    INBAND = "inband"

    @property
    def is_by_events(self) -> bool:
        """Returns whether telephone-event is offered and accepted."""
        return self in {DtmfMode.AUTO, DtmfMode.RTP}

    @property
    def is_by_info(self) -> bool:
        """Returns whether a key that comes by INFO counts: else the same key comes otherwise, too."""
        return self in {DtmfMode.AUTO, DtmfMode.INFO}


class LatchMode(StrEnum):
    """Where a peer's audio may come from, besides the address that it signalled. `host`: another port of that host, before anything has
    come. `any-first-seconds`: anywhere, in the first three seconds, until something has come; then as `host`."""

    STRICT = "strict"
    HOST = "host"
    ANY_FIRST_SECONDS = "any-first-seconds"


class TransferMode(StrEnum):
    """What becomes of a peer's REFER. `refuse`: 403. `follow`: the call goes where it says, if config names that host."""

    REFUSE = "refuse"
    FOLLOW = "follow"


_ABILITIES = {TransferMode.REFUSE: USUAL, TransferMode.FOLLOW: WITH_TRANSFER}


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerProfile:
    """`name`: of the trunk or line. `nat`: where the source is public and what was signalled is not, the source is used.
    `latch`: where its audio may come from. `follows_nat`: also where a NAT has renumbered it in the call.

    `realm`: where its INVITEs must authenticate; None: its address is enough. `credentials`: what its own challenges are answered with.
    `redirects`: hosts, in lower case, that its 3xx, and its REFER where `transfers` lets it, may send a call to.
    `session_expires_s`: how long a session of it may last without a refresh (RFC 4028); None: we ask for no refreshes.
    `codecs`: what it is offered and answered, best first; (): G.711, first the law that its partner has.
    `srtp`: whether its audio is encrypted.
    """

    name: str = ""
    nat: bool = True
    latch: LatchMode = LatchMode.HOST
    follows_nat: bool = False
    realm: "Realm | None" = None
    credentials: Credentials | None = None
    redirects: tuple[str, ...] = ()
    session_expires_s: int | None = 1800
    codecs: tuple[Codec, ...] = ()
    dtmf: DtmfMode = DtmfMode.AUTO
    srtp: SrtpMode = SrtpMode.OFF
    transfers: TransferMode = TransferMode.REFUSE

    @property
    def abilities(self) -> Abilities:
        """Returns what it may ask of us."""
        return _ABILITIES[self.transfers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Realm:
    """A protection space of ours. `accounts`: by username, the peer that it belongs to, and its secret. `algorithms`: what is offered, in
    that order, and taken."""

    name: str
    accounts: Mapping[str, tuple[PeerProfile, Secret]]
    algorithms: tuple[Algorithm, ...] = DEFAULT_ALGORITHMS


DEFAULT_PEER = PeerProfile()
