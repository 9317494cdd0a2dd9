"""The real process over TLS: certificates are renewed while calls are up, and `payphone status` says until when they hold."""

import asyncio
import signal
import ssl
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certificates import Authority
from cryptography import x509
from running_switch import PATIENCE_S, RunningSwitch, stage
from sip_world import request

from switch.engine.clock import SystemClock

OPTIONS = request("OPTIONS", via="SIP/2.0/TLS 127.0.0.1:5080;branch=z9hG4bKp%d", contact=None)
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connected(switch: RunningSwitch, authority: Authority) -> Connection:
    context = ssl.create_default_context(cafile=str(authority.root))
    return await asyncio.open_connection("127.0.0.1", switch.tls, ssl=context)


def serial(connection: Connection) -> int:
    shown = connection[1].get_extra_info("ssl_object").getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(shown).serial_number


async def is_answered(connection: Connection, number: int) -> bool:
    reader, writer = connection
    writer.write(OPTIONS % number)
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.readuntil(b"\r\n\r\n")
    return answer.startswith(b"SIP/2.0 200 ")


async def status(switch: RunningSwitch) -> str:
    command = [sys.executable, "-m", "switch.cli", "status", "--config", str(switch.config)]
    asked = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env={"COLUMNS": "200"})
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await asked.communicate()
    return out.decode()


def test_a_renewed_certificate_is_shown_to_new_connections_and_calls_go_on(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    now = datetime.fromtimestamp(SystemClock().now().utc_us / 1_000_000, UTC)

    async def scene() -> None:
        async with stage(tmp_path, authority=authority) as on:
            switch = on.switch
            call, there = await on.talk()
            old = await connected(switch, authority)
            assert await is_answered(old, 1)
            switch.renew_certificate(days=9)
            switch.signal(signal.SIGHUP)
            await switch.until("config read")
            assert "certificate read" in [line["event"] for line in switch.log]
            assert (await switch.until("certificate runs out"))["on"].startswith(f"{now + timedelta(days=9):%Y-%m-%d}")
            new = await connected(switch, authority)
            assert serial(new) != serial(old)
            assert await is_answered(new, 2)
            assert await is_answered(old, 3)
            said = await status(switch)
            assert "1 call in progress" in said
            assert f"sip.pem valid until {now + timedelta(days=9):%Y-%m-%d}" in said
            call.hang_up()
            await there.until_over()
            (record,) = await switch.records(1)
            assert record["ended_detail"] == "caller_hung_up"
            for _, writer in (old, new):
                writer.close()

    asyncio.run(scene())
