#!/usr/bin/env bash
# Guessed: the `uri` in SIPp's digest credentials is the Request-URI that it sends (RFC 3261 section 22.4 item 1), so a server that compares the two lets it in.
# Seen:    SIPp writes sip:HOST:PORT, without the user of the Request-URI; only -auth_uri makes it the whole. The hash is over what it writes.
# Why it matters: a switch that holds credentials for one number good for that number alone refuses SIPp with the right password.
# Package: sip-tester 1:3.6.1-1+b2 (Debian 12)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
version=$(dpkg-query -W -f '${Version}' sip-tester)
echo "sip-tester $version"
[ "$version" = "1:3.6.1-1+b2" ] || { echo "another version than the one that was looked at"; exit 1; }
cd "$folder"
python3 - <<'PY'
"""Writes a scenario whose OPTIONS goes to a user, is challenged, and goes again with credentials."""
request = """
    OPTIONS sip:sales@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    Max-Forwards: 70
    From: <sip:probe@[local_ip]>;tag=[call_number]
    To: <sip:sales@[remote_ip]>
    Call-ID: [call_id]
    CSeq: {number} OPTIONS
{more}    Content-Length: 0

"""
first = request.format(number=1, more="")
second = request.format(number=2, more="    [authentication username=probe password=secret]\n")
steps = f'<send><![CDATA[{first}]]></send><recv response="401" auth="true"/><send><![CDATA[{second}]]></send><recv response="200"/>'
with open("options.xml", "w") as file:
    file.write(f'<?xml version="1.0"?><scenario name="digest">{steps}</scenario>')
PY
cat >server.py <<'PY'
"""Challenges the first OPTIONS, answers the second with 200, and prints the digest's uri, and whether the hash is right for it. argv: more for SIPp."""
import hashlib
import re
import socket
import subprocess
import sys


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.settimeout(10)
port = server.getsockname()[1]
more = [each.replace("PORT", str(port)) for each in sys.argv[1:]]
sipp = subprocess.Popen(
    ["sipp", f"127.0.0.1:{port}", "-sf", "options.xml", "-m", "1", "-i", "127.0.0.1", "-timeout", "8s", "-nostdin", *more],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
for status in ("401 Unauthorized", "200 OK"):
    data, source = server.recvfrom(65535)
    request = data.decode()
    echoed = [line for line in request.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", line)]
    challenge = ['WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5'] if status.startswith("401") else []
    server.sendto("\r\n".join([f"SIP/2.0 {status}", *echoed, *challenge, "Content-Length: 0", "", ""]).encode(), source)
sipp.wait(10)
given = dict(re.findall(r'(\w+)="?([^",]+)', re.search(r"^Authorization: Digest (.*)$", request, re.MULTILINE)[1]))
right = given["response"] == md5(f"{md5('probe:r:secret')}:n:{md5('OPTIONS:' + given['uri'])}")
asked = request.split(" ")[1].replace(str(port), "PORT")
print(f"Request-URI {asked}: uri {given['uri'].replace(str(port), 'PORT')}, hash {'right' if right else 'wrong'} for it")
PY
plain=$(python3 server.py)
forced=$(python3 server.py -auth_uri "sales@127.0.0.1:PORT")
printf '%s\nwith -auth_uri: %s\n' "$plain" "$forced"
[[ $plain == *"uri sip:127.0.0.1:PORT, hash right"* && $forced == *"uri sip:sales@127.0.0.1:PORT, hash right"* ]] || { echo "it has changed"; exit 1; }
