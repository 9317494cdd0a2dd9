"""Sends one request of a webhook, and says how that went. Where it may go is decided at the moment of connecting, by the address.

A name is resolved here, its addresses are looked at, and the connection is made to the one that was looked at: a name that means another
address a moment later (DNS rebinding) leads nowhere else. TLS is verified for the name. Redirects are not followed, proxies of the
environment not used, cookies not kept, and of an answer only the beginning is read.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from switch.output import clean
from switch.webhook.hosts import Address, allows_address, allows_name
from switch.webhook.request import WebhookRequest

SEND_S = 10.0
"""For all of it: the name, the connection, the answer."""
MAX_ANSWER_BYTES = 4_096
SHOWN_CHARS = 200
DNS_THREADS = 16

Resolve = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host. Raises OSError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a request went. `status`: of HTTP; None: there was no answer. `why`: what went wrong; empty: it was taken."""

    status: int | None
    why: str
    took_ms: int

    @property
    def is_taken(self) -> bool:
        return not self.why


class Sender:
    """`hosts`: what may be sent to (`switch.webhook_hosts`). Closed when it is left as a context."""

    def __init__(
        self, hosts: Callable[[], Sequence[str]], *, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._hosts = hosts
        self._resolve = resolve or _addresses
        self._dns = ThreadPoolExecutor(max_workers=DNS_THREADS, thread_name_prefix="dns")
        # No connection is kept: it is of an address, and another name may lead there.
        transport = httpx.AsyncHTTPTransport(
            verify=tls or ssl.create_default_context(), limits=httpx.Limits(max_keepalive_connections=0), retries=0
        )
        self._client = httpx.AsyncClient(transport=transport, follow_redirects=False, trust_env=False, timeout=SEND_S)

    async def __aenter__(self) -> "Sender":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._dns.shutdown(wait=False, cancel_futures=True)
        await self._client.aclose()

    async def send(self, request: WebhookRequest) -> Answer:
        """Never raises what a receiver, a network or a name server can bring about."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()

        def answer(why: str, status: int | None = None) -> Answer:
            return Answer(status=status, why=clean(why), took_ms=round((loop.time() - began_s) * 1_000))

        try:
            async with asyncio.timeout(SEND_S):
                found = await self._allowed(request.url)
                if isinstance(found, str):
                    return answer(found)
                status, text = await self._ask(request, found)
        except TimeoutError:
            return answer(f"no answer within {SEND_S:.0f} s")
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, UnicodeError) as error:
            return answer(f"{type(error).__name__}: {error}".rstrip(": "))
        if httpx.codes.is_success(status):
            return answer("", status)
        if httpx.codes.is_redirect(status):
            return answer(f"answered {status}: redirects are not followed", status)
        return answer(f"answered {status}: {text}".rstrip(": "), status)

    async def _allowed(self, url: str) -> Address | str:
        """The address to connect to, or why there is none."""
        parts = urlsplit(url)
        host, hosts = parts.hostname or "", self._hosts()
        try:
            literal = ip_address(host)
        except ValueError:
            literal = None
        if literal is not None:
            return literal if allows_address(literal, hosts, listed=True) else f"{literal} is not one of switch.webhook_hosts"
        if not allows_name(host, hosts):
            return f"{host} is not one of switch.webhook_hosts"
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = await asyncio.get_running_loop().run_in_executor(self._dns, self._resolve, host, port)
        addresses = [ip_address(each.partition("%")[0]) for each in found]
        allowed = [each for each in addresses if allows_address(each, hosts)]
        if not allowed:
            told = ", ".join(map(str, addresses)) or "nothing"
            return f"{host} leads to {told}: not a public address, and not one of switch.webhook_hosts"
        return allowed[0]

    async def _ask(self, request: WebhookRequest, address: Address) -> tuple[int, str]:
        parts = urlsplit(request.url)
        url = httpx.URL(request.url).copy_with(host=str(address))
        headers = {**request.headers, "Host": parts.netloc, "Accept-Encoding": "identity", "Connection": "close"}
        extensions = {"sni_hostname": parts.hostname} if parts.scheme == "https" else {}
        async with self._client.stream(
            request.method, url, headers=headers, content=request.body or None, extensions=extensions
        ) as response:
            read = b""
            async for chunk in response.aiter_raw():
                read += chunk
                if len(read) >= MAX_ANSWER_BYTES:
                    break
            return response.status_code, read.decode("utf-8", errors="replace")[:SHOWN_CHARS].strip()


def _addresses(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
