"""Encrypts what one leg is sent and decrypts what comes (RFC 3711), by libsrtp. Its keys come from SDP; it agrees on none.

A leg that is encrypted has its socket's `recv_into` and `send` wrapped by its `SrtpContext`: everything else of the packet path works on
plain RTP, and a plain leg pays nothing. What can't be authenticated, and what comes twice, is counted and goes no further: it is no packet.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pylibsrtp import Error, Policy, Session

from media.control import Srtp, SrtpSuite
from media.rtp.packet import RTCP_TYPES

if TYPE_CHECKING:
    from media.worker.leg import Leg

_PROFILES = {
    SrtpSuite.AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    SrtpSuite.AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpSuite.AES_CM_128_HMAC_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    SrtpSuite.AES_CM_128_HMAC_SHA1_32: Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}
MAX_RECEIVERS = 20
"""Keys of a peer that are remembered, with what came under them: more than the forks of an INVITE that are followed."""
_FAILURES = (Error, ValueError)
"""Of libsrtp; ValueError: a packet that is too long for it."""


class Dropped(OSError):
    """A packet goes no further: for who receives and sends, one that the network lost."""


class SrtpContext:
    """The cryptographic contexts of one leg (RFC 3711 §3.2). Another key of the peer takes over at its first packet, since those that are
    on their way still have the former one. A sending session is kept for each key of ours: to begin one anew would use the same key stream
    twice. So is a receiving one for each of the peer's last keys: it knows the rollover counter, and what would be a replay."""

    __slots__ = (
        "_former",
        "_leg",
        "_protect",
        "_received",
        "_receiver",
        "_receivers",
        "_sender",
        "_senders",
        "_unprotect",
    )

    def __init__(self, leg: "Leg", keys: Srtp) -> None:
        self._leg = leg
        self._senders: dict[tuple[SrtpSuite, bytes], Session] = {}
        self._receivers: dict[tuple[SrtpSuite, bytes], Session] = {}  # the latest one last
        self._former: Session | None = None
        self._received = (keys.suite, keys.receive)
        self._receiver = self._receiver_of(keys)
        self._sender = self._sender_of(keys)
        self._unprotect, self._protect = self._receiver.unprotect, self._sender.protect

    def rekey(self, keys: Srtp) -> None:
        """These are the keys from now on. One that stays goes on, with its rollover counter and what is known of packets that came."""
        self._sender = self._sender_of(keys)
        if (keys.suite, keys.receive) != self._received:
            self._received = (keys.suite, keys.receive)
            self._former = self._receiver
            self._receiver = self._receiver_of(keys)
        self._unprotect, self._protect = self._receiver.unprotect, self._sender.protect

    def _sender_of(self, keys: Srtp) -> Session:
        key = (keys.suite, keys.send)
        if key not in self._senders:
            self._senders[key] = _session(*key, ssrc_type=Policy.SSRC_ANY_OUTBOUND)
        return self._senders[key]

    def _receiver_of(self, keys: Srtp) -> Session:
        key = (keys.suite, keys.receive)
        known = self._receivers.pop(key, None)
        self._receivers[key] = _session(*key, ssrc_type=Policy.SSRC_ANY_INBOUND) if known is None else known
        if len(self._receivers) > MAX_RECEIVERS:
            del self._receivers[next(iter(self._receivers))]
        return self._receivers[key]

    def receiving(self, receive: Callable[[bytearray], int]) -> Callable[[bytearray], int]:
        """Returns `receive` with what it gives decrypted. OSError where there is nothing, or nothing that is the peer's."""

        def receive_plain(buffer: bytearray) -> int:
            return self.decrypt(buffer, receive(buffer))

        return receive_plain

    def sending(self, send: Callable[[memoryview], int]) -> Callable[[memoryview], int]:
        """Returns `send` with what it is given, RTP, encrypted. OSError where it can't be sent, or was before."""

        def send_encrypted(packet: memoryview) -> int:
            try:
                data = self._protect(bytes(packet))
            except _FAILURES:
                raise Dropped("can't be encrypted") from None
            try:
                return send(memoryview(data))
            except OSError:  # see `transmit`, which can't have it encrypted once more
                return send(memoryview(data))

        return send_encrypted

    def decrypt(self, buffer: bytearray, size: int, *, is_rtcp: bool = False) -> int:
        """Decrypts a packet in place; its new size. `is_rtcp`: it can't be anything else. `Dropped`, and counted, where it is none of the
        peer's."""
        packet = bytes(buffer[:size])
        is_rtcp = is_rtcp or buffer[1] & 0x7F in RTCP_TYPES
        if is_rtcp or self._former is not None:
            plain = self.decrypted(packet, is_rtcp=is_rtcp)
        else:
            try:
                plain = self._unprotect(packet)
            except _FAILURES:
                self._leg.unauthentic += 1
                raise Dropped("not authentic") from None
        size = len(plain)
        buffer[:size] = plain
        return size

    def decrypted(self, packet: bytes, *, is_rtcp: bool) -> bytes:
        """Returns the packet of a datagram that came for the leg. `Dropped`, and counted, where it is none."""
        try:
            plain = _opened(self._receiver, packet, is_rtcp=is_rtcp)
        except _FAILURES:
            return self._of_former(packet, is_rtcp=is_rtcp)
        self._former = None
        return plain

    def encrypted_rtcp(self, packet: bytes) -> bytes:
        """Returns the datagram for a packet of RTCP. `Dropped` where it can't be sent."""
        try:
            return self._sender.protect_rtcp(packet)
        except _FAILURES:
            raise Dropped("can't be encrypted") from None

    def _of_former(self, packet: bytes, *, is_rtcp: bool) -> bytes:
        if self._former is not None:
            try:
                return _opened(self._former, packet, is_rtcp=is_rtcp)
            except _FAILURES:
                pass
        self._leg.unauthentic += 1
        raise Dropped("not authentic")


def _session(suite: SrtpSuite, key: bytes, *, ssrc_type: int) -> Session:
    return Session(Policy(key=key, ssrc_type=ssrc_type, srtp_profile=_PROFILES[suite]))


def _opened(session: Session, packet: bytes, *, is_rtcp: bool) -> bytes:
    return session.unprotect_rtcp(packet) if is_rtcp else session.unprotect(packet)
