#!/usr/bin/env bash
# Guessed: sendDtmf("1234") by SIP INFO sends a key when the one before has been answered, or a key whose INFO is lost on the way still comes, by retransmission.
# Seen:    all four INFOs leave within milliseconds. Where the second is lost, it comes again behind the fourth with a lower CSeq, and RFC 3261 section
#          12.2.2 has the other side refuse it by 500. The key is gone, it is not sent again, and sendDtmf has reported no error.
# Why it matters: over UDP with a little loss keys vanish by the one method that is thought to survive loss; whoever sends a string must wait for each answer.
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
"""Calls the port of loopback in argv, sends the keys 1234 by INFO, and hangs up three seconds later."""
import sys
import time

import pjsua2 as pj


class Call(pj.Call):
    state = None

    def onCallState(self, prm):
        self.state = self.getInfo().state


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
keys = pj.CallSendDtmfParam()
keys.digits, keys.method = "1234", pj.PJSUA_DTMF_METHOD_SIP_INFO
call.sendDtmf(keys)
run(3)
call.hangup(pj.CallOpParam())
run(5, lambda: call.state == pj.PJSIP_INV_STATE_DISCONNECTED)
del call
account.shutdown()
del account
endpoint.libDestroy()
PY
cat >"$folder/desk.py" <<'PY'
"""Answers a call, loses the INFO of the key 2 once, refuses a CSeq that is lower than the one before (RFC 3261 12.2.2), prints what came of the keys."""
import re
import socket
import subprocess
import sys

SDP = "\r\n".join(["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 9 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", ""])
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.settimeout(20)
port = server.getsockname()[1]
phone = subprocess.Popen([sys.executable, sys.argv[1], str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
highest, lost, method = 0, False, ""
while method != "BYE":
    data, source = server.recvfrom(65535)
    head, _, body = data.decode().partition("\r\n\r\n")
    method = head.split(" ")[0]
    if method not in ("INVITE", "INFO", "BYE"):
        continue
    cseq = int(re.search(r"^CSeq: (\d+)", head, re.MULTILINE)[1])
    echoed = [line for line in head.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", line)]
    status, more, answer = "200 OK", [], ""
    if method == "INVITE":
        echoed = [line + ";tag=desk" if line.startswith("To:") else line for line in echoed]
        more, answer = [f"Contact: <sip:desk@127.0.0.1:{port}>", "Content-Type: application/sdp"], SDP
    if method == "INFO":
        key = re.search(r"Signal=\s*(\S)", body)[1]
        if key == "2" and not lost:
            lost = True
            print("2 lost")
            continue
        if cseq < highest:
            status = "500 Lower CSeq"
        highest = max(highest, cseq)
        print(key, status[:3])
    lines = [f"SIP/2.0 {status}", *echoed, *more, f"Content-Length: {len(answer)}", "", answer]
    server.sendto("\r\n".join(lines).encode(), source)
phone.wait(10)
PY
seen=$("$python" "$folder/desk.py" "$folder/phone.py" | paste -sd ';')
echo "$seen"
[ "$seen" = "1 200;2 lost;3 200;4 200;2 500" ] || { echo "it has changed"; exit 1; }
