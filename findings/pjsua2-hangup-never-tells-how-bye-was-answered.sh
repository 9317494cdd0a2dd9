#!/usr/bin/env bash
# Guessed: after hangup(), onCallTsxState tells how the BYE was answered, and the call is DISCONNECTED once it has been.
# Seen:    the call is DISCONNECTED at once, before the BYE is answered, and no callback comes for the answer: a BYE that gets 481 looks as one that gets 200.
#          A BYE that is sent by sendRequest instead ends the call when its answer comes, whose code is in the event of onCallState.
# Why it matters: a probe that asks whether a line answers a BYE is told yes by every line.
# Package: pjsua2-python 2.15.1.post1 (PyPI)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pjsua2-python==2.15.1.post1
python="$folder/venv/bin/python"
version=$("$python" -c 'from importlib.metadata import version; print(version("pjsua2-python"))')
echo "pjsua2-python $version"
[ "$version" = "2.15.1.post1" ] || { echo "another version than the one that was looked at"; exit 1; }
cat >"$folder/phone.py" <<'PY'
"""Calls the port of loopback in argv, ends the call by what argv says, and prints what it was told from then on, in its order."""
import sys
import time

import pjsua2 as pj

told = []
is_ending = False
ended = 0.0


class Call(pj.Call):
    state = None

    def onCallState(self, prm):
        self.state = self.getInfo().state
        if is_ending and self.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            when = "at once" if time.monotonic() - ended < 0.2 else "later"
            code = prm.e.body.tsxState.tsx.statusCode if prm.e.type == pj.PJSIP_EVENT_TSX_STATE else "of no answer"
            told.append(f"disconnected {when}, {code}")

    def onCallTsxState(self, prm):
        event = prm.e.body.tsxState
        if is_ending and event.tsx.method == "BYE" and event.type == pj.PJSIP_EVENT_RX_MSG:
            told.append(f"answer {event.tsx.statusCode}")


def run(seconds, until=lambda: False):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        endpoint.libHandleEvents(10)


endpoint = pj.Endpoint()
endpoint.libCreate()
settings = pj.EpConfig()
settings.logConfig.level = settings.logConfig.consoleLevel = 0
settings.uaConfig.threadCnt, settings.uaConfig.mainThreadOnly = 0, True
endpoint.libInit(settings)
endpoint.audDevManager().setNullDev()
transport = pj.TransportConfig()
transport.boundAddress = "127.0.0.1"
endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
endpoint.libStart()
account, own = pj.Account(), pj.AccountConfig()
own.idUri = "sip:phone@127.0.0.1"
account.create(own)
call = Call(account)
call.makeCall(f"sip:desk@127.0.0.1:{sys.argv[1]}", pj.CallOpParam(True))
run(10, lambda: call.state == pj.PJSIP_INV_STATE_CONFIRMED)
is_ending, ended = True, time.monotonic()
if sys.argv[2] == "hangup":
    call.hangup(pj.CallOpParam())
else:
    request = pj.CallSendRequestParam()
    request.method = "BYE"
    call.sendRequest(request)
run(3)
print(sys.argv[2] + ":", ", ".join(told))
del call
account.shutdown()
del account
endpoint.libDestroy()
PY
cat >"$folder/desk.py" <<'PY'
"""Answers a call, and its BYE 0.4 s later by 481."""
import re
import socket
import subprocess
import sys
import time

SDP = "\r\n".join(["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 9 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", ""])
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.settimeout(20)
port = server.getsockname()[1]
phone = subprocess.Popen([sys.executable, sys.argv[1], str(port), sys.argv[2]], stderr=subprocess.DEVNULL)
method = ""
while method != "BYE":
    data, source = server.recvfrom(65535)
    head = data.decode().partition("\r\n\r\n")[0]
    method = head.split(" ")[0]
    if method not in ("INVITE", "BYE"):
        continue
    echoed = [line for line in head.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", line)]
    status, more, answer = "481 Call Does Not Exist", [], ""
    if method == "INVITE":
        status = "200 OK"
        echoed = [line + ";tag=desk" if line.startswith("To:") else line for line in echoed]
        more, answer = [f"Contact: <sip:desk@127.0.0.1:{port}>", "Content-Type: application/sdp"], SDP
    else:
        time.sleep(0.4)  # before the first retransmission
    lines = [f"SIP/2.0 {status}", *echoed, *more, f"Content-Length: {len(answer)}", "", answer]
    server.sendto("\r\n".join(lines).encode(), source)
phone.wait(20)
PY
seen=$(for how in hangup sendRequest; do "$python" "$folder/desk.py" "$folder/phone.py" "$how"; done | grep disconnected | paste -sd ';')
echo "$seen"
[ "$seen" = "hangup: disconnected at once, of no answer;sendRequest: disconnected later, 481" ] || { echo "it has changed"; exit 1; }
