#!/usr/bin/env bash
# Guessed: of a 401 with two challenges (SHA-256 first, then MD5, as RFC 8760 section 2.4 has a server send them), SIPp answers the MD5 one, which it knows.
# Seen:    SIPp looks at the first WWW-Authenticate alone and stops with an error about its algorithm; with MD5 first it answers that one.
# Why it matters: a registrar or switch that offers SHA-256 by the book can't be tested with SIPp's [authentication], nor reached by clients like it.
# Package: sip-tester 1:3.6.1-1+b2 (Debian 12)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
version=$(dpkg-query -W -f '${Version}' sip-tester)
echo "sip-tester $version"
[ "$version" = "1:3.6.1-1+b2" ] || { echo "another version than the one that was looked at"; exit 1; }
cd "$folder"
cat >options.xml <<'XML'
<?xml version="1.0" encoding="UTF-8" ?>
<scenario name="OPTIONS with digest">
  <send><![CDATA[
    OPTIONS sip:[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    Max-Forwards: 70
    From: <sip:probe@[local_ip]>;tag=[call_number]
    To: <sip:[remote_ip]>
    Call-ID: [call_id]
    CSeq: 1 OPTIONS
    Content-Length: 0

  ]]></send>
  <recv response="401" auth="true" />
  <send><![CDATA[
    OPTIONS sip:[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    Max-Forwards: 70
    From: <sip:probe@[local_ip]>;tag=[call_number]
    To: <sip:[remote_ip]>
    Call-ID: [call_id]
    CSeq: 2 OPTIONS
    [authentication username=probe password=secret]
    Content-Length: 0

  ]]></send>
  <recv response="200" />
</scenario>
XML
cat >server.py <<'PY'
"""Challenges the first OPTIONS by the algorithms of argv, in order, answers the second with 200, and prints what algorithm it was answered by."""
import re
import socket
import subprocess
import sys

algorithms = sys.argv[1:]
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.settimeout(10)
sipp = subprocess.Popen(
    ["sipp", f"127.0.0.1:{server.getsockname()[1]}", "-sf", "options.xml", "-m", "1", "-i", "127.0.0.1", "-timeout", "8s", "-nostdin"],
    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
)
answered = "nothing"
for status in ("401 Unauthorized", "200 OK"):
    try:
        data, source = server.recvfrom(65535)
    except TimeoutError:
        break
    request = data.decode()
    if status.startswith("200"):
        given = re.search(r"^Authorization: (.*)$", request, re.MULTILINE)
        answered = "MD5" if given and "SHA" not in given[1] else "another algorithm"
    echoed = [line for line in request.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", line)]
    challenges = [f'WWW-Authenticate: Digest realm="r", nonce="n{each}", qop="auth", algorithm={each}' for each in algorithms]
    lines = [f"SIP/2.0 {status}", *echoed, *(challenges if status.startswith("401") else []), "Content-Length: 0", "", ""]
    server.sendto("\r\n".join(lines).encode(), source)
    if sipp.poll() is not None:
        break
    if status.startswith("401"):
        server.settimeout(4)
try:
    _, errors = sipp.communicate(timeout=10)
except subprocess.TimeoutExpired:
    sipp.kill()
    _, errors = sipp.communicate()
told = next((line.strip() for line in errors.splitlines() if "algorithm" in line.lower() or "MD5" in line), "")
print(f"challenged by {', '.join(algorithms)}: answered by {answered}{'; ' + told[-110:] if told else ''}")
PY
first=$(python3 server.py SHA-256 MD5)
second=$(python3 server.py MD5 SHA-256)
printf '%s\n%s\n' "$first" "$second"
[[ $first == *"answered by nothing"* && $first == *MD5* && $second == *"answered by MD5"* ]] || { echo "it has changed"; exit 1; }
