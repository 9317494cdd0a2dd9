"""The audio of one phone call: an RTP socket that sends a steady tone, silence or keys, and measures the tones that it receives.

It speaks no SIP: the phone says where the far end is and how its payloads are numbered.
"""

import asyncio
import itertools
import secrets
import socket
from collections import deque
from collections.abc import Callable
from typing import cast

import numpy as np

from media.dsp.g711 import SAMPLE_RATE, Samples, decode, encode
from media.dsp.levels import level_db, tone_share
from media.dsp.tones import FRAME_SAMPLES, frames, silence, sine
from media.rtp.packet import RtpPacket, build, parse
from media.rtp.telephone_event import DigitDetector, press
from switch.engine.clock import Clock
from switch.sip.offer_answer import NegotiatedMedia

FRAME_NS = 20_000_000
MEASURED_FRAMES = 10
"""What is measured at once: 200 ms, whole blocks of `tone_share`."""
SILENT_AFTER_NS = 200_000_000
"""Without a packet for so long, there is silence on the line."""
TONE_MS = 1_000
"""The tone is repeated from here; whole periods for every frequency in whole hertz, so there is no click."""


class Audio(asyncio.DatagramProtocol):
    """One call's audio. `changed` is called every 20 ms, time to listen. `digits`: the keys heard so far."""

    def __init__(self, *, hz: float, clock: Clock, changed: Callable[[], None]) -> None:
        self._hz = hz
        self._clock = clock
        self._changed = changed
        self._transport: asyncio.DatagramTransport | None = None
        self._agreement: NegotiatedMedia | None = None
        self._sender: asyncio.Task[None] | None = None
        self._ssrc, self._sequence, self._timestamp = secrets.randbits(32), secrets.randbits(16), secrets.randbits(32)
        self._keys: deque[RtpPacket] = deque()
        self._received: deque[bytes] = deque(maxlen=MEASURED_FRAMES)
        self._received_ns = 0
        self._detector = DigitDetector()
        self.talking = False
        self.digits = ""

    async def open(self, host: str) -> int:
        """Binds a free port of `host`. Returns the port."""
        self._transport = await bound(self, (host, 0))
        return cast(int, self._transport.get_extra_info("sockname")[1])

    def start(self, agreement: NegotiatedMedia) -> None:
        """Sends to the far end, 50 packets a second, until `close`."""
        if self._sender is None:
            self._agreement = agreement
            self._sender = asyncio.create_task(self._send_frames(agreement))

    def close(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
        if self._transport is not None:
            self._transport.close()

    # sending

    def press(self, digit: str) -> None:
        """Sends a key (RFC 4733) in the place of the tone."""
        if self._agreement is None or self._agreement.dtmf_type is None:
            return
        start = RtpPacket(
            payload_type=self._agreement.dtmf_type,
            sequence=self._sequence + len(self._keys) & 0xFFFF,
            timestamp=self._timestamp + len(self._keys) * FRAME_SAMPLES & 0xFFFFFFFF,
            ssrc=self._ssrc,
        )
        self._keys.extend(press(digit, start))

    async def _send_frames(self, agreement: NegotiatedMedia) -> None:
        """Frame n is due 20 n ms after the first: an absolute moment, so that lateness does not add up."""
        payload_type, law = agreement.format
        tone = itertools.cycle([encode(frame, law) for frame in frames(sine(self._hz, TONE_MS))])
        quiet = encode(silence(20), law)
        target = (agreement.stream.host, agreement.stream.port)
        start_ns = self._clock.now().mono_ns
        for number in itertools.count(1):
            self._send(target, payload_type=payload_type, payload=next(tone) if self.talking else quiet)
            self._changed()
            wait_ns = start_ns + number * FRAME_NS - self._clock.now().mono_ns
            await asyncio.sleep(max(0, wait_ns) / 1_000_000_000)

    def _send(self, target: tuple[str, int], *, payload_type: int, payload: bytes) -> None:
        if self._keys:
            packet = self._keys.popleft()
        else:
            packet = RtpPacket(
                payload_type=payload_type, sequence=self._sequence, timestamp=self._timestamp, ssrc=self._ssrc, payload=payload
            )
        self._sequence = self._sequence + 1 & 0xFFFF
        self._timestamp = self._timestamp + FRAME_SAMPLES & 0xFFFFFFFF
        if self._transport is not None:
            self._transport.sendto(build(packet), target)

    # receiving

    def share(self, *hz: float) -> float:
        """How much of what is heard right now is tones of `hz`, 0.0 to 1.0; 0.0 when there is silence."""
        samples = self._received_samples()
        return sum(tone_share(samples, each) for each in hz)

    def strongest_hz(self) -> float:
        """The frequency that is strongest in what is heard right now, to 5 Hz; 0.0 when there is silence."""
        samples = self._received_samples()
        if not samples.any():
            return 0.0
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        return float(np.argmax(spectrum)) * SAMPLE_RATE / len(samples)

    def level_db(self) -> float:
        """How loud it is right now, 0 dB being a full-scale sine."""
        return level_db(self._received_samples())

    @property
    def silent(self) -> bool:
        """No packets come: not even a pause of somebody who speaks."""
        return self._clock.now().mono_ns - self._received_ns >= SILENT_AFTER_NS

    def _received_samples(self) -> Samples:
        """The last 200 ms; empty as long as they are not complete, or when packets have stopped."""
        if self._agreement is None or len(self._received) < MEASURED_FRAMES or self.silent:
            return np.zeros(0, np.int16)
        return decode(b"".join(self._received), self._agreement.format.codec)

    def datagram_received(self, data: bytes, _addr: tuple[str, int]) -> None:
        packet = parse(data)
        if packet is None or self._agreement is None:
            return
        now_ns = self._clock.now().mono_ns
        if packet.payload_type == self._agreement.format.payload_type:
            if now_ns - self._received_ns >= SILENT_AFTER_NS:
                self._received.clear()
            self._received.append(packet.payload)
            self._received_ns = now_ns
        elif packet.payload_type == self._agreement.dtmf_type:
            heard = self._detector.hear(
                packet.payload, ssrc=packet.ssrc, sequence=packet.sequence, timestamp=packet.timestamp, now_ns=now_ns
            )
            if heard is not None and heard[1]:
                self.digits += heard[0].digit


async def bound(protocol: asyncio.DatagramProtocol, address: tuple[str, int]) -> asyncio.DatagramTransport:
    """A UDP socket at `address` (port 0: a free one) that `protocol` gets the datagrams of. Raises OSError when it can't be had."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.bind(address)
    except OSError:
        opened.close()
        raise
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: protocol, sock=opened)
    return transport
