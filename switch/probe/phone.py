"""The probe's phone, made of PJSIP: a stack that shares nothing with the switch's own, in a process of its own. Nothing imports this.

Run as `python -m switch.probe.phone`. The first line of stdin is the call to place, as `switch.probe.placed.PlacedCall` has it, in JSON.
From then on JSON lines: a command each on stdin, an event each on stdout. The end of stdin is `quit`.
    {"do": "press", "digits": "1"}   {"do": "record"}: what is heard from now on is recorded   {"do": "speak"}: its tone is sent from now on
    {"do": "hangup"}   {"do": "quit"}
Events have `at_ms`, milliseconds since the INVITE: `calling`, `rang` {code}, `answered`, `media` {codec, rate}, `digit` {digit},
`stats` {received, lost, jitter_ms, rtt_ms, sent, sent_lost, sent_jitter_ms}, `tick` (every 100 ms), `bye` {by, code}, `over` {code, reason,
sip_call_id}, `closed`, `error` {what}.

PJSIP's callbacks run inside libHandleEvents here, because there are no worker threads; they only note what happened, since calling
back into the library out of a callback is where its Python binding breaks.
"""

import json
import os
import select
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pjsua2 as pj

POLL_MS = 10
TICK_MS = 100
TICKS_A_LOOK = 5
"""How many ticks lie between two looks at the RTCP figures."""
KEY_MS, KEY_PAUSE_MS = 100, 80
"""Of keys as tones."""
OK = 200
LONGEST_S = 300
"""A phone that nobody ends, ends then."""
TRANSPORTS = {"UDP": pj.PJSIP_TRANSPORT_UDP, "TCP": pj.PJSIP_TRANSPORT_TCP, "TLS": pj.PJSIP_TRANSPORT_TLS}
METHODS = {"auto": pj.PJSUA_DTMF_METHOD_RFC2833, "rtp": pj.PJSUA_DTMF_METHOD_RFC2833, "info": pj.PJSUA_DTMF_METHOD_SIP_INFO}
SRTP = {"off": pj.PJMEDIA_SRTP_DISABLED, "optional": pj.PJMEDIA_SRTP_OPTIONAL, "required": pj.PJMEDIA_SRTP_MANDATORY}

Say = Callable[[str, Mapping[str, object]], None]
Spec = Mapping[str, Any]


