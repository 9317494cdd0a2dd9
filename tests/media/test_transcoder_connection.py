"""The relay's connection to a transcoder that is not there, does not read, dies, or sends nonsense: audio is lost, and nothing waits."""

import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from media.control import RemoteMedia
from media.rtp.continuity import OutgoingStream
from media.rtp.packet import RtpPacket, build
from media.transcoder.server import MAX_WAIT_NS, Connection
from media.transcoder.wire import SourcePacket, TranscodedPacket, source_packet, transcoded_packet
from media.worker.leg import Leg
from media.worker.transcoding import MAX_UNANSWERED, RESULTS_A_TURN, SEND_BUFFER_BYTES, Transcoder, Transcoding
from switch.codec import Codec, OpusWishes

PACKET = build(RtpPacket(payload_type=0, sequence=7, timestamp=160, ssrc=0xA, payload=b"\xff" * 160))


class FakeSocket:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendto(self, data: memoryview, _address: object, /) -> int:
        self.sent.append(bytes(data))
        return len(data)

    def recvfrom_into(self, _buffer: bytearray, /) -> tuple[int, tuple[str, int]]:
        raise BlockingIOError

    def setsockopt(self, _level: int, _option: int, _value: int, /) -> None:
        pass

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.bind(str(tmp_path / "transcoder"))
        sock.listen()
        sock.settimeout(60.0)
        yield sock


class Direction:
    """From a leg of PCMU to one of G.722."""

    def __init__(self, path: Path | None) -> None:
        self.transcoder = Transcoder(path)
        self.sock = FakeSocket()
        stream = OutgoingStream(ssrc=0xB, sequence=1, timestamp=0)
        self.leg = Leg("127.0.0.1", 20_000, self.sock, stream=stream, now_ns=0)
        self.leg.set_remote(RemoteMedia(host="127.0.0.1", port=4_000, codec=Codec.G722, payload_type=9), 0)
        self.transcoding = Transcoding(self.transcoder, Codec.PCMU, self.leg)

    def send(self, count: int = 1) -> None:
        for _ in range(count):
            self.hand_over()

    def hand_over(self) -> bool:
        return self.transcoding.hand_over(memoryview(PACKET), 0)


def test_what_has_no_transcoder_is_lost_and_counted(tmp_path: Path) -> None:
    for path in (None, tmp_path / "nowhere"):
        direction = Direction(path)
        direction.send(3)
        assert direction.transcoder.lost == 3
        assert direction.transcoder.fileno() == -1


def test_one_that_does_not_read_holds_nobody_up(listener: socket.socket) -> None:
    direction = Direction(Path(listener.getsockname()))
    with closing(direction.transcoder):
        peer, _ = listener.accept()
        direction.send(2_000)
        assert 1_000 < direction.transcoder.lost < 2_000
        waiting = 2_000 - direction.transcoder.lost
        assert waiting * len(PACKET) < 2 * SEND_BUFFER_BYTES
        peer.recv(2_048)
        before = direction.transcoder.lost
        direction.send()
        assert direction.transcoder.lost == before
        peer.close()


def test_one_that_dies_is_connected_to_again(listener: socket.socket) -> None:
    direction = Direction(Path(listener.getsockname()))
    peer, _ = listener.accept()
    peer.close()
    direction.send()
    assert direction.transcoder.fileno() == -1
    direction.transcoder.connect()
    with closing(direction.transcoder):
        peer, _ = listener.accept()
        direction.send()
        packet = source_packet(peer.recv(2_048))
        assert (packet.source, packet.target, packet.sequence, packet.payload) == (0, 9, 7, b"\xff" * 160)
        peer.close()


def test_so_many_results_are_sent_on_a_turn(listener: socket.socket) -> None:
    direction = Direction(Path(listener.getsockname()))
    with closing(direction.transcoder):
        peer, _ = listener.accept()
        direction.send()
        stream = source_packet(peer.recv(2_048)).stream
        for number in range(RESULTS_A_TURN + 1):
            peer.send(TranscodedPacket(stream, 0, False, 160 * number, b"\0" * 160).packed())
        direction.transcoder.receive(0)
        assert len(direction.sock.sent) == RESULTS_A_TURN
        direction.transcoder.receive(0)
        assert len(direction.sock.sent) == RESULTS_A_TURN + 1
        peer.close()


