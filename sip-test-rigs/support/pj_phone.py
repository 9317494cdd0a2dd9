"""A phone made of PJSIP: a stack that shares nothing with the switch's own, in a process of its own (its asserts abort it).

Uses pjsua2. Driven by JSON lines: a command each on stdin, an event each on stdout. One call at a time.
    {"do": "start", "port": 5080, "rtp": 4000, "play": "own.wav", "record": "heard.wav", "number": "+14155550123", "options": [],
     "auth": ["", ""], "tls": {"ca": "ca.pem", "certificate": "", "key": ""}}
    {"do": "call", "uri": "sip:..."}   {"do": "ring"}   {"do": "answer"}   {"do": "press", "digits": "1"}   {"do": "hold"}
    {"do": "resume"}   {"do": "hush"}   {"do": "speak"}   {"do": "hangup"}   {"do": "quit"}
Events: `ready`, `incoming` {from}, `state` {state}, `talking` (audio is connected both ways), `held` (by either side), `digit` {digit},
`over` {code, reason}, `closed`, `error` {what}. `rig_phone` checks the recording. Options: `late-offer` (its INVITE has no SDP),
`silence-suppression`, `100rel` and `timers` (it requires them), `info` (it sends keys by INFO, the next when the last was answered),
`inband` (it sends them as tones), `srtp` (it requires SRTP, by SDES), the codecs `PCMA` and `G722` (else it has PCMU alone), `loses` (of
what it sends and what it gets a twentieth is lost on the way), `early` (it rings by a 183 with SDP, sends its tone from then on, and
nothing once it has answered). `tls`, where not empty: it speaks TLS instead of UDP.

PJSIP's callbacks run inside libHandleEvents here, because there are no worker threads; they only note what happened, and the loop
acts on it, since calling back into the library out of a callback is where its Python binding breaks. The one exception: the
Call object of an incoming call has to be made inside onIncomingCall.
"""

import json
import os
import select
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

import pjsua2 as pj

LOOPBACK = "127.0.0.1"
POLL_MS = 10
LOST_PERCENT = 5
KEY_MS = 100
KEY_PAUSE_MS = 80
"""Of keys as tones."""
USUAL_CODEC = "PCMU/8000/1"
CODECS = {"PCMA": "PCMA/8000/1", "G722": "G722/16000/1"}
"""By option; it has no other codec then."""
HOLDS = (pj.PJSUA_CALL_MEDIA_LOCAL_HOLD, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)

Say = Callable[[str, Mapping[str, object]], None]
Notes = deque[tuple[str, Mapping[str, object]]]


