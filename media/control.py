"""PURE. The messages that the engine and a media worker exchange: msgpack over one local SOCK_SEQPACKET socket, one message a packet.

Only the shape of the messages is here, no sockets, audio or calls. A `port` is the even local UDP port of one leg's RTP and
its name on the worker; the engine gives ports out, the worker only binds them. Moments are the machine's monotonic nanoseconds
(CLOCK_MONOTONIC), the same in every process of one machine.
"""

from enum import StrEnum

import msgspec

from switch.codec import ANY_OPUS, OpusWishes

MAX_MESSAGE_BYTES = 65_536
MAX_HEARTBEAT_PORTS = 1_000
MAX_NAMES = 400
"""Of prompts: of 64 characters, with keys of 64."""


class Latch(StrEnum):
    """Where a leg's packets may come from, besides the signalled address. `host`: another port of that host, once, before anything has
    come. `any-first-seconds`: anywhere, for the first three seconds, until something has come; then as `host`."""

    STRICT = "strict"
    HOST = "host"
    ANY_FIRST_SECONDS = "any-first-seconds"


class SrtpSuite(StrEnum):
    """A crypto suite, by its name in SDP (RFC 4568 §6.2, RFC 7714 §14.2)."""

    AEAD_AES_256_GCM = "AEAD_AES_256_GCM"
    AEAD_AES_128_GCM = "AEAD_AES_128_GCM"
    AES_CM_128_HMAC_SHA1_80 = "AES_CM_128_HMAC_SHA1_80"
    AES_CM_128_HMAC_SHA1_32 = "AES_CM_128_HMAC_SHA1_32"


class Srtp(msgspec.Struct, frozen=True, kw_only=True):
    """A leg is encrypted. `send`: master key and salt of what we send; `receive`: of what comes. Both are secret."""

    suite: SrtpSuite
    send: bytes
    receive: bytes

    def __repr__(self) -> str:
        return f"Srtp(suite={self.suite.value}, ...)"


class RemoteMedia(msgspec.Struct, frozen=True, kw_only=True):
    """Where a leg's far end says its RTP is, and how its payloads are numbered.

    `codec`: what we send, by its number in `switch.codec.Codec`; `payload_type`: the number it wants that under. `dtmf_type`: its number of
    telephone-event, or None; `takes_tones`: then it is sent DTMF tones for digits. All of these types may come, too. `audio_types`,
    `dtmf_types`: further numbers that may come, of audio each with its codec.
    `cn_type`: its number of comfort noise (RFC 3389), or None.
    `ptime_ms`: how long it wants packets to be that we make ourselves. `opus`: how it wants Opus.
    `sends`: it says it will send us RTP (not inactive, not recvonly): only then does silence count as lost.
    `receives`: it wants RTP from us (False: on hold). `held`: on hold, by it or by us: its silence is lost only after the hold timeout.
    `moved`: a re-INVITE gave this address: until its first packet comes, the same (some hold so).
    `learns`: `host` is a guess; the first packet from anywhere says where it is.
    `rtcp_mux`: its RTCP is on the port of RTP (RFC 5761). `rtcp_port`: where it is else (RFC 3605); None: on the next one.
    `latch`: from where packets may come. `follows_nat`: also from another port of its host that a NAT gives it in the call.
    `srtp`: its RTP and RTCP are encrypted, both ways; None: plain.
    """

    host: str
    port: int
    codec: int = 0
    payload_type: int = 0
    dtmf_type: int | None = 101
    takes_tones: bool = False
    cn_type: int | None = None
    audio_types: dict[int, int] = {}
    dtmf_types: tuple[int, ...] = ()
    ptime_ms: int = 20
    opus: OpusWishes = ANY_OPUS
    learns: bool = False
    latch: Latch = Latch.HOST
    follows_nat: bool = False
    held: bool = False
    moved: bool = False
    sends: bool = True
    receives: bool = True
    rtcp_mux: bool = False
    rtcp_port: int | None = None
    srtp: Srtp | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all messages; the tag on the wire is the class name."""


# engine -> worker


class Open(Message, frozen=True, kw_only=True):
    """Bind `port` of `host`, an address of ours of the far end's family, and start counting. `peer` None: not known yet (an offer is out);
    nothing is sent until `SetRemote`."""

    host: str
    port: int
    peer: RemoteMedia | None = None


class SetRemote(Message, frozen=True, kw_only=True):
    """The far end's address or payload types are known or changed (answer, re-INVITE). Latching starts anew when they differ."""

    port: int
    peer: RemoteMedia


class SetPrompts(Message, frozen=True, kw_only=True):
    """From now on these names of prompts have these keys (`media.prompts.source.key_of`); other names keep theirs. At most
    `MAX_NAMES` a message."""

    keys: dict[str, str]


class Play(Message, frozen=True, kw_only=True):
    """Play a prompt (`prompt` is its name) once; ends with `PlayFinished(port, play)`. Replaces what plays."""

    port: int
    play: int
    prompt: str


class PlayMusic(Message, frozen=True, kw_only=True):
    """Play a prompt over and over, until `StopPlay`, `Play`, `Ringback` or `Bridge`. `PlayFinished(port, play=0)` only tells that it
    can't be played."""

    port: int
    prompt: str


class Ringback(Message, frozen=True, kw_only=True):
    """Play the ringing tone of a country (`media.ringing_tones`) until `StopPlay`, `Play` or `Bridge`."""

    port: int
    country: str


class StopPlay(Message, frozen=True, kw_only=True):
    """Stop what plays; no `PlayFinished` follows."""

    port: int