class Notes:
    """What callbacks noted, with its moment."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._noted: deque[tuple[str, dict[str, object]]] = deque()

    def begin(self) -> None:
        self._began_s = time.monotonic()

    def now_ms(self) -> int:
        return int((time.monotonic() - self._began_s) * 1_000)

    def add(self, event: str, **detail: object) -> None:
        self._noted.append((event, {"at_ms": self.now_ms(), **detail}))

    def taken(self) -> Iterator[tuple[str, dict[str, object]]]:
        while self._noted:
            yield self._noted.popleft()


class Call(pj.Call):  # type: ignore[misc] # pjsua2 has no types
    """The one call. Its callbacks only note what happened."""

    def __init__(self, account: pj.Account, notes: Notes) -> None:
        super().__init__(account)
        self._notes = notes

    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802 (pjsua2's name)
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_EARLY:
            self._notes.add("rang", code=info.lastStatusCode)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self._notes.add("answered")
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            ended = prm.e.body.tsxState.tsx
            if ended.method == "BYE":
                ours = ended.role == pj.PJSIP_ROLE_UAC
                self._notes.add("bye", by="caller" if ours else "line", code=ended.statusCode if ours else OK)
            self._notes.add("over", code=info.lastStatusCode, reason=info.lastReason, sip_call_id=info.callIdString)

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802, ARG002 (pjsua2's name and shape)
        self._notes.add("negotiated")

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:  # noqa: N802
        self._notes.add("digit", digit=prm.digit)


class Phone:
    """The library, one account and its call, a player and a recorder."""

    def __init__(self, spec: Spec) -> None:
        self.notes = Notes()
        self._spec = spec
        self._audio: pj.AudioMedia | None = None
        self._tones: pj.ToneGenerator | None = None
        self._speaks = self._records = False
        self._endpoint = pj.Endpoint()
        self._endpoint.libCreate()
        self._endpoint.libInit(_settings(spec))
        self._endpoint.audDevManager().setNullDev()
        self._transport = self._endpoint.transportCreate(TRANSPORTS[spec["transport"]], _transport(spec))
        self._endpoint.libStart()
        for codec in self._endpoint.codecEnum2():
            name = codec.codecId.partition("/")[0].upper()
            priority = 255 - spec["codecs"].index(name) if name in spec["codecs"] else 0
            self._endpoint.codecSetPriority(codec.codecId, priority)
        self._account = pj.Account()
        self._account.create(_account(spec))
        self._player = pj.AudioMediaPlayer()
        self._player.createPlayer(spec["play"])
        self._recorder = pj.AudioMediaRecorder()
        self._recorder.createRecorder(spec["record"])
        self._call: pj.Call | None = Call(self._account, self.notes)

    def dial(self) -> None:
        prm = pj.CallOpParam(True)
        for name, value in self._spec["headers"]:
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            prm.txOption.headers.append(header)
        self.notes.begin()
        self.notes.add("calling")
        self._live().makeCall(self._spec["uri"], prm)

    def poll(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Lets PJSIP work for a moment; yields what happened."""
        self._endpoint.libHandleEvents(POLL_MS)
        for event, detail in self.notes.taken():
            if event == "negotiated":
                yield from self._on_negotiated(detail)
            else:
                yield event, detail

    def _on_negotiated(self, detail: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Each negotiation may have made a new stream."""
        info = self._live().getInfo()  # a name keeps it alive: its media list is memory of its own
        active = [each for each in info.media if each.type == pj.PJMEDIA_TYPE_AUDIO and each.status == pj.PJSUA_CALL_MEDIA_ACTIVE]
        if not active:
            return
        self._audio = self._live().getAudioMedia(-1)
        if self._speaks:
            self._player.startTransmit(self._audio)
        if self._records:
            self._audio.startTransmit(self._recorder)
        stream = self._live().getStreamInfo(active[0].index)
        yield "media", {**detail, "codec": stream.codecName, "rate": stream.codecClockRate}

    def figures(self) -> Mapping[str, object] | None:
        """Returns the figures of RTCP by now, or None: there is no audio."""
        if self._audio is None:
            return None
        rtcp = self._live().getStreamStat(0).rtcp
        heard, sent = rtcp.rxStat, rtcp.txStat
        return {
            "at_ms": self.notes.now_ms(),
            "received": heard.pkt,
            "lost": heard.loss,
            "jitter_ms": heard.jitterUsec.mean / 1_000,
            "rtt_ms": rtcp.rttUsec.mean / 1_000 if rtcp.rttUsec.n else None,
            "sent": sent.pkt,
            "sent_lost": sent.loss if sent.updateCount else None,
            "sent_jitter_ms": sent.jitterUsec.mean / 1_000 if sent.updateCount else None,
        }

    def press(self, digits: str) -> None:
        """Presses keys; with `auto` as telephone-event where the far end has it, else as tones."""
        if self._spec["dtmf"] == "inband":
            self._sound(digits)
            return
        sent = pj.CallSendDtmfParam()
        sent.digits, sent.method = digits, METHODS[self._spec["dtmf"]]
        try:
            self._live().sendDtmf(sent)
        except pj.Error:
            if self._spec["dtmf"] != "auto":
                raise
            self._sound(digits)

    def _sound(self, digits: str) -> None:
        if self._audio is None:
            raise ValueError("no audio to press keys in")
        if self._tones is None:
            self._tones = pj.ToneGenerator()
            self._tones.createToneGenerator(8_000, 1)
        self._tones.startTransmit(self._audio)
        keys = pj.ToneDigitVector()
        for digit in digits:
            key = pj.ToneDigit()
            key.digit, key.on_msec, key.off_msec, key.volume = digit, KEY_MS, KEY_PAUSE_MS, 0
            keys.append(key)
        self._tones.playDigits(keys)

    def speak(self) -> None:
        self._speaks = True
        if self._audio is not None:
            self._player.startTransmit(self._audio)

    def record(self) -> None:
        self._records = True
        if self._audio is not None:
            self._audio.startTransmit(self._recorder)

    def hang_up(self) -> None:
        """Ends the call. PJSIP's own way is over before a BYE is answered, and does not say how it was: so it is sent as any request."""
        call = self._live()
        if call.getInfo().state != pj.PJSIP_INV_STATE_CONFIRMED:
            call.hangup(pj.CallOpParam())
            return
        bye = pj.CallSendRequestParam()
        bye.method = "BYE"
        call.sendRequest(bye)

    def ended(self) -> None:
        """The call is over: its audio is gone."""
        self._audio = None

    def close(self) -> None:
        """Everything of PJSIP's goes before the library does: an object that dies later aborts the process."""
        self._endpoint.hangupAllCalls()
        del self._recorder, self._player, self._tones, self._audio, self._call
        self._account.shutdown()
        del self._account
        self._endpoint.libDestroy()

    def _live(self) -> pj.Call:
        if self._call is None:
            raise ValueError("no call")
        return self._call


def _settings(spec: Spec) -> pj.EpConfig:
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.maxCalls = 1
    config.uaConfig.userAgent = "Payphone probe"
    config.logConfig.level = 4 if spec["log"] else 0
    config.logConfig.consoleLevel = 0
    config.logConfig.filename = spec["log"]
    config.medConfig.clockRate = config.medConfig.sndClockRate = 8_000
    config.medConfig.ecTailLen = 0
    config.medConfig.noVad = True  # a steady tone may be taken for silence
    return config


def _transport(spec: Spec) -> pj.TransportConfig:
    config = pj.TransportConfig()
    config.port, config.boundAddress, config.publicAddress = 0, spec["host"], spec["advertised"]
    if spec["transport"] == "TLS":
        tls = spec["tls"]
        config.tlsConfig.CaListFile, config.tlsConfig.certFile = tls["ca"], tls["certificate"]
        config.tlsConfig.privKeyFile, config.tlsConfig.verifyServer = tls["key"], tls["verify"]
    return config


def _account(spec: Spec) -> pj.AccountConfig:
    config = pj.AccountConfig()
    config.idUri = spec["caller"]
    if spec["username"]:
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", spec["username"], 0, spec["secret"]))
    config.mediaConfig.srtpUse = SRTP[spec["srtp"]]
    config.mediaConfig.srtpSecureSignaling = 0
    config.mediaConfig.transportConfig.port = 0
    config.mediaConfig.transportConfig.boundAddress = spec["host"]
    config.mediaConfig.transportConfig.publicAddress = spec["advertised"]
    return config


def _private_stdout() -> Say:
    """The way to report events. PJSIP prints to stdout before its log is set up, so stderr takes stdout's place for all others."""
    ours = os.dup(1)
    os.dup2(2, 1)

    def say(event: str, detail: Mapping[str, object]) -> None:
        os.write(ours, json.dumps({"event": event, **detail}).encode() + b"\n")

    return say


def _commands(unread: bytearray) -> Iterator[dict[str, object]]:
    """Yields the commands that have come so far."""
    ready, _, _ = select.select([0], [], [], 0)
    if not ready:
        return
    chunk = os.read(0, 4096)
    if not chunk:
        yield {"do": "quit"}
    unread.extend(chunk)
    while b"\n" in unread:
        line, _, rest = bytes(unread).partition(b"\n")
        unread[:] = rest
        yield json.loads(line)


def _obey(phone: Phone, command: dict[str, object]) -> None:
    """Raises pj.Error, or ValueError for what can't be done now or at all."""
    match command:
        case {"do": "press", "digits": str(digits)}:
            phone.press(digits)
        case {"do": "record"}:
            phone.record()
        case {"do": "speak"}:
            phone.speak()
        case {"do": "hangup"}:
            phone.hang_up()
        case _:
            raise ValueError(f"not understood: {command}")


def _first_line() -> dict[str, Any]:
    line = bytearray()
    while not line.endswith(b"\n"):
        octet = os.read(0, 1)
        if not octet:
            break
        line += octet
    found: dict[str, Any] = json.loads(line)
    return found


def _run(phone: Phone, say: Say) -> None:
    """Until it is told to quit."""
    unread, ticks = bytearray(), 0
    while phone.notes.now_ms() < LONGEST_S * 1_000:
        for event, detail in phone.poll():
            if event == "over":
                phone.ended()
            say(event, detail)
        if phone.notes.now_ms() // TICK_MS > ticks:
            ticks = phone.notes.now_ms() // TICK_MS
            if ticks % TICKS_A_LOOK == 0 and (figures := phone.figures()) is not None:
                say("stats", figures)
            say("tick", {"at_ms": phone.notes.now_ms()})
        for command in _commands(unread):
            if command == {"do": "quit"}:
                return
            try:
                _obey(phone, command)
            except (pj.Error, ValueError) as error:
                say("error", {"at_ms": phone.notes.now_ms(), "what": getattr(error, "reason", str(error))})


def main() -> int:
    """Returns 1 where the call could not even be placed."""
    say = _private_stdout()
    try:
        phone = Phone(_first_line())
        phone.dial()
    except pj.Error as error:
        say("error", {"at_ms": 0, "what": error.reason})
        return 1
    try:
        _run(phone, say)
    finally:
        phone.close()
    say("closed", {"at_ms": phone.notes.now_ms()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
