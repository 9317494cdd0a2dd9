"""One request over real sockets: where it may go, and what a receiver can do to it."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from certificates import Authority

from switch.deliver import sender as sender_module
from switch.deliver.sender import MAX_ANSWER_BYTES, Answer, Sender
from switch.webhook.request import WebhookRequest
from switch.webhook.terms import Method

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LOOPBACK = ("hooks.example.com", "127.0.0.0/8")


def request(url: str, body: bytes = b"") -> WebhookRequest:
    return WebhookRequest(method=Method.POST if body else Method.GET, url=url, headers={"Idempotency-Key": "i"}, body=body)


def sent(
    answer: bytes | Serve,
    *,
    url: str = "http://127.0.0.1:{port}/x",
    hosts: Sequence[str] = LOOPBACK,
    resolve: sender_module.Resolve | None = None,
    tls: ssl.SSLContext | None = None,
    server_tls: ssl.SSLContext | None = None,
    body: bytes = b"",
) -> tuple[Answer, list[bytes]]:
    """Returns how it went, and the heads that the receiver got."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        if callable(answer):
            await answer(reader, writer)
        else:
            writer.write(answer)
        writer.close()

    async def play() -> Answer:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_tls)
        port = server.sockets[0].getsockname()[1]
        async with Sender(lambda: hosts, resolve=resolve, tls=tls) as sender:
            found = await sender.send(request(url.format(port=port), body))
        server.close()
        return found

    return asyncio.run(play()), heads


def test_it_is_taken() -> None:
    answer, heads = sent(OK, body=b"{}")
    assert (answer.status, answer.why, answer.is_taken) == (200, "", True)
    assert heads[0].startswith(b"POST /x HTTP/1.1\r\n")
    assert b"Idempotency-Key: i" in heads[0]


def test_a_name_is_asked_for_once_and_its_own_name_is_said() -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    answer, heads = sent(OK, url="http://hooks.example.com:{port}/x?a=1", resolve=resolve)
    assert answer.is_taken
    assert asked == ["hooks.example.com"]
    assert heads[0].startswith(b"GET /x?a=1 HTTP/1.1\r\nHost: hooks.example.com:")


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["10.0.0.1", "::1"], ["169.254.169.254"], ["::ffff:127.0.0.1"], ["fe80::1%eth0"], []]
)
def test_a_name_that_leads_to_ourselves_is_not_connected_to(addresses: list[str]) -> None:
    answer, heads = sent(
        OK, url="http://hooks.example.com:{port}/", hosts=["hooks.example.com"], resolve=lambda _host, _port: addresses
    )
    assert "not a public address" in answer.why
    assert (answer.status, heads) == (None, [])


def test_of_several_addresses_the_one_that_may_be_is_taken() -> None:
    answer, _ = sent(OK, url="http://hooks.example.com:{port}/", resolve=lambda _host, _port: ["10.0.0.1", "127.0.0.1"])
    assert answer.is_taken


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "http://[::1]:{port}/", "http://other.example.com:{port}/"])
def test_what_is_not_listed_is_not_connected_to(url: str) -> None:
    answer, heads = sent(OK, url=url, hosts=["hooks.example.com"])
    assert "is not one of switch.webhook_hosts" in answer.why
    assert heads == []


def test_a_redirect_is_not_followed() -> None:
    answer, heads = sent(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/y\r\nContent-Length: 0\r\n\r\n")
    assert (answer.status, answer.why) == (302, "answered 302: redirects are not followed")
    assert len(heads) == 1


def test_a_refusal_and_what_it_said() -> None:
    answer, _ = sent(b"HTTP/1.1 500 Oh\r\nContent-Length: 9\r\n\r\nno\x1b[31m!\n")
    assert (answer.status, answer.why) == (500, "answered 500: no\\x1b[31m!")


def test_an_answer_without_end_is_read_up_to_a_limit() -> None:
    written: list[int] = []

    async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * MAX_ANSWER_BYTES)
                await writer.drain()
                written.append(MAX_ANSWER_BYTES)
        except ConnectionError:
            pass

    answer, _ = sent(endless)
    assert answer.is_taken
    assert sum(written) < 50_000_000


def test_no_answer_is_waited_for_so_long_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "SEND_S", 0.2)

    async def never(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    answer, heads = sent(never)
    assert (answer.status, len(heads)) == (None, 1)
    assert answer.why.startswith("no answer within")


def test_a_trickle_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each octet comes in time, and all of them never."""
    monkeypatch.setattr(sender_module, "SEND_S", 0.3)

    async def trickle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()

        def send_one() -> None:
            if writer.is_closing():
                over.set()
                return
            writer.write(b"H")
            loop.call_later(0.01, send_one)

        send_one()
        await over.wait()

    answer, _ = sent(trickle)
    assert answer.status is None


@pytest.mark.parametrize(
    "answer", [b"", b"SIP/2.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", b"\xff" * 100]
)
def test_what_is_no_answer(answer: bytes) -> None:
    found, _ = sent(answer)
    assert found.why
    assert found.why.isprintable()


def test_nobody_listens_and_no_name() -> None:
    def nothing(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such name")

    refused, _ = sent(OK, url="http://127.0.0.1:9/")
    assert "ConnectError" in refused.why
    unknown, _ = sent(OK, url="http://hooks.example.com:{port}/", resolve=nothing)
    assert "no such name" in unknown.why


@pytest.mark.parametrize(
    ("name", "is_known", "why"),
    [
        ("hooks.example.com", True, ""),
        ("other.example.com", True, "Hostname mismatch"),
        ("hooks.example.com", False, "certificate verify failed"),
    ],
)
def test_a_certificate_must_be_for_the_name_and_of_a_known_authority(name: str, is_known: bool, why: str, tmp_path: Path) -> None:  # noqa: FBT001
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    certificate, key = authority.certificate([name])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=str((authority if is_known else stranger).root))

    answer, _ = sent(
        OK, url="https://hooks.example.com:{port}/", resolve=lambda _host, _port: ["127.0.0.1"], tls=client, server_tls=server
    )

    assert why in answer.why
    assert answer.is_taken is (why == "")
