"""One direction of audio from codec to codec: what is heard, when, and what becomes of loss."""

from itertools import pairwise, product

import numpy as np
import pytest

from media.dsp.g711 import Samples
from media.dsp.levels import level_db, tone_share
from media.dsp.tones import tone
from media.transcoder.codecs import decoder, encoder
from media.transcoder.opus import OpusError
from media.transcoder.stream import MAX_CONCEALED_MS, MAX_LATE, Coded, TranscodedStream
from switch.codec import Codec, OpusWishes, packet_ms

PCMU, PCMA, G722, OPUS = Codec
PAIRS = [pair for pair in product(Codec, Codec) if pair[0] is not pair[1]]
HZ = 700.0
SECOND = 50  # packets of 20 ms


class Phone:
    """Sends a tone in 20 ms packets."""

    def __init__(self, codec: Codec, *, packets: int = SECOND, ptime_ms: int = 20, timestamp: int = 0xFFFFFFFF - 8_000) -> None:
        rate = codec.sample_rate
        coder = encoder(codec, rate, opus=OpusWishes(with_fec=True))
        samples = tone((HZ,), packets * ptime_ms, level_db=-10.0, rate=rate)
        self.payloads = [coder.encode(frame) for frame in samples.reshape(packets, -1)]
        self.step = codec.clock_rate * ptime_ms // 1_000
        self.timestamp = timestamp

    def to(self, stream: TranscodedStream, number: int, *, later: int = 0, used: int = 0) -> list[Coded]:
        """`later`: timestamps; `used`: sequence numbers of other packets before it."""
        return list(
            stream.packets(
                self.payloads[number],
                sequence=(65_500 + number + used) & 0xFFFF,
                timestamp=(self.timestamp + number * self.step + later) & 0xFFFFFFFF,
            )
        )