class SendDigit(Message, frozen=True, kw_only=True):
    """Send one RFC 4733 digit, behind those that are on their way (`media.worker.digits.MAX_DIGITS`). Meanwhile the far end hears nothing
    else. Where no telephone-event was agreed on it is a tone, if the peer `takes_tones`. Does nothing else, and nothing where something
    plays."""

    port: int
    digit: str
    duration_ms: int


class Bridge(Message, frozen=True, kw_only=True):
    """Relay between two open ports, both ways. Stops what plays on either."""

    a: int
    b: int


class Unbridge(Message, frozen=True, kw_only=True):
    """Stop relaying between `port` and its partner."""

    port: int


class Tap(Message, frozen=True, kw_only=True):
    """Copy the audio of `port` that is `received` or `sent` to the consumer whose UNIX datagram socket is at `path` (`media.tap_frame`).
    `tap`: the number that its frames carry. Ends with `Untap`, or `Close`. Where nobody listens there, it is a problem and no tap."""

    port: int
    tap: int
    path: str
    received: bool = True
    sent: bool = True


class Untap(Message, frozen=True, kw_only=True):
    """End a tap; frames that were taken are still sent."""

    port: int
    tap: int


class Close(Message, frozen=True, kw_only=True):
    """Unbind; answered by `Closed` with the leg's counters. Unknown ports are answered too (zero counters)."""

    port: int


class Quit(Message, frozen=True, kw_only=True):
    """Close everything and exit 0."""


Order = (
    SetPrompts
    | Open
    | SetRemote
    | Play
    | PlayMusic
    | Ringback
    | StopPlay
    | SendDigit
    | Bridge
    | Unbridge
    | Tap
    | Untap
    | Close
    | Quit
)


# worker -> engine


class Ready(Message, frozen=True, kw_only=True):
    """First message of a worker."""

    pid: int


class OpenFailed(Message, frozen=True, kw_only=True):
    """The port could not be bound."""

    port: int
    why: str


class DigitReceived(Message, frozen=True, kw_only=True):
    """One RFC 4733 digit (0-9 * # A-D) is pressed. Reported once, when the first packet of the press comes, however many come."""

    port: int
    digit: str
    at_ns: int


class Heard(Message, frozen=True, kw_only=True):
    """The first audio of `port` since `Bridge`, or since `Quiet`, that was passed on to its partner. `both`: the partner's was before.
    Told at once where both are heard, or were quiet, else within two seconds."""

    port: int
    at_ns: int
    both: bool


class Quiet(Message, frozen=True, kw_only=True):
    """Neither `port` nor its partner has been heard for five seconds, although neither is on hold or sends RTCP. `since_ns`: when the last
    audio of the two was passed on, or, where none was, when they were bridged. Told once, until one is `Heard` again."""

    port: int
    since_ns: int


class PlayFinished(Message, frozen=True, kw_only=True):
    """Prompt `play` ran to its end, or could not be played (`why`)."""

    port: int
    play: int
    at_ns: int
    why: str | None = None


class MediaTimeout(Message, frozen=True, kw_only=True):
    """Nothing heard for the RTP timeout; for the hold timeout from a peer on hold, from one that sends RTCP, or from one that need not
    send and whose partner does not either. `last_ns`: when the last packet was heard, of the two where the peer need not send; None when
    none was."""

    port: int
    last_ns: int | None


class FarEnd(msgspec.Struct, frozen=True, kw_only=True):
    """What a far end reported of the audio that it was sent, by RTCP. `expected`: packets by their numbers, up to its last report; `lost`:
    of these, those included that were lost before they came to us. `jitter_us`: the mean of its reports. By XR (RFC 3611), where it sends
    that: `discarded`, the share that came too late to be played, and `mos`."""

    expected: int
    lost: int
    jitter_us: int
    discarded: float = 0.0
    mos: float | None = None


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """Per leg. `received`: packets that were heard, from its far end, with a payload of an agreed type; `first_ns`, `last_ns`: when.
    `unheard`: other RTP from there. `stray`: packets from elsewhere than the latched source. `malformed`: not RTP. `unauthentic`:
    on an encrypted leg, packets that its far end's key did not protect, and those that came before. Octets are RTP payload octets."""

    received: int = 0
    received_octets: int = 0
    sent: int = 0
    sent_octets: int = 0
    unheard: int = 0
    stray: int = 0
    malformed: int = 0
    unauthentic: int = 0
    first_ns: int | None = None
    last_ns: int | None = None


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """How well a leg's audio arrived. `lost`: packets that are missing among those of the far end, by their numbers. `jitter_us`: RFC 3550
    A.8, the mean of one figure a second; `max_jitter_us`: the highest of these. `gap_us`: the longest time between two packets, of a far
    end that did not mean to be silent. `round_trip_us`: the mean of what RTCP measured. None: not known."""

    lost: int = 0
    jitter_us: int | None = None
    max_jitter_us: int | None = None
    gap_us: int | None = None
    round_trip_us: int | None = None
    far_end: FarEnd | None = None


class Closed(Message, frozen=True, kw_only=True):
    port: int
    counters: Counters
    quality: Quality = Quality()


class Heartbeat(Message, frozen=True, kw_only=True):
    """Every second: for each open port that has been heard, when its last packet came; `MAX_HEARTBEAT_PORTS` a message at most."""

    at_ns: int
    last: dict[int, int]


Report = Ready | OpenFailed | DigitReceived | Heard | Quiet | PlayFinished | MediaTimeout | Closed | Heartbeat


class WorkerProblem(Message, frozen=True, kw_only=True):
    """An unexpected error while `doing` something, for the log. `trace`: its traceback, "" where it is no exception."""

    doing: str
    why: str
    trace: str = ""


encode = msgspec.msgpack.Encoder().encode
decode_order = msgspec.msgpack.Decoder(Order).decode
decode_report = msgspec.msgpack.Decoder(Report | WorkerProblem).decode