class Line(pj.Call):  # type: ignore[misc] # pjsua2 has no types
    """One call. Its callbacks only note what happened."""

    def __init__(self, account: pj.Account, notes: Notes, *, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self._notes = notes

    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802, ARG002 (pjsua2's name and shape)
        info = self.getInfo()
        self._notes.append(("state", {"state": info.stateText}))
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._notes.append(("over", {"code": info.lastStatusCode, "reason": info.lastReason}))

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802, ARG002
        self._notes.append(("media", {}))

    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:  # noqa: N802
        transaction = prm.e.body.tsxState.tsx
        if (
            transaction.method == "INFO"
            and transaction.role == pj.PJSIP_ROLE_UAC
            and transaction.state == pj.PJSIP_TSX_STATE_COMPLETED
        ):
            self._notes.append(("told", {"code": transaction.statusCode}))

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:  # noqa: N802
        self._notes.append(("digit", {"digit": prm.digit}))


class Desk(pj.Account):  # type: ignore[misc]
    """The account calls come to."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self._notes = notes
        self.incoming: Line | None = None

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802
        self.incoming = Line(self, self._notes, call_id=prm.callId)
        self._notes.append(("incoming", {"from": self.incoming.getInfo().remoteUri}))


class Phone:
    """The library, one account, at most one call, a WAV player and a recorder."""

    def __init__(
        self,
        *,
        port: int,
        rtp: int,
        play: str,
        record: str,
        number: str,
        options: Sequence[str],
        auth: Sequence[str],
        tls: Mapping[str, str],
    ) -> None:
        self.notes: Notes = deque()
        self._options = options
        self._call: Line | None = None
        self._audio: pj.AudioMedia | None = None
        self._speaks = True
        self._keys = ""
        self._tones: pj.ToneGenerator | None = None
        self._endpoint = pj.Endpoint()
        self._endpoint.libCreate()
        self._endpoint.libInit(_settings(options))
        self._endpoint.audDevManager().setNullDev()
        transport = pj.TransportConfig()
        transport.port, transport.boundAddress, transport.publicAddress = port, LOOPBACK, LOOPBACK
        kind = pj.PJSIP_TRANSPORT_UDP
        if tls:
            kind = pj.PJSIP_TRANSPORT_TLS
            transport.tlsConfig = _tls(tls)
        self._transport = self._endpoint.transportCreate(kind, transport)
        self._endpoint.libStart()
        for codec in self._endpoint.codecEnum2():
            wanted = [CODECS[option] for option in options if option in CODECS] or [USUAL_CODEC]
            self._endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId in wanted else 0)
        self._desk = Desk(self.notes)
        self._desk.create(_account(number, port, rtp, options, auth))
        self._player = pj.AudioMediaPlayer()
        self._player.createPlayer(play)
        self._recorder = pj.AudioMediaRecorder()
        self._recorder.createRecorder(record)

    def poll(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Let PJSIP work for a moment; yields what happened."""
        self._endpoint.libHandleEvents(POLL_MS)
        while self.notes:
            event, detail = self.notes.popleft()
            match event:
                case "incoming":
                    self._call, self._desk.incoming = self._desk.incoming, None
                    yield event, detail
                case "media":
                    yield from self._on_media()
                case "told":
                    self._keys = self._keys[1:]
                    self._tell_next()
                    yield event, detail
                case "state" if detail["state"] == "CONFIRMED" and "early" in self._options:
                    self.hush()
                    yield event, detail
                case "over":
                    yield event, detail
                    self._call, self._audio, self._tones, self._keys, self._speaks = None, None, None, "", True
                case _:
                    yield event, detail

    def _on_media(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Each negotiation may have made a new stream: the player and the recorder are connected to the one that there is now. On hold
        whoever still sends is heard."""
        if self._call is None:
            return
        info = self._call.getInfo()  # a name keeps it alive: its media list is memory of its own
        talks = any(_has_status(media, pj.PJSUA_CALL_MEDIA_ACTIVE) for media in info.media)
        if not talks and not any(_has_status(media, *HOLDS) for media in info.media):
            return
        self._audio = self._call.getAudioMedia(-1)
        if self._speaks:
            self._player.startTransmit(self._audio)
        self._audio.startTransmit(self._recorder)
        yield "talking" if talks else "held", {}

    def call(self, uri: str) -> None:
        self._call = Line(self._desk, self.notes)
        self._call.makeCall(uri, _op(flag=pj.PJSUA_CALL_NO_SDP_OFFER if "late-offer" in self._options else 0))

    def ring(self) -> None:
        self._live_call().answer(_op(183 if "early" in self._options else 180))

    def answer(self) -> None:
        self._live_call().answer(_op(200))

    def press(self, digits: str) -> None:
        if "inband" in self._options:
            self._sound(digits)
        elif "info" in self._options:
            begin, self._keys = not self._keys, self._keys + digits
            if begin:
                self._tell_next()
        else:
            self._send_keys(digits, pj.PJSUA_DTMF_METHOD_RFC2833)

    def _tell_next(self) -> None:
        if self._keys:
            self._send_keys(self._keys[0], pj.PJSUA_DTMF_METHOD_SIP_INFO)

    def _send_keys(self, digits: str, method: int) -> None:
        sent = pj.CallSendDtmfParam()
        sent.digits, sent.method = digits, method
        self._live_call().sendDtmf(sent)

    def _sound(self, digits: str) -> None:
        """The keys' tones, beside its own tone if it does not keep silent."""
        if self._audio is None:
            raise ValueError("no audio")
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

    def hush(self) -> None:
        """It sends silence in the place of its tone, until it speaks or the call is over."""
        self._speaks = False
        if self._audio is not None:
            self._player.stopTransmit(self._audio)

    def speak(self) -> None:
        self._speaks = True
        if self._audio is not None:
            self._player.startTransmit(self._audio)

    def hold(self) -> None:
        self._live_call().setHold(_op())

    def resume(self) -> None:
        self._live_call().reinvite(_op(flag=pj.PJSUA_CALL_UNHOLD))

    def hangup(self) -> None:
        self._live_call().hangup(_op(200))

    def _live_call(self) -> Line:
        if self._call is None:
            raise ValueError("no call")
        return self._call

    def close(self) -> None:
        """Everything of PJSIP's goes before the library does: an object that dies later aborts the process."""
        if self._call is not None:
            self._endpoint.hangupAllCalls()
            for _ in range(200):
                if any(event == "over" for event, _ in self.poll()):
                    break
        # The recorder writes its last buffer and the WAV header when it dies.
        del self._recorder, self._player, self._tones, self._audio, self._call
        self._desk.shutdown()
        del self._desk
        self._endpoint.libDestroy()


def _has_status(media: pj.CallMediaInfo, *statuses: int) -> bool:
    return bool(media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in statuses)


def _settings(options: Sequence[str]) -> pj.EpConfig:
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.maxCalls = 1
    config.uaConfig.userAgent = "rig phone (PJSIP)"
    config.logConfig.level = 4
    config.logConfig.consoleLevel = 0
    config.logConfig.filename = os.environ.get("PJ_PHONE_LOG", "")
    config.medConfig.clockRate = 8_000
    config.medConfig.sndClockRate = 8_000
    config.medConfig.ecTailLen = 0
    config.medConfig.noVad = "silence-suppression" not in options  # a steady tone may be taken for silence
    if "loses" in options:
        config.medConfig.txDropPct = config.medConfig.rxDropPct = LOST_PERCENT
    return config


def _tls(tls: Mapping[str, str]) -> pj.TlsConfig:
    """It verifies whom it calls, shows its certificate where it has one, and asks nobody who calls for one."""
    config = pj.TlsConfig()
    config.CaListFile, config.certFile, config.privKeyFile = tls["ca"], tls["certificate"], tls["key"]
    config.verifyServer = True
    return config


def _account(number: str, port: int, rtp: int, options: Sequence[str], auth: Sequence[str]) -> pj.AccountConfig:
    config = pj.AccountConfig()
    config.idUri = f"sip:{number}@{LOOPBACK}:{port}" + (";transport=tls" if {"tls", "sips"} & set(options) else "")
    username, secret = auth
    if username:
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", username, 0, secret))
    if "100rel" in options:
        config.callConfig.prackUse = pj.PJSUA_100REL_MANDATORY
    if "timers" in options:
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_REQUIRED
    if "srtp" in options:
        config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY
        config.mediaConfig.srtpSecureSignaling = 0
    config.mediaConfig.transportConfig.port = rtp
    config.mediaConfig.transportConfig.boundAddress = LOOPBACK
    config.mediaConfig.transportConfig.publicAddress = LOOPBACK
    return config


def _op(status: int = 0, *, flag: int = 0) -> pj.CallOpParam:
    use_default_call_setting = True
    prm = pj.CallOpParam(use_default_call_setting)
    prm.statusCode = status
    prm.opt.flag |= flag
    return prm


def _private_stdout() -> Say:
    """The way to report events. PJSIP prints to stdout before its log is set up, so stderr takes stdout's place for all others."""
    ours = os.dup(1)
    os.dup2(2, 1)

    def say(event: str, detail: Mapping[str, object]) -> None:
        os.write(ours, json.dumps({"event": event, **detail}).encode() + b"\n")

    return say


def _commands(unread: bytearray) -> Iterator[dict[str, object]]:
    """Commands that have come so far; end of input is `quit`, so a runner that dies leaves no phone behind."""
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
        case {"do": "call", "uri": str(uri)}:
            phone.call(uri)
        case {"do": "ring"}:
            phone.ring()
        case {"do": "answer"}:
            phone.answer()
        case {"do": "press", "digits": str(digits)}:
            phone.press(digits)
        case {"do": "hold"}:
            phone.hold()
        case {"do": "resume"}:
            phone.resume()
        case {"do": "hush"}:
            phone.hush()
        case {"do": "speak"}:
            phone.speak()
        case {"do": "hangup"}:
            phone.hangup()
        case _:
            raise ValueError(f"not understood: {command}")


def main() -> int:
    say = _private_stdout()
    with os.fdopen(0, "rb", buffering=0, closefd=False) as words:
        first = json.loads(words.readline())
    phone = Phone(**{name: value for name, value in first.items() if name != "do"})
    say("ready", {})
    unread = bytearray()
    while True:
        for event, detail in phone.poll():
            say(event, detail)
        for command in _commands(unread):
            if command == {"do": "quit"}:
                phone.close()
                say("closed", {})
                return 0
            try:
                _obey(phone, command)
            except (pj.Error, ValueError) as error:
                say("error", {"what": getattr(error, "reason", str(error))})


if __name__ == "__main__":
    sys.exit(main())
