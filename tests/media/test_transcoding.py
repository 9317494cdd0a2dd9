"""A worker and a transcoder as processes of their own: what phones with different codecs hear of each other."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from prompt_files import lay_prepared
from transcoder_process import TranscoderProcess
from worker_client import Phone, Ports, WorkerClient

from media.control import Bridge, Open, Play, PlayFinished, RemoteMedia, Ringback, SetRemote
from media.dsp.g711 import Samples
from media.dsp.levels import level_db, tone_share
from media.dsp.tones import tone
from media.rtp.packet import RtpPacket, build
from media.rtp.telephone_event import press
from media.transcoder.codecs import decoder, encoder
from media.worker.transcoding import MAX_UNANSWERED
from switch.codec import Codec

PCMU, PCMA, G722, OPUS = Codec
HZ = 700.0
PACKETS = 40


class Network:
    """One worker, its transcoder, and phones that are opened on it."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self._stack = stack
        self._path = directory / "transcoder"
        keys = lay_prepared(directory, {"beep": tone((HZ,), 20 * PACKETS, level_db=-10.0)})
        self.transcoder = stack.enter_context(TranscoderProcess(self._path))
        self.worker = stack.enter_context(WorkerClient(directory, keys, transcoder=self._path))
        self._ports = Ports()

    def phone(self, codec: Codec, *, ptime_ms: int = 20) -> "Talker":
        talker = Talker(self._ports.take(), codec)
        self._stack.enter_context(talker)
        self.worker.order(Open(host="127.0.0.1", port=talker.leg, peer=talker.media(ptime_ms=ptime_ms)))
        return talker

    def bridged(self, a: Codec, b: Codec) -> tuple["Talker", "Talker"]:
        caller, line = self.phone(a), self.phone(b)
        self.worker.order(Bridge(a=caller.leg, b=line.leg))
        self.worker.settle()
        return caller, line

    def restart(self) -> None:
        self.transcoder.process.kill()
        self.transcoder.process.wait(60.0)
        self.transcoder = self._stack.enter_context(TranscoderProcess(self._path))


class Talker(Phone):
    """A phone of one codec that sends a tone."""

    def __init__(self, leg: int, codec: Codec) -> None:
        super().__init__(leg)
        self.codec = codec
        self.payload_type = 96 if codec is OPUS else codec.value
        rate = codec.sample_rate
        coder = encoder(codec, rate)
        self._frames = [coder.encode(frame) for frame in tone((HZ,), 20 * PACKETS, level_db=-10.0, rate=rate).reshape(PACKETS, -1)]

    def media(self, *, ptime_ms: int = 20) -> RemoteMedia:
        return RemoteMedia(
            host="127.0.0.1", port=self.port, codec=self.codec, payload_type=self.payload_type, dtmf_type=101, ptime_ms=ptime_ms
        )

    def say(self, number: int) -> None:
        packet = RtpPacket(
            payload_type=self.payload_type,
            sequence=self.sequence,
            timestamp=self.timestamp,
            ssrc=self.ssrc,
            payload=self._frames[number],
        )
        self.send(build(packet))
        self.pass_by()

    def pass_by(self) -> None:
        """A packet that the network lost."""
        self.sequence += 1
        self.timestamp += self.codec.clock_rate // 50

    def press_aside(self, digit: str) -> int:
        """As `press`, of an SSRC of the keys' own."""
        packets = list(press(digit, RtpPacket(payload_type=101, sequence=500, timestamp=self.timestamp, ssrc=self.ssrc + 1)))
        for packet in packets:
            self.send(build(packet))
        self.timestamp += self.codec.clock_rate // 10
        return len(packets)

    def press(self, digit: str) -> int:
        """Returns how many packets that took."""
        start = RtpPacket(payload_type=101, sequence=self.sequence, timestamp=self.timestamp, ssrc=self.ssrc)
        packets = list(press(digit, start))
        for packet in packets:
            self.send(build(packet))
            self.sequence += 1
        self.timestamp += self.codec.clock_rate // 10
        return len(packets)

    def decoded(self, packets: list[RtpPacket]) -> Samples:
        ear = decoder(self.codec, self.codec.sample_rate)
        return np.concatenate([ear.decode(packet.payload) for packet in packets])


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    with ExitStack() as stack:
        yield Network(stack, tmp_path)


def conversation(said: Talker, heard: Talker) -> list[RtpPacket]:
    packets = []
    for number in range(PACKETS):
        said.say(number)
        packets.append(heard.hear())
    return packets