def test_what_comes_back_for_a_direction_that_is_over_goes_nowhere(listener: socket.socket) -> None:
    direction = Direction(Path(listener.getsockname()))
    with closing(direction.transcoder):
        peer, _ = listener.accept()
        direction.send()
        stream = source_packet(peer.recv(2_048)).stream
        direction.transcoding.end()
        peer.send(TranscodedPacket(stream, 0, False, 0, b"\0" * 160).packed())
        direction.transcoder.receive(0)
        assert direction.sock.sent == []
        peer.close()


def test_what_was_played_in_a_codec_that_is_over_goes_nowhere(listener: socket.socket) -> None:
    direction = Direction(Path(listener.getsockname()))
    with closing(direction.transcoder):
        peer, _ = listener.accept()
        leg = direction.leg
        leg.own = Transcoding(direction.transcoder, Codec.PCMU, leg)
        leg.own.hand_over_own(b"\xff" * 160, 0)
        stream = source_packet(peer.recv(2_048)).stream
        leg.set_remote(RemoteMedia(host="127.0.0.1", port=4_000, codec=Codec.PCMU, payload_type=0), 0)
        peer.send(TranscodedPacket(stream, 0, False, 0, b"\0" * 160).packed())
        direction.transcoder.receive(0)
        assert direction.sock.sent == []
        peer.close()


def test_what_nothing_comes_back_of_is_heard_by_nobody(listener: socket.socket) -> None:
    direction = Direction(Path(listener.getsockname()))
    with closing(direction.transcoder):
        peer, _ = listener.accept()
        assert [direction.hand_over() for _ in range(MAX_UNANSWERED + 2)] == [True] * MAX_UNANSWERED + [False] * 2
        stream = source_packet(peer.recv(2_048)).stream
        peer.send(TranscodedPacket(stream, 0, False, 0, b"\0" * 160).packed())
        direction.transcoder.receive(0)
        assert direction.hand_over()
        peer.close()


def test_another_source_is_another_stream(listener: socket.socket) -> None:
    direction = Direction(Path(listener.getsockname()))
    with closing(direction.transcoder):
        peer, _ = listener.accept()
        direction.send(2)
        direction.transcoding.hand_over(memoryview(PACKET[:8] + b"\0\0\0\x0c" + PACKET[12:]), 0)
        streams = [source_packet(peer.recv(2_048)).stream for _ in range(3)]
        assert streams[0] == streams[1] != streams[2]
        peer.close()


def served(*messages: bytes, now_ns: int = 0) -> list[bytes]:
    """What a transcoder sends back."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.setblocking(False)
        ours.setblocking(False)
        connection = Connection(theirs)
        for message in messages:
            ours.send(message)
        assert connection.serve(now_ns)
        results = []
        with suppress(BlockingIOError):
            while True:
                results.append(ours.recv(2_048))
        ours.close()
        assert not connection.serve(now_ns)
    return results


GOOD = SourcePacket(1_000, 1, Codec.PCMU, Codec.G722, 20, OpusWishes(), 7, 160, b"\xff" * 160)


def test_a_transcoder_drops_what_is_no_message_and_goes_on() -> None:
    packed = GOOD.packed()
    no_codec = GOOD._replace(source=99).packed()
    (result,) = served(b"?", no_codec, packed[:9], packed)
    assert transcoded_packet(result).stream == 1


@pytest.mark.parametrize(("late_ns", "count"), [(0, 1), (MAX_WAIT_NS, 1), (MAX_WAIT_NS + 1, 0)])
def test_a_transcoder_drops_what_has_waited_for_too_long(late_ns: int, count: int) -> None:
    assert len(served(GOOD.packed(), now_ns=GOOD.at_ns + late_ns)) == count
