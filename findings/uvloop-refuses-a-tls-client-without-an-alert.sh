#!/usr/bin/env bash
# Guessed: a TLS server that refuses a client without a certificate sends it the alert that says so (RFC 8446 section 4.4.2.4), with uvloop as with OpenSSL alone.
# Seen:    uvloop's server closes the connection without any alert: the client sees an unexpected end. OpenSSL's own server sends "certificate required".
# Why it matters: a carrier that forgot its certificate under mutual TLS is not told why it is refused; only our log says it.
# Package: uvloop 0.23.0, Python 3.11
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check uvloop==0.23.0
python="$folder/venv/bin/python"
version=$("$python" -c 'from importlib.metadata import version; print(version("uvloop"))')
echo "uvloop $version"
[ "$version" = "0.23.0" ] || { echo "another version than the one that was looked at"; exit 1; }
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=127.0.0.1 \
    -addext "subjectAltName=IP:127.0.0.1" -keyout "$folder/key.pem" -out "$folder/cert.pem" 2>/dev/null
cat >"$folder/seen.py" <<'PY'
"""Prints what a client without a certificate sees of a server that asks for one: `blocking` (OpenSSL alone) or `uvloop`."""
import asyncio
import socket
import ssl
import sys
import threading

import uvloop

kind, folder = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
context.load_verify_locations(f"{folder}/cert.pem")
context.verify_mode = ssl.CERT_REQUIRED
listening = socket.create_server(("127.0.0.1", 0))


def blocking() -> None:
    accepted, _ = listening.accept()
    try:
        context.wrap_socket(accepted, server_side=True)
    except ssl.SSLError:
        accepted.close()


def with_uvloop() -> None:
    async def serve() -> None:
        lost = asyncio.Event()
        asyncio.get_running_loop().set_exception_handler(lambda *_: lost.set())
        server = await asyncio.start_server(lambda *_: None, sock=listening, ssl=context)
        async with server:
            await asyncio.wait_for(lost.wait(), 5)

    try:
        uvloop.run(serve())
    except TimeoutError:
        pass


threading.Thread(target=with_uvloop if kind == "uvloop" else blocking, daemon=True).start()
client = ssl.create_default_context(cafile=f"{folder}/cert.pem")
try:
    with client.wrap_socket(socket.create_connection(listening.getsockname()), server_hostname="127.0.0.1") as connection:
        connection.settimeout(8)
        print("an end without a word" if connection.recv(1) == b"" else "data")
except (ssl.SSLEOFError, ConnectionError):
    print("an end without a word")
except ssl.SSLError as error:
    print(error.reason)
PY
alone=$("$python" "$folder/seen.py" blocking "$folder")
with=$("$python" "$folder/seen.py" uvloop "$folder" 2>/dev/null)
echo "OpenSSL alone: $alone; uvloop: $with"
[[ $alone == *CERTIFICATE_REQUIRED* && $with == "an end without a word" ]] || { echo "it has changed"; exit 1; }
