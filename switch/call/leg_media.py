"""PURE. What is known of a leg's audio once it is over: how much was received and sent, and how well it arrived."""

from dataclasses import asdict, dataclass

from switch.codec import Codec, MosScale


@dataclass(frozen=True, slots=True, kw_only=True)
class LegMedia:
    """Audio of one leg by one port of ours. `leg`: 0 the caller's, else the attempt's number; after a transfer two have the same one, with
    another `port`. `codec`: the last one that was agreed on; None: none was.

    `received_…`: from the far end. Packets and octets are those that were heard. `received_lost`: missing, by their numbers.
    `received_jitter_ms`: RFC 3550 A.8, the mean of one figure a second; `received_jitter_max_ms`: the highest. `received_gap_ms`: the
    longest time between two packets. `sent_…`: to the far end; what is more than packets and octets it has said itself by RTCP (None: it
    did not), with what was lost before it came to us. `round_trip_ms`: the mean, by RTCP. `…_mos`: 1.0 to 4.5, by the E-model, on
    `mos_scale`; `far_mos`: what the far end reckons, by XR, on a scale that it does not tell.

    `unheard`, `stray`, `malformed`: RTP of no agreed payload type, packets from elsewhere, packets that are no RTP: all of them dropped.
    """

    leg: int
    port: int
    codec: str | None
    received_packets: int
    received_octets: int
    received_lost: int
    received_lost_share: float | None
    received_jitter_ms: float | None
    received_jitter_max_ms: float | None
    received_gap_ms: float | None
    received_mos: float | None
    sent_packets: int
    sent_octets: int
    sent_lost: int | None
    sent_lost_share: float | None
    sent_jitter_ms: float | None
    sent_mos: float | None
    far_mos: float | None
    round_trip_ms: float | None
    unheard: int
    stray: int
    malformed: int

    @property
    def mos_scale(self) -> MosScale | None:
        """Returns the scale of its codec; None: the codec has no score. Scores of two scales are not to be compared."""
        codec = None if self.codec is None else Codec.__members__.get(self.codec)
        return None if codec is None else codec.mos_scale


def media_as_json(media: LegMedia) -> dict[str, object]:
    """Returns it as JSON values, `mos_scale` among them."""
    return {**asdict(media), "mos_scale": media.mos_scale}
