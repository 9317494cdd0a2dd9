"""Keeps the RTP that came to a SIPp phone, and compares it with what a rig says must have come: keys, sequence, time.

Keys are counted as RFC 4733 has it and with nothing forgiven: each timestamp of telephone-events is a press.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rig_keys import keys_in
from rig_sounds import LINEAR, PITCHES
from rig_words import duration_ms

HEADER = 12
DIGITS = "0123456789*#ABCD"
EVENT_TYPE = 101
CLOCK = 8_000
PAUSE_S = 1.0
BLOCK = 25
"""Packets that are looked at together, so that one that comes late says nothing: half a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpPacket:
    """`timestamp` and `sequence` go on beyond 32 and 16 bits, and may be below the first one's by reordering. `at_s`: monotonic."""

    at_s: float
    kind: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


class RtpLog:
    """All RTP of one phone. Its audio is PCMU."""

    def __init__(self) -> None:
        self._packets: list[RtpPacket] = []

    def note(self, packet: bytes, at_s: float) -> None:
        """`packet` has a whole header."""
        last = self._packets[-1] if self._packets else None
        sequence = int.from_bytes(packet[2:4], "big")
        timestamp = int.from_bytes(packet[4:8], "big")
        if last is not None:
            sequence = last.sequence + _signed(sequence - last.sequence, 16)
            timestamp = last.timestamp + _signed(timestamp - last.timestamp, 32)
        ssrc = int.from_bytes(packet[8:12], "big")
        kind = packet[1] & 0x7F
        self._packets.append(
            RtpPacket(at_s=at_s, kind=kind, sequence=sequence, timestamp=timestamp, ssrc=ssrc, payload=packet[HEADER:])
        )

    @property
    def digits(self) -> str:
        events = {packet.timestamp: packet.payload[0] for packet in self._packets if packet.kind == EVENT_TYPE}
        return "".join(DIGITS[events[timestamp]] for timestamp in sorted(events))

    @property
    def missing(self) -> int:
        """How many sequence numbers between the lowest and the highest did not come."""
        numbers = {packet.sequence for packet in self._packets}
        return max(numbers) - min(numbers) + 1 - len(numbers) if numbers else 0

    @property
    def longest_pause_ms(self) -> int:
        times = [packet.at_s for packet in self._packets]
        return round(1_000 * max(np.diff(times), default=0.0))

    def __len__(self) -> int:
        return len(self._packets)

    def time_off_ms(self) -> int:
        """By how much the timestamps of audio leave the wall's time, between the half seconds in which they do most and least."""
        audio = self._audio()
        delays = [packet.at_s * 1_000 - packet.timestamp * 1_000 / CLOCK for packet in audio]
        medians = [np.median(delays[at : at + BLOCK]) for at in range(0, len(delays) - BLOCK + 1, BLOCK)]
        return round(max(medians) - min(medians)) if medians else 0

    def samples(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The audio by its timestamps, at 8 kHz, and false where nothing came: lost, or not sent."""
        audio = self._audio()
        first = min((packet.timestamp for packet in audio), default=0)
        samples = np.zeros(max((packet.timestamp + len(packet.payload) for packet in audio), default=first) - first)
        there = np.zeros(len(samples), dtype=bool)
        for packet in audio:
            place = slice(packet.timestamp - first, packet.timestamp - first + len(packet.payload))
            samples[place] = LINEAR[np.frombuffer(packet.payload, dtype=np.uint8)]
            there[place] = True
        return samples, there

    def first_sample_at_s(self) -> float:
        """When the first of `samples` came, by the packets that came soonest after they were due."""
        audio = self._audio()
        first = min((packet.timestamp for packet in audio), default=0)
        return min((packet.at_s - (packet.timestamp - first) / CLOCK for packet in audio), default=0.0)

    def tones(self) -> str:
        """The keys that came as tones. What is lost or not sent is silence; a key that goes on behind 100 ms of it is one press."""
        return keys_in(*self.samples())

    def heard_after_pause_ms(self, sound: str) -> int:
        """How long after the last pause of a second `sound` is there, ms of the audio's own time; -1 when it never is."""
        audio = self._audio()
        pauses = np.flatnonzero(np.diff([packet.at_s for packet in audio]) >= PAUSE_S)
        begins = int(pauses[-1]) + 1 if len(pauses) else len(audio)
        probe = np.exp(-2j * np.pi * PITCHES[sound] * np.arange(CLOCK // 50) / CLOCK)
        for packet in audio[begins:]:
            heard = LINEAR[np.frombuffer(packet.payload, dtype=np.uint8)]
            if len(heard) == len(probe) and np.abs(heard @ probe) * 2 / len(probe) > 0.1:
                return (packet.timestamp - audio[begins].timestamp) * 1_000 // CLOCK
        return -1

    def _audio(self) -> Sequence[RtpPacket]:
        """In the order in which it came, without copies."""
        seen: dict[int, RtpPacket] = {}
        for packet in self._packets:
            if packet.kind == 0:
                seen.setdefault(packet.sequence, packet)
        return list(seen.values())

    def unheard(self, name: str, wanted: Mapping[str, Any], sounds: Sequence[str]) -> list[str]:
        """Returns what differs from `{packets: [N, N], missing: [N, N], streams: N, sounds: [NAME, ...], digits: KEYS, tones: KEYS,
        time_off: DURATION, pause: [DURATION, DURATION], speech_within: DURATION}`. Each may be left out. `speech_within`: of the last
        pause."""
        measures: Mapping[str, Callable[[], object]] = {
            "packets": lambda: len(self._packets),
            "missing": lambda: self.missing,
            "streams": lambda: len({packet.ssrc for packet in self._packets}),
            "sounds": lambda: list(sounds),
            "digits": lambda: self.digits,
            "tones": self.tones,
            "time_off": self.time_off_ms,
            "pause": lambda: self.longest_pause_ms,
            "speech_within": lambda: self.heard_after_pause_ms("phone"),
        }
        found = {what: measures[what]() for what in wanted}
        return [
            f"{name}: {what}: {found[what]!r}, expected {expected!r}"
            for what, expected in wanted.items()
            if not _fits(found[what], expected)
        ]


def _fits(found: object, expected: object) -> bool:
    """`found`: of durations the milliseconds. `expected`: a range, a duration that is the most that is right, or a value."""
    match found, expected:
        case int(), [low, high]:
            return _number(low) <= found <= _number(high)
        case int(), str(most):
            return 0 <= found <= duration_ms(most)
        case str(), _:
            return found == str(expected)
        case _:
            return found == expected


def _number(told: object) -> int:
    return told if isinstance(told, int) else duration_ms(told)


def _signed(difference: int, bits: int) -> int:
    """The step from one number to the next of so many bits, the shorter way round."""
    half = 1 << bits - 1
    return (difference + half) % (1 << bits) - half
