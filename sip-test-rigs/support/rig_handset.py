"""The audio of a SIPp phone: sends RTP of a steady tone and RFC 4733 digits, and recognises the sounds received.

SIPp does the signalling and sends words to a FIFO (`echo press 1 > [tell]` in an `exec`), a line each:
    talk PORT     send the tone to that port of the loopback address that it has itself, a packet every 20 ms, from now on
    press DIGITS  say these digits, one after the other, in place of the tone (from `talk` on, when that comes later)
    sound DIGITS  the same, as tones in the audio
    hush          stop sending
    types SENT HEARD   audio is PCMU under these payload types (at first 0 and 0)
    mark NAME     tell the runner that this point was reached
    when SOUND WORDS   obey these words as soon as that sound has been heard (see `rig_sounds`)
It needs no raw socket and so no root, unlike SIPp's own `play_pcap_audio` and `play_dtmf`. SIP is SIPp's.
"""

import math
import os
import select
import socket
import struct
import threading
import time
from collections import deque
from pathlib import Path

from rig_ports import LOOPBACK, LOOPBACK6
from rig_rtp import RtpLog
from rig_sounds import PHONE_HZ, PITCHES, Ear

FRAME_S = 0.020
FRAME_SAMPLES = 160
DTMF_TYPE = 101
DIGITS = "0123456789*#ABCD"
DIGIT_UPDATES = 5  # 100 ms of key press
DIGIT_ENDS = 3  # RFC 4733 section 2.5.1.4: the end is said three times
GAP_FRAMES = 5
KEYPAD = ("123A", "456B", "789C", "*0#D")
LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
PCMU_TYPE = 0
TONE = -1
"""In the place of a payload type: a frame of the tone, under whatever type the phone sends audio."""
HEADER = 12
TONE_PEAK = 8_000
KEY_PEAK = 5_000
"""Of each of a key's two tones."""


