"""Telling people, to a real mail server and a real HTTP server: what arrives, what is tried again, what no error shows."""

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from certificates import Authority
from smtp_sink import SmtpSink
from webhook_sink import WebhookSink

from switch.alert_settings import AlertSettings, SmtpSettings
from switch.monitor import sending
from switch.monitor.alerts import AlertEvent, AlertKind, Notice
from switch.monitor.sending import NotSent, Way, ways_of
from switch.monitor.telling import MAX_QUEUED, Teller
from switch.sip.digest import Secret

NOTICE = Notice(
    event=AlertEvent.RAISED,
    cause="line:acme-east",
    kind=AlertKind.LINE,
    level=0,
    text="line acme-east of acme takes no calls: it is down: no answer, Zoë",
    at_us=1_767_225_600_000_000,
    since_us=1_767_225_600_000_000,
)
OVER = replace(NOTICE, event=AlertEvent.OVER, at_us=NOTICE.at_us + 60_000_000)
PASSWORD = "pa55-w0rd"  # noqa: S105 of a test
PATIENCE_S = 60.0


def mail(sink: SmtpSink, *, starttls: bool = False, username: str | None = None) -> AlertSettings:
    smtp = SmtpSettings(
        server=sink.address,
        sender="payphone@example.com",
        recipients=("ops@example.com", "desk@example.com"),
        starttls=starttls,
        username=username,
        secret=None if username is None else Secret(PASSWORD),
    )
    return AlertSettings(smtp=smtp)


def sent(settings: AlertSettings, notice: Notice = NOTICE, context: ssl.SSLContext | None = None) -> None:
    (way,) = ways_of(settings, context=lambda: context or ssl.create_default_context())
    asyncio.run(way.send(notice))