def is_the_tone(samples: Samples, codec: Codec) -> bool:
    settled = samples[codec.sample_rate // 5 :]
    return level_db(settled) == pytest.approx(-10.0, abs=1.0) and tone_share(settled, HZ, rate=codec.sample_rate) > 0.95


@pytest.mark.parametrize(("a", "b"), [(PCMU, G722), (PCMU, OPUS), (G722, OPUS)], ids=lambda each: each.name)
def test_both_hear_the_other_in_one_stream_each(network: Network, a: Codec, b: Codec) -> None:
    caller, line = network.bridged(a, b)
    for said, heard in ((caller, line), (line, caller)):
        packets = conversation(said, heard)
        assert {packet.payload_type for packet in packets} == {heard.payload_type}
        assert len({packet.ssrc for packet in packets}) == 1
        assert [(after.sequence - before.sequence) & 0xFFFF for before, after in pairwise(packets)] == [1] * (PACKETS - 1)
        steps = [(after.timestamp - before.timestamp) & 0xFFFFFFFF for before, after in pairwise(packets)]
        assert all(step == heard.codec.clock_rate // 50 for step in steps[:10])
        assert is_the_tone(heard.decoded(packets), heard.codec)


def test_the_same_codec_is_passed_on_octet_by_octet(network: Network) -> None:
    caller, line = network.bridged(OPUS, OPUS)
    network.transcoder.process.kill()
    caller.say(0)
    assert line.hear().payload == caller._frames[0]


def test_keys_go_on_beside_what_is_transcoded(network: Network) -> None:
    caller, line = network.bridged(G722, PCMU)
    heard = []
    for number in range(5):
        caller.say(number)
        heard.append(line.hear())
    count = caller.press("5")
    heard += [line.hear() for _ in range(count)]
    for number in range(5, 10):
        caller.say(number)
        heard.append(line.hear())
    assert [packet.payload_type for packet in heard] == [0] * 5 + [101] * count + [0] * 5
    assert [(after.sequence - before.sequence) & 0xFFFF for before, after in pairwise(heard)] == [1] * (len(heard) - 1)
    assert len({packet.timestamp for packet in heard[5:-5]}) == 1


@pytest.mark.parametrize("line_has_keys", [True, False])
def test_keys_of_an_ssrc_of_their_own_cost_no_audio(network: Network, *, line_has_keys: bool) -> None:
    caller, line = network.bridged(G722, PCMU)
    if not line_has_keys:
        network.worker.order(SetRemote(port=line.leg, peer=replace(line.media(), dtmf_type=None)))
        network.worker.settle()
    for number in range(2):
        caller.say(number)
        line.hear()
    count = caller.press_aside("5")
    heard = [line.hear() for _ in range(count if line_has_keys else 0)]
    for number in range(2, 5):
        caller.say(number)
        heard.append(line.hear())
    assert [packet.payload_type for packet in heard[-3:]] == [0] * 3
    assert [(after.sequence - before.sequence) & 0xFFFF for before, after in pairwise(heard)] == [1] * (len(heard) - 1)


@pytest.mark.parametrize("source", [PCMU, G722], ids=lambda each: each.name)
@pytest.mark.parametrize("line_has_it", [True, False])
def test_comfort_noise_goes_on_to_who_has_it_and_to_nobody_else(
    network: Network,
    source: Codec,
    line_has_it: bool,  # noqa: FBT001 a column
) -> None:
    caller, line = network.bridged(source, PCMU)
    for phone, has_it in ((caller, True), (line, line_has_it)):
        peer = replace(phone.media(), cn_type=13 if has_it else None)
        network.worker.order(SetRemote(port=phone.leg, peer=peer))
    network.worker.settle()
    caller.say(0)
    first = line.hear()
    noise = RtpPacket(payload_type=13, sequence=caller.sequence, timestamp=caller.timestamp, ssrc=caller.ssrc, payload=b"\x40")
    caller.send(build(noise))
    caller.sequence += 1
    caller.timestamp += 1_600
    caller.say(1)
    heard = [line.hear() for _ in range(1 + line_has_it)]
    assert [packet.payload for packet in heard[:-1]] == [b"\x40"] * line_has_it
    assert [packet.payload_type for packet in heard] == [*[13] * line_has_it, 0]
    assert [(packet.sequence - first.sequence) & 0xFFFF for packet in heard] == list(range(1, len(heard) + 1))
    assert network.worker.close(caller.leg).received == 3


def test_long_loss_is_seen_by_the_far_end_and_short_loss_is_not(network: Network) -> None:
    caller, line = network.bridged(PCMU, G722)
    caller.say(0)
    first = line.hear()
    caller.pass_by()
    caller.say(2)
    assert [(line.hear().sequence - first.sequence) & 0xFFFF for _ in range(2)] == [1, 2]
    for _ in range(4):
        caller.pass_by()
    caller.say(7)
    assert (line.hear().sequence - first.sequence) & 0xFFFF == 7


def test_a_transcoder_that_dies_takes_no_call_with_it(network: Network) -> None:
    caller, line = network.bridged(PCMU, G722)
    caller.say(0)
    line.hear()
    network.restart()
    heard = 0
    for number in range(1, PACKETS):  # the worker looks for it once a second
        caller.say(number)
        network.worker.settle()
    line.sock.settimeout(0.2)
    for number in range(200):
        caller.say(number % PACKETS)
        try:
            line.hear()
        except TimeoutError:
            continue
        heard += 1
        if heard == 10:
            break
    assert heard == 10
    counters = network.worker.close(caller.leg)
    assert counters.unheard > 0
    assert counters.received + counters.unheard > PACKETS


def test_what_is_no_packet_of_its_codec_is_heard_by_nobody(network: Network) -> None:
    caller, line = network.bridged(OPUS, PCMU)
    caller.say(0)
    line.hear()
    whole, caller._frames = caller._frames, [b"\xff\xff\xff"] * PACKETS
    for number in range(PACKETS):
        caller.say(number)
    caller._frames = whole
    caller.say(1)
    line.hear()
    counters = network.worker.close(caller.leg)
    assert (counters.received, counters.unheard) == (1 + MAX_UNANSWERED, PACKETS - MAX_UNANSWERED + 1)


@pytest.mark.parametrize("codec", [G722, OPUS], ids=lambda each: each.name)
def test_a_prompt_is_heard_in_the_legs_codec(network: Network, codec: Codec) -> None:
    phone = network.phone(codec)
    network.worker.order(Play(port=phone.leg, play=7, prompt="beep"))
    packets = [phone.hear() for _ in range(PACKETS)]
    assert network.worker.expect(PlayFinished).play == 7
    assert {packet.payload_type for packet in packets} == {phone.payload_type}
    assert {(after.timestamp - before.timestamp) & 0xFFFFFFFF for before, after in pairwise(packets)} == {codec.clock_rate // 50}
    assert is_the_tone(phone.decoded(packets), codec)


def test_packets_of_our_own_are_as_long_as_the_far_end_wants_them(network: Network) -> None:
    phone = network.phone(OPUS, ptime_ms=60)
    network.worker.order(Ringback(port=phone.leg, country="us"))
    assert len(phone.decoded([phone.hear()])) == 960


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 50, 60])
def test_so_are_prompts_in_g711_to_their_last_sample(network: Network, ptime_ms: int) -> None:
    phone = network.phone(PCMA, ptime_ms=ptime_ms)
    network.worker.order(Play(port=phone.leg, play=7, prompt="beep"))
    network.worker.expect(PlayFinished)
    octets, whole = 8 * ptime_ms, 160 * PACKETS
    lengths = [*[octets] * (whole // octets), *([whole % octets] if whole % octets else [])]
    packets = [phone.hear() for _ in lengths]
    assert [len(packet.payload) for packet in packets] == lengths
    assert {(after.timestamp - before.timestamp) & 0xFFFFFFFF for before, after in pairwise(packets)} == {octets}
    assert is_the_tone(phone.decoded(packets), PCMA)


def test_another_codec_by_reinvite_is_another_stream_where_its_clock_is(network: Network) -> None:
    phone = network.phone(PCMU)
    network.worker.order(Ringback(port=phone.leg, country="us"))
    before = phone.hear()
    network.worker.order(
        SetRemote(port=phone.leg, peer=RemoteMedia(host="127.0.0.1", port=phone.port, codec=OPUS, payload_type=96))
    )
    after = phone.hear()
    while after.payload_type == 0:
        after = phone.hear()
    assert after.ssrc != before.ssrc


def test_a_codec_that_comes_back_by_reinvite_leaves_no_gap_in_the_numbers(network: Network) -> None:
    caller, line = network.bridged(PCMU, PCMU)
    heard = []
    for codec in (PCMU, G722, PCMU, G722):
        caller.payload_type = caller.codec = codec
        network.worker.order(SetRemote(port=caller.leg, peer=caller.media()))
        network.worker.settle()
        for number in range(5):
            caller.say(number)
            heard.append(line.hear())
    assert [(after.sequence - before.sequence) & 0xFFFF for before, after in pairwise(heard)] == [1] * (len(heard) - 1)
    assert len({packet.ssrc for packet in heard}) == 1


def test_a_codec_of_the_agreement_that_comes_for_a_while_leaves_no_gap_in_the_numbers(network: Network) -> None:
    caller, line = network.bridged(PCMU, PCMU)
    network.worker.order(SetRemote(port=caller.leg, peer=replace(caller.media(), audio_types={0: PCMU, 9: G722})))
    network.worker.settle()
    heard = []
    for payload_type in (0, 9, 0, 9):
        caller.payload_type = payload_type
        for number in range(5):
            caller.say(number)
            heard.append(line.hear())
    assert [(after.sequence - before.sequence) & 0xFFFF for before, after in pairwise(heard)] == [1] * (len(heard) - 1)


def test_a_transcoder_ends_with_the_switch(tmp_path: Path) -> None:
    with TranscoderProcess(tmp_path / "transcoder", "G722", "OPUS") as transcoder:
        assert transcoder.hang_up() == 0