def heard(coded: list[Coded], codec: Codec) -> Samples:
    """What a far end plays that knows of no loss."""
    ear = decoder(codec, codec.sample_rate)
    return np.concatenate([ear.decode(each.payload) for each in coded])


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda each: each.name)
def test_a_tone_is_the_same_tone(source: Codec, target: Codec) -> None:
    phone, stream = Phone(source), TranscodedStream(source, target)
    coded = [each for number in range(SECOND) for each in phone.to(stream, number)]
    samples = heard(coded, target)
    assert len(samples) == target.sample_rate
    assert {after.timestamp - before.timestamp for before, after in pairwise(coded)} == {target.clock_rate // 50}
    assert [each.lost for each in coded] == [0] * SECOND
    assert [each.is_first for each in coded] == [True] + [False] * (SECOND - 1)
    settled = samples[target.sample_rate // 5 :]
    assert level_db(settled) == pytest.approx(-10.0, abs=1.0)
    assert tone_share(settled, HZ, rate=target.sample_rate) > 0.95


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
@pytest.mark.parametrize("target", [PCMU, G722, OPUS], ids=lambda each: each.name)
def test_packets_are_as_long_as_the_far_end_wants_them(target: Codec, ptime_ms: int) -> None:
    phone, stream = Phone(PCMA, packets=30, ptime_ms=30), TranscodedStream(PCMA, target, ptime_ms=ptime_ms)
    coded = [each for number in range(30) for each in phone.to(stream, number)]
    length_ms = packet_ms(target, ptime_ms)
    assert len(coded) == 900 // length_ms
    assert len(heard(coded, target)) == len(coded) * length_ms * target.sample_rate // 1_000


@pytest.mark.parametrize(
    ("wanted_ms", "of_g711", "of_opus"),
    [
        (0, 10, 10),
        (10, 10, 10),
        (19, 10, 10),
        (30, 30, 20),
        (39, 30, 20),
        (40, 40, 40),
        (60, 60, 60),
        (61, 60, 60),
        (1_000, 60, 60),
    ],
)
def test_packet_times_are_10_to_60_ms_and_opus_has_four(wanted_ms: int, of_g711: int, of_opus: int) -> None:
    assert (packet_ms(PCMU, wanted_ms), packet_ms(OPUS, wanted_ms)) == (of_g711, of_opus)


@pytest.mark.parametrize(("source", "target"), [(OPUS, PCMU), (G722, OPUS), (PCMU, G722)], ids=lambda each: each.name)
def test_loss_up_to_the_limit_is_concealed(source: Codec, target: Codec) -> None:
    lost = MAX_CONCEALED_MS // 20
    phone, stream = Phone(source), TranscodedStream(source, target)
    coded = [each for number in range(SECOND) if not 20 <= number < 20 + lost for each in phone.to(stream, number)]
    assert len(coded) == SECOND
    assert not any(each.lost for each in coded)
    assert {after.timestamp - before.timestamp for before, after in pairwise(coded)} == {target.clock_rate // 50}
    filled = heard(coded, target)[20 * target.sample_rate // 50 : 21 * target.sample_rate // 50]
    assert level_db(filled) > -25.0


@pytest.mark.parametrize("source", [OPUS, G722, PCMU], ids=lambda each: each.name)
def test_longer_loss_stays_a_gap_of_as_many_packets(source: Codec) -> None:
    lost = MAX_CONCEALED_MS // 20 + 1
    target = PCMA if source is not PCMU else OPUS
    phone, stream = Phone(source), TranscodedStream(source, target)
    coded = [each for number in range(SECOND) if not 20 <= number < 20 + lost for each in phone.to(stream, number)]
    assert [(each.lost, each.is_first) for each in coded[18:22]] == [(0, False), (0, False), (lost, False), (0, False)]
    assert coded[20].timestamp - coded[19].timestamp == (lost + 1) * target.clock_rate // 50


def opus_sizes(wishes: OpusWishes) -> list[int]:
    """Octets of each 20 ms of G.722, in Opus."""
    phone, stream = Phone(G722), TranscodedStream(G722, OPUS, opus=wishes)
    noise = np.random.default_rng(1)
    phone.payloads = [noise.bytes(160) for _ in range(SECOND)]
    return [len(each.payload) for number in range(SECOND) for each in phone.to(stream, number)]


def test_opus_takes_no_more_bits_than_the_far_end_allows() -> None:
    assert 8 * sum(opus_sizes(OpusWishes())) > 22_000
    assert 8 * sum(opus_sizes(OpusWishes(max_bitrate=12_000))) < 14_000


def test_opus_is_of_a_constant_bit_rate_where_the_far_end_wants_that() -> None:
    assert len(set(opus_sizes(OpusWishes()))) > 1
    assert len(set(opus_sizes(OpusWishes(is_constant=True)))) == 1


@pytest.mark.parametrize(("max_rate", "is_narrow"), [(8_000, True), (15_999, True), (16_000, False), (48_000, False)])
def test_opus_has_no_more_band_than_the_far_end_plays(max_rate: int, *, is_narrow: bool) -> None:
    phone, stream = Phone(G722), TranscodedStream(G722, OPUS, opus=OpusWishes(max_rate=max_rate))
    coder = encoder(G722, 16_000)
    phone.payloads = [coder.encode(frame) for frame in tone((6_000.0,), 1_000, level_db=-10.0, rate=16_000).reshape(SECOND, -1)]
    samples = heard([each for number in range(SECOND) for each in phone.to(stream, number)], OPUS)
    assert (level_db(samples[3_200:]) < -40.0) is is_narrow


def test_opus_redundancy_gives_back_what_was_lost() -> None:
    """The first packet of speech is lost: what went before is silence, and only the one after it knows better."""
    coder = encoder(OPUS, 16_000, opus=OpusWishes(with_fec=True))
    buzz = (8_000 * np.sign(np.sin(np.arange(16_000) * 2 * np.pi * 120 / 16_000))).astype(np.int16)
    buzz[: 10 * 320] = 0
    payloads = [coder.encode(frame) for frame in buzz.reshape(50, -1)]

    def concealed(following: bytes) -> float:
        ear = decoder(OPUS, 8_000)
        for payload in payloads[:10]:
            ear.decode(payload)
        return level_db(ear.conceal(160, following))

    assert concealed(b"") < -60.0
    assert concealed(payloads[11]) > -25.0


def test_a_late_packet_is_dropped() -> None:
    phone, stream = Phone(PCMU), TranscodedStream(PCMU, G722)
    coded = [each for number in (0, 1, 3, 2, 4, 4, 5) for each in phone.to(stream, number)]
    assert len(coded) == 6
    assert {after.timestamp - before.timestamp for before, after in pairwise(coded)} == {160}


@pytest.mark.parametrize(("behind", "taken"), [(MAX_LATE, 0), (MAX_LATE + 1, 1)])
def test_so_far_behind_is_late_and_one_more_is_a_new_beginning(behind: int, taken: int) -> None:
    phone, stream = Phone(PCMU, packets=120), TranscodedStream(PCMU, G722)
    for number in range(119):
        phone.to(stream, number)
    assert len(phone.to(stream, 119 - behind)) == taken


def test_silence_that_was_not_sent_is_none() -> None:
    phone, stream = Phone(PCMU), TranscodedStream(PCMU, OPUS)
    before = [each for number in range(10) for each in phone.to(stream, number)]
    after = [each for number in range(10, 20) for each in phone.to(stream, number, later=8_000)]
    assert after[0].timestamp - before[-1].timestamp == 48_000 + 960
    assert [(each.lost, each.is_first) for each in after[:2]] == [(0, True), (0, False)]


def test_what_is_no_packet_is_concealed_like_loss() -> None:
    phone, stream = Phone(OPUS), TranscodedStream(OPUS, PCMU)
    phone.payloads[5] = b"\xff\xff\xff"
    coded = []
    for number in range(10):
        try:
            coded += phone.to(stream, number)
        except OpusError:
            assert number == 5
    assert len(coded) == 10
    assert {after.timestamp - before.timestamp for before, after in pairwise(coded)} == {160}