def ulaw(sample: int) -> int:
    """One 16-bit sample as G.711 mu-law (ITU-T G.711, bias 132)."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32_635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(sign | exponent << 4 | mantissa) & 0xFF


# PHONE_HZ at 8000 Hz: 8 samples are a whole period, so a frame can be sent again and again without a click.
TONE_FRAME = bytes(ulaw(round(TONE_PEAK * math.sin(2 * math.pi * PHONE_HZ * n / 8000))) for n in range(FRAME_SAMPLES))


def _key_frames(digit: str) -> list[bytes]:
    """A key of 100 ms as the two tones of ITU-T Q.23."""
    row, column = divmod("".join(KEYPAD).index(digit), 4)
    turns = [2 * math.pi * hz / 8000 for hz in (LOW_HZ[row], HIGH_HZ[column])]
    samples = range(DIGIT_UPDATES * FRAME_SAMPLES)
    octets = bytes(ulaw(round(KEY_PEAK * sum(math.sin(turn * n) for turn in turns))) for n in samples)
    return [octets[at : at + FRAME_SAMPLES] for at in range(0, len(octets), FRAME_SAMPLES)]


class Handset:
    """A thread with one RTP socket on `port` of loopback, which `is_v6` says the kind of, and one FIFO at `fifo`. Make, use, `close()`."""

    def __init__(self, port: int, fifo: Path, *, is_v6: bool = False) -> None:
        os.mkfifo(fifo)
        self.fifo = fifo
        self.received = 0
        self._ear = Ear()
        self.rtp = RtpLog()
        self._awaited: list[tuple[str, list[str]]] = []
        self.sent = 0
        self.problems: list[str] = []
        self._marks: dict[str, threading.Event] = {}
        self._marks_lock = threading.Lock()
        self._host = LOOPBACK6 if is_v6 else LOOPBACK
        self._socket = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self._host, port))
        # Read and write: opening never blocks, and a writer that closes gives no end of file.
        self._words = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        self._unread = b""
        self._stop = threading.Event()
        self._ssrc = port * 65_537 % 2**32
        self._sequence = port % 2**16
        self._timestamp = 0
        self._peer: tuple[str, int] | None = None
        self._sent_type = self._heard_type = PCMU_TYPE
        self._digit_frames: deque[tuple[int, int, bytes]] = deque()
        self._thread = threading.Thread(target=self._run, name=f"handset-{port}", daemon=True)
        self._thread.start()

    def mark(self, name: str) -> threading.Event:
        """The event that is set once the scenario said `mark NAME`."""
        with self._marks_lock:
            return self._marks.setdefault(name, threading.Event())

    @property
    def heard(self) -> list[str]:
        """The names of the sounds so far, in order."""
        return list(self._ear.heard)

    def close(self) -> None:
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join(timeout=5)
        self._socket.close()
        os.close(self._words)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            wait = max(0.0, due - time.monotonic())
            ready, _, _ = select.select([self._socket.fileno(), self._words], [], [], wait)
            if self._socket.fileno() in ready:
                self._hear()
            if self._words in ready:
                self._read_words()
            if time.monotonic() >= due:
                due = max(due + FRAME_S, time.monotonic() - 5 * FRAME_S)
                self._say_frame()

    def _hear(self) -> None:
        packet, _ = self._socket.recvfrom(2048)
        if len(packet) < HEADER or packet[0] >> 6 != 2:
            self.problems.append(f"heard {len(packet)} octets that are no RTP")
            return
        self.received += 1
        self.rtp.note(packet, time.monotonic())
        if packet[1] & 0x7F == self._heard_type:
            self._ear.hear(packet[HEADER:])
            self._react()

    def _react(self) -> None:
        """Obey what waited for a sound that has been heard by now."""
        due = [words for sound, words in self._awaited if sound in self._ear.heard]
        self._awaited = [(sound, words) for sound, words in self._awaited if sound not in self._ear.heard]
        for words in due:
            self._obey(words)

    def _read_words(self) -> None:
        self._unread += os.read(self._words, 4096)
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            self._obey(line.decode("utf-8", "replace").split())

    def _obey(self, words: list[str]) -> None:
        match words:
            case ["talk", port] if port.isdecimal() and 0 < int(port) < 65_536:
                self._peer = (self._host, int(port))
            case ["hush"]:
                self._peer = None
            case ["types", sent, heard] if sent.isdecimal() and heard.isdecimal():
                self._sent_type, self._heard_type = int(sent) & 0x7F, int(heard) & 0x7F
            case ["mark", name]:
                self.mark(name).set()
            case ["when", sound, *then] if sound in PITCHES and then:
                self._awaited.append((sound, then))
                self._react()
            case ["press", digits] if set(digits) <= set(DIGITS):
                for digit in digits:
                    self._queue_digit(digit)
            case ["sound", digits] if set(digits) <= set(DIGITS):
                for digit in digits:
                    self._digit_frames.extend((TONE, 0, frame) for frame in (*_key_frames(digit), *[TONE_FRAME] * GAP_FRAMES))
            case _:
                self.problems.append(f"not understood: {' '.join(words)!r}")

    def _queue_digit(self, digit: str) -> None:
        event = DIGITS.index(digit)
        for n in range(DIGIT_UPDATES + DIGIT_ENDS):
            updates = min(n, DIGIT_UPDATES - 1) + 1
            end = 0x80 if n >= DIGIT_UPDATES else 0
            payload = struct.pack("!BBH", event, end | 10, updates * FRAME_SAMPLES)
            marker = 0x80 if n == 0 else 0
            # All packets of one event carry the timestamp of its beginning (RFC 4733 section 2.5.1.2).
            self._digit_frames.append((marker | DTMF_TYPE, n, payload))
        self._digit_frames.extend((TONE, 0, TONE_FRAME) for _ in range(GAP_FRAMES))

    def _say_frame(self) -> None:
        self._timestamp = (self._timestamp + FRAME_SAMPLES) % 2**32
        if self._peer is None:
            return
        kind, age, payload = self._digit_frames.popleft() if self._digit_frames else (TONE, 0, TONE_FRAME)
        kind = self._sent_type if kind == TONE else kind
        self._sequence = (self._sequence + 1) % 2**16
        timestamp = (self._timestamp - age * FRAME_SAMPLES) % 2**32
        header = struct.pack("!BBHII", 0x80, kind, self._sequence, timestamp, self._ssrc)
        self._socket.sendto(header + payload, self._peer)
        self.sent += 1