def test_a_mail_says_what_is_wrong() -> None:
    with SmtpSink().open() as sink:
        sent(mail(sink))
        sent(mail(sink), OVER)
    assert sink.envelopes == [("payphone@example.com", ("ops@example.com", "desk@example.com"))] * 2
    first, second = sink.mails.get(), sink.mails.get()
    assert first["Subject"] == f"[payphone alert] {NOTICE.text}"
    assert first["To"] == "ops@example.com, desk@example.com"
    assert first["Auto-Submitted"] == "auto-generated"
    assert "It began at 2026-01-01T00:00:00+00:00.\ncause: line:acme-east" in first.get_content().replace("\r\n", "\n")
    assert second["Subject"].startswith("[payphone over] ")
    assert "It is over since 2026-01-01T00:01:00+00:00." in second.get_content()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def contexts(authority: Authority, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for `host`, and that of a client which trusts the authority."""
    certificate, key = authority.certificate([host])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(authority.root))


def test_a_mail_is_encrypted_before_the_log_in(authority: Authority) -> None:
    server, client = contexts(authority, "127.0.0.1")
    with SmtpSink(tls=server, log_in=("payphone", PASSWORD)).open() as sink:
        sent(mail(sink, starttls=True, username="payphone"), context=client)
    assert sink.mails.qsize() == 1
    assert sink.log.index("STARTTLS") < sink.log.index("AUTH") < sink.log.index("MAIL")


def test_no_mail_and_no_password_for_a_server_whose_certificate_is_not_valid(authority: Authority) -> None:
    server, client = contexts(authority, "other.example.com")
    with SmtpSink(tls=server, log_in=("payphone", PASSWORD)).open() as sink, pytest.raises(NotSent) as error:
        sent(mail(sink, starttls=True, username="payphone"), context=client)
    assert "certificate" in error.value.why
    assert "AUTH" not in sink.log


def test_no_password_for_a_server_without_tls() -> None:
    with SmtpSink(log_in=("payphone", PASSWORD)).open() as sink, pytest.raises(NotSent) as error:
        sent(mail(sink, starttls=True, username="payphone"))
    assert error.value.is_final
    assert "AUTH" not in sink.log


def test_a_refused_log_in_shows_no_password(authority: Authority) -> None:
    server, client = contexts(authority, "127.0.0.1")
    with SmtpSink(tls=server, log_in=("payphone", "another")).open() as sink, pytest.raises(NotSent) as error:
        sent(mail(sink, starttls=True, username="payphone"), context=client)
    assert error.value.is_final
    assert error.value.why == "the server refuses the log-in with 535"
    assert PASSWORD not in f"{error.value!r} {error.value.__cause__!r}"


@pytest.mark.parametrize(
    ("command", "answer", "is_final"),
    [("RCPT", "550 nobody", True), ("RCPT", "450 later", False), ("DATA", "451 later", False), ("MAIL", "552 no room", True)],
)
def test_what_a_mail_server_says_decides_whether_it_is_tried_again(command: str, answer: str, *, is_final: bool) -> None:
    sink = SmtpSink()
    sink.answers[command] = answer
    with sink.open(), pytest.raises(NotSent) as error:
        sent(mail(sink))
    assert error.value.is_final is is_final
    assert answer[:3] in error.value.why


def test_no_mail_server_is_worth_another_try() -> None:
    with SmtpSink().open() as sink:
        pass
    with pytest.raises(NotSent) as error:
        sent(mail(sink))
    assert not error.value.is_final


# webhooks


def hook(sink: WebhookSink) -> AlertSettings:
    return AlertSettings(webhook=Secret(sink.url))


def test_a_webhook_gets_json() -> None:
    with WebhookSink().open() as sink:
        sent(hook(sink), OVER)
    path, posted = sink.posted.get()
    assert path == "/hook?key=s3cret"
    assert posted.pop("host")
    assert posted == {
        "event": "over",
        "kind": "line",
        "cause": "line:acme-east",
        "level": 0,
        "text": NOTICE.text,
        "at": "2026-01-01T00:01:00+00:00",
        "since": "2026-01-01T00:00:00+00:00",
    }


@pytest.mark.parametrize(("code", "is_final"), [(500, False), (503, False), (429, False), (408, False), (404, True), (302, True)])
def test_what_a_webhook_answers_decides_whether_it_is_tried_again(code: int, *, is_final: bool) -> None:
    sink = WebhookSink()
    sink.codes, sink.headers = [code], {"Location": "/elsewhere"}
    with sink.open(), pytest.raises(NotSent) as error:
        sent(hook(sink))
    assert error.value.is_final is is_final
    assert error.value.why == f"the answer is {code}"
    assert sink.posted.qsize() == 1  # a redirect is not followed


def test_a_webhook_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "WEBHOOK_S", 0.2)
    sink = WebhookSink()
    sink.hangs.clear()
    with sink.open(), pytest.raises(NotSent) as error:
        sent(hook(sink))
    assert not error.value.is_final


def test_no_error_of_a_webhook_shows_its_key() -> None:
    with WebhookSink().open() as sink:
        pass
    with pytest.raises(NotSent) as error:
        sent(hook(sink))
    assert "s3cret" not in f"{error.value} {error.value!r} {error.value.__cause__!r}"


# the queue


class Told:
    """What a teller said, and a way to wait for it."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str | None]] = []
        self._news = asyncio.Event()
        self.teller = Teller(self._told, pauses_s=(0.0, 0.0))

    def _told(self, way: str, notice: Notice, why: str | None) -> None:
        self.said.append((way, notice.event.value, why))
        self._news.set()

    async def until(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.said) < number:
                self._news.clear()
                await self._news.wait()


class Stuck:
    """A way that never ends."""

    name = "mail"

    async def send(self, notice: Notice) -> None:  # noqa: ARG002 as ways have it
        await asyncio.Event().wait()


def test_a_way_that_does_not_work_delays_no_other() -> None:
    async def scene() -> None:
        with WebhookSink().open() as sink:
            told = Told()
            told.teller.use([Stuck(), *ways_of(hook(sink))])
            told.teller.tell([NOTICE, OVER])
            await told.until(2)
            await told.teller.close()
            assert told.said == [("webhook", "raised", None), ("webhook", "over", None)]

    asyncio.run(scene())


def test_a_notice_is_tried_again_and_then_given_up() -> None:
    async def scene() -> None:
        with WebhookSink().open() as sink:
            told = Told()
            sink.codes = [500, 503, 200, 500, 500, 500]
            told.teller.use(ways_of(hook(sink)))
            told.teller.tell([NOTICE, OVER])
            await told.until(2)
            await told.teller.close()
            assert told.said == [("webhook", "raised", None), ("webhook", "over", "the answer is 500 (tried 3 times)")]
            assert sink.posted.qsize() == 6

    asyncio.run(scene())


def test_of_more_notices_than_the_limit_the_oldest_is_given_up() -> None:
    async def scene() -> None:
        told = Told()
        stuck: tuple[Way, ...] = (Stuck(),)
        told.teller.use(stuck)
        told.teller.tell([NOTICE])
        await asyncio.sleep(0)  # it is being sent
        told.teller.tell([NOTICE] * MAX_QUEUED)
        assert told.said == []
        told.teller.tell([OVER])
        assert told.said == [("mail", "raised", f"more than {MAX_QUEUED} notices wait")]
        await told.teller.close()

    asyncio.run(scene())


def test_without_a_way_nobody_is_told() -> None:
    told = Told()
    assert ways_of(AlertSettings()) == ()
    told.teller.tell([NOTICE])
    assert not told.teller.is_used
    assert told.said == []
