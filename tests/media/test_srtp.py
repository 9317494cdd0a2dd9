"""Encrypted legs: what is relayed is decrypted and encrypted anew; what is not the peer's is counted and nothing else; keys may change."""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace
from pylibsrtp import Error, Policy, Session
from worker_client import HOST, Phone, Ports, WorkerClient

from media.control import Bridge, Counters, Heartbeat, MediaTimeout, Open, RemoteMedia, SetRemote, Srtp, SrtpSuite
from media.rtp.continuity import OutgoingStream
from media.rtp.packet import MAX_RTP_BYTES, RtpPacket, build, parse
from media.rtp.rtcp import parse as parse_rtcp
from media.tap_frame import RECEIVED, SENT
from media.worker.forward import BUFFER_BYTES
from media.worker.leg import Leg
from media.worker.path import Address
from media.worker.srtp import MAX_RECEIVERS, Dropped
from media.worker.tap import LegTap
from switch.sip.sdes import Suite

PEER = ("192.0.2.1", 4_000)
SHA1_80 = SrtpSuite.AES_CM_128_HMAC_SHA1_80
PROFILES = {
    SrtpSuite.AES_CM_128_HMAC_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    SrtpSuite.AES_CM_128_HMAC_SHA1_32: Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    SrtpSuite.AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpSuite.AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
RTCP = bytes([0x80, 201, 0, 1]) + (77).to_bytes(4)


def key(suite: SrtpSuite, seed: int) -> bytes:
    return bytes((seed + each) & 0xFF for each in range(Suite(suite.value).key_bytes))


def keys(suite: SrtpSuite = SHA1_80, *, ours: int = 1, theirs: int = 101) -> Srtp:
    return Srtp(suite=suite, send=key(suite, ours), receive=key(suite, theirs))


class FarEnd:
    """The peer's side of `keys`."""

    def __init__(self, srtp: Srtp) -> None:
        profile = PROFILES[srtp.suite]
        self.sends = Session(Policy(key=srtp.receive, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self.hears = Session(Policy(key=srtp.send, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))


class FakeSocket:
    """Datagrams in, datagrams out; bound and connected in one."""

    def __init__(self) -> None:
        self.coming: list[bytes] = []
        self.sent: list[bytes] = []
        self.answers: list[int] = []  # of ICMP: error numbers

    def sendto(self, data: memoryview, _address: Address, /) -> int:
        if self.answers:
            raise OSError(self.answers.pop(), "an earlier packet did not arrive")
        self.sent.append(bytes(data))
        return len(data)

    def send(self, data: memoryview, /) -> int:
        return self.sendto(data, PEER)

    def recvfrom_into(self, buffer: bytearray, /) -> tuple[int, Address]:
        return self.recv_into(buffer), PEER

    def recv_into(self, buffer: bytearray, /) -> int:
        data = self.coming.pop(0)
        buffer[: len(data)] = data
        return len(data)

    def setsockopt(self, _level: int, _option: int, _value: int, /) -> None:
        pass

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


class Encrypted:
    """A leg and its far end."""

    def __init__(self, srtp: Srtp | None = None) -> None:
        self.srtp = keys() if srtp is None else srtp
        self.sock = FakeSocket()
        self.leg = Leg("127.0.0.1", 20_000, self.sock, stream=OutgoingStream(ssrc=9, sequence=1, timestamp=0), now_ns=0)
        self.agree(self.srtp)
        self.leg.connect(self.sock, PEER)
        self.far = FarEnd(self.srtp)

    def agree(self, srtp: Srtp | None) -> None:
        self.leg.set_remote(RemoteMedia(host=PEER[0], port=PEER[1], srtp=srtp), 0)

    def comes(self, data: bytes) -> bytes | None:
        """What the packet path gets of a datagram, None: nothing."""
        self.sock.coming.append(data)
        buffer = bytearray(BUFFER_BYTES)
        try:
            size = self.leg.receive(buffer)
        except OSError:
            return None
        return bytes(buffer[:size])

    def goes(self, packet: bytes) -> bytes | None:
        """The datagram that a packet leaves as, None: it does not."""
        before = len(self.sock.sent)
        self.leg.transmit(memoryview(packet))
        return self.sock.sent[-1] if len(self.sock.sent) > before else None


def rtp(number: int, *, ssrc: int = 77, payload: bytes = b"\x55" * 160) -> bytes:
    return build(
        RtpPacket(payload_type=0, sequence=number & 0xFFFF, timestamp=160 * number & 0xFFFFFFFF, ssrc=ssrc, payload=payload)
    )


def test_the_suites_are_those_of_sdp() -> None:
    assert {each.value for each in SrtpSuite} == {each.value for each in Suite}


@pytest.mark.parametrize("suite", list(SrtpSuite))
def test_what_comes_is_decrypted_and_what_goes_is_encrypted(suite: SrtpSuite) -> None:
    world = Encrypted(keys(suite))
    for number in range(5):
        packet = rtp(number)
        assert world.comes(world.far.sends.protect(packet)) == packet
        sent = world.goes(packet)
        assert sent is not None
        assert packet[12:] not in sent
        assert world.far.hears.unprotect(sent) == packet
    assert (world.leg.sent, world.leg.sent_octets, world.leg.unauthentic) == (5, 800, 0)


def test_what_is_not_the_peers_is_counted_and_is_no_packet() -> None:
    world, stranger = Encrypted(), FarEnd(keys(theirs=55))
    encrypted = world.far.sends.protect(rtp(1))
    assert world.comes(rtp(1)) is None
    assert world.comes(stranger.sends.protect(rtp(1))) is None
    assert world.comes(encrypted[:-1] + bytes([encrypted[-1] ^ 1])) is None
    assert world.comes(encrypted[:20]) is None
    assert world.comes(b"") is None
    assert world.comes(bytes(BUFFER_BYTES)) is None
    assert world.comes(encrypted) == rtp(1)
    assert world.comes(encrypted) is None  # a replay
    assert world.leg.counters().unauthentic == 7


def test_rtcp_on_the_same_port_is_decrypted_as_such() -> None:
    world = Encrypted()
    assert world.comes(world.far.sends.protect_rtcp(RTCP)) == RTCP
    assert world.comes(RTCP) is None
    assert world.leg.srtp is not None
    assert world.far.hears.unprotect_rtcp(world.leg.srtp.encrypted_rtcp(RTCP)) == RTCP
    with pytest.raises(Dropped):
        world.leg.srtp.encrypted_rtcp(b"\x80")


def test_a_number_is_used_once() -> None:
    """The same number again would use the same key stream for other octets."""
    world = Encrypted()
    assert world.goes(rtp(1)) is not None
    assert world.goes(rtp(1, payload=b"\x66" * 160)) is None
    assert world.goes(rtp(3)) is not None
    assert world.goes(rtp(2)) is not None  # a latecomer
    assert world.leg.sent == 3


@pytest.mark.parametrize(("octets", "is_sent"), [(1_356, True), (1_357, False)])
def test_a_packet_that_has_no_room_for_the_tag_is_lost(octets: int, *, is_sent: bool) -> None:
    assert octets < MAX_RTP_BYTES
    assert (Encrypted().goes(rtp(1, payload=bytes(octets - 12))) is not None) is is_sent


def test_keys_that_are_repeated_go_on_with_their_rollover_counters() -> None:
    world = Encrypted()
    first = world.far.sends.protect(rtp(0))
    assert world.comes(first) == rtp(0)
    for number in range(0, 140_000, 20_000):  # over two wraps
        packet = rtp(number + 20_000)
        assert world.comes(world.far.sends.protect(packet)) == packet
        sent = world.goes(packet)
        assert sent is not None
        assert world.far.hears.unprotect(sent) == packet
        world.agree(world.srtp)
    assert world.comes(first) is None


def test_another_key_of_the_peer_takes_over_at_its_first_packet() -> None:
    world = Encrypted()
    assert world.comes(world.far.sends.protect(rtp(1))) == rtp(1)
    on_its_way, late = world.far.sends.protect(rtp(2)), world.far.sends.protect(rtp(3))
    renewed = keys(theirs=150)
    world.agree(renewed)
    assert world.comes(on_its_way) == rtp(2)
    assert world.comes(FarEnd(renewed).sends.protect(rtp(4))) == rtp(4)
    assert world.comes(late) is None
    sent = world.goes(rtp(5))
    assert sent is not None
    assert world.far.hears.unprotect(sent) == rtp(5)


def test_a_key_of_the_peer_that_comes_back_knows_what_came() -> None:
    """There and back: what came before does not come again, and the rollover counter is where it was."""
    world, other = Encrypted(), keys(theirs=150)
    replayed = world.far.sends.protect(rtp(1))
    assert world.comes(replayed) == rtp(1)
    for number in range(32_000, 96_001, 32_000):
        assert world.comes(world.far.sends.protect(rtp(number))) == rtp(number)
    world.agree(other)
    assert world.comes(FarEnd(other).sends.protect(rtp(1))) == rtp(1)
    world.agree(world.srtp)
    assert world.comes(replayed) is None
    assert world.comes(world.far.sends.protect(rtp(96_001))) == rtp(96_001)


@pytest.mark.parametrize(("others", "is_known"), [(MAX_RECEIVERS - 1, True), (MAX_RECEIVERS, False)])
def test_so_many_keys_of_the_peer_are_remembered(others: int, *, is_known: bool) -> None:
    world = Encrypted()
    first = world.far.sends.protect(rtp(1))
    assert world.comes(first) == rtp(1)
    for number in range(others):
        world.agree(keys(theirs=150 + number))
    world.agree(world.srtp)
    assert (world.comes(first) is None) is is_known


def test_our_key_is_never_begun_anew() -> None:
    """There and back: the session of the first key still knows which numbers it has used."""
    world, other = Encrypted(), keys(SrtpSuite.AEAD_AES_256_GCM)
    assert world.goes(rtp(1)) is not None
    world.agree(other)
    sent = world.goes(rtp(2))
    assert sent is not None
    assert FarEnd(other).hears.unprotect(sent) == rtp(2)
    world.agree(world.srtp)
    assert world.goes(rtp(1, payload=b"\x66" * 160)) is None
    sent = world.goes(rtp(3))
    assert sent is not None
    assert world.far.hears.unprotect(sent) == rtp(3)


@pytest.mark.parametrize("number", [errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENOPROTOOPT, errno.EMSGSIZE, errno.EPROTO])
@pytest.mark.parametrize("srtp", [keys(), None])
def test_what_icmp_says_of_an_earlier_packet_loses_none(number: int, srtp: Srtp | None) -> None:
    world = Encrypted()
    world.agree(srtp)
    tap = Copies()
    world.leg.set_taps((cast("LegTap", tap),), lambda: 5)
    for each in range(3):
        world.sock.answers.append(number)
        sent = world.goes(rtp(each))
        assert sent is not None
        assert (sent if srtp is None else world.far.hears.unprotect(sent)) == rtp(each)
    assert world.leg.sent == len(tap.taken) == 3


def test_a_plain_leg_has_its_sockets_own_functions() -> None:
    world = Encrypted()
    world.agree(None)
    assert (world.leg.receive, world.leg.send) == (world.sock.recv_into, world.sock.send)
    assert world.comes(rtp(1)) == rtp(1)
    assert world.goes(rtp(1)) == rtp(1)


class Copies:
    """A tap."""

    directions = (RECEIVED, SENT)

    def __init__(self) -> None:
        self.taken: list[tuple[int, bytes]] = []

    def take(self, packet: memoryview, _now_ns: int, *, direction: int, codec: int) -> None:
        assert codec == 0
        self.taken.append((direction, bytes(packet)))


def test_a_tap_copies_what_is_sent_before_it_is_encrypted_and_outlives_a_reinvite() -> None:
    world, tap = Encrypted(), cast(LegTap, copies := Copies())
    world.leg.set_taps((tap,), lambda: 0)
    for number, srtp in enumerate([world.srtp, world.srtp, None, world.srtp]):
        world.agree(srtp)
        packet = rtp(number)
        world.leg.send_type = 0
        sent = world.goes(packet)
        assert (sent == packet) is (srtp is None)
        assert copies.taken == [(SENT, packet)]
        copies.taken.clear()
    world.leg.set_taps((), lambda: 0)
    assert world.goes(rtp(9)) not in (None, rtp(9))
    assert not copies.taken


def test_no_key_is_shown() -> None:
    assert repr(keys()) == "Srtp(suite=AES_CM_128_HMAC_SHA1_80, ...)"
    assert repr(RemoteMedia(host="", port=1, srtp=keys())).endswith("srtp=Srtp(suite=AES_CM_128_HMAC_SHA1_80, ...))")


# the worker as a process


class EncryptedPhone(Phone):
    """A phone that speaks SRTP with its leg."""

    def __init__(self, leg: int, srtp: Srtp) -> None:
        super().__init__(leg)
        self.srtp, self.far = srtp, FarEnd(srtp)

    def encrypted_peer(self) -> RemoteMedia:
        return RemoteMedia(host=HOST, port=self.port, srtp=self.srtp)

    def send(self, datagram: bytes) -> None:
        super().send(self.far.sends.protect(datagram))

    def hear(self) -> RtpPacket:
        packet = parse(self.far.hears.unprotect(self.sock.recv(65_536)))
        assert packet is not None
        return packet


@pytest.fixture(scope="module")
def ports() -> Ports:
    return Ports()


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerClient]:
    with WorkerClient(tmp_path, rtp_timeout_ms=1_500) as client:
        yield client


@pytest.mark.parametrize("line_suite", [SrtpSuite.AEAD_AES_256_GCM, None])
def test_between_legs_with_keys_of_their_own_and_plain_ones(
    worker: WorkerClient, ports: Ports, line_suite: SrtpSuite | None
) -> None:
    with EncryptedPhone(ports.take(), keys(ours=3, theirs=4)) as caller:
        of_line = None if line_suite is None else keys(line_suite, ours=5, theirs=6)
        leg = ports.take()
        with Phone(leg) if of_line is None else EncryptedPhone(leg, of_line) as line:
            worker.order(Open(host=HOST, port=caller.leg), Open(host=HOST, port=line.leg))
            worker.order(SetRemote(port=caller.leg, peer=caller.encrypted_peer()))
            peer = line.encrypted_peer() if isinstance(line, EncryptedPhone) else line.peer()
            worker.order(SetRemote(port=line.leg, peer=peer), Bridge(a=caller.leg, b=line.leg))
            worker.settle()
            for phone, other in ((caller, line), (line, caller)):
                for number in range(5):
                    phone.talk(bytes([number]) * 160)
                assert [other.hear().payload[0] for _ in range(5)] == list(range(5))
            Phone.send(caller, rtp(900))  # not encrypted
            worker.settle()
            caller.talk()
            line.hear()
            assert line.hears_nothing()
            counters = worker.close(caller.leg)
    assert (counters.received, counters.sent, counters.unauthentic, counters.malformed) == (6, 5, 1, 0)


def test_what_is_not_authentic_is_no_sign_of_life(worker: WorkerClient, ports: Ports) -> None:
    """Neither its RTP, nor its RTCP on the port beside."""
    with EncryptedPhone(ports.take(), keys()) as caller:
        worker.order(Open(host=HOST, port=caller.leg, peer=caller.encrypted_peer()))
        worker.settle()
        caller.sock.sendto(RTCP, (HOST, caller.leg + 1))
        Phone.send(caller, rtp(1))
        assert worker.expect(MediaTimeout).last_ns is None
        assert all(not report.last for report in worker.skipped if isinstance(report, Heartbeat))
        assert worker.close(caller.leg) == Counters(unauthentic=2)


def test_authentic_rtcp_on_the_port_beside_is_one(worker: WorkerClient, ports: Ports) -> None:
    with EncryptedPhone(ports.take(), keys()) as caller:
        worker.order(Open(host=HOST, port=caller.leg, peer=caller.encrypted_peer()))
        worker.settle()
        for _ in range(3):
            caller.sock.sendto(caller.far.sends.protect_rtcp(RTCP), (HOST, caller.leg + 1))
            worker.expect(Heartbeat)
        assert worker.close(caller.leg) == Counters()
    assert not [report for report in worker.skipped if isinstance(report, MediaTimeout)]


def test_our_reports_are_encrypted(worker: WorkerClient, ports: Ports) -> None:
    """The last one, with BYE, comes when the leg is closed."""
    with EncryptedPhone(ports.take(), keys()) as caller, Phone(ports.take()) as line:
        peer = replace(caller.encrypted_peer(), rtcp_mux=True)
        worker.order(Open(host=HOST, port=caller.leg, peer=peer), Open(host=HOST, port=line.leg, peer=line.peer()))
        worker.order(Bridge(a=caller.leg, b=line.leg))
        worker.settle()
        line.talk()
        caller.hear()
        worker.close(caller.leg)
        report = caller.far.hears.unprotect_rtcp(caller.sock.recv(65_536))
        compound = parse_rtcp(memoryview(report))
        assert compound is not None
        assert compound.info is not None
        assert compound.info.packets == 1


def test_the_far_end_of_a_test_tells_a_wrong_key() -> None:
    with pytest.raises(Error):
        FarEnd(keys()).hears.unprotect(FarEnd(keys()).sends.protect(rtp(1)))


@pytest.mark.parametrize(("sent", "theirs", "is_new"), [(70_000, 150, True), (70_000, 101, False), (10, 150, False)])
def test_another_device_can_decrypt_what_comes_after_a_wrap(
    worker: WorkerClient, ports: Ports, sent: int, theirs: int, *, is_new: bool
) -> None:
    """It has a key of its own, and begins with a rollover counter of zero, where our stream has one already."""
    with EncryptedPhone(ports.take(), keys()) as caller, Phone(ports.take()) as line:
        worker.order(Open(host=HOST, port=caller.leg, peer=caller.encrypted_peer()))
        worker.order(Open(host=HOST, port=line.leg, peer=line.peer()), Bridge(a=caller.leg, b=line.leg))
        worker.settle()
        ssrcs = set()
        line.talk()
        ssrcs.add(caller.hear().ssrc)
        for _ in range(0, sent, 2_500):  # the line loses nearly all that it sends
            line.sequence = (line.sequence + 2_500) & 0xFFFF
            line.talk()
            caller.hear()
        other = keys(theirs=theirs)
        worker.order(SetRemote(port=caller.leg, peer=replace(caller.encrypted_peer(), srtp=other)))
        worker.settle()
        line.talk()
        data = caller.sock.recv(65_536)
        device = FarEnd(other) if is_new else caller.far
        packet = parse(device.hears.unprotect(data))
        assert packet is not None
        assert (packet.ssrc not in ssrcs) is is_new
