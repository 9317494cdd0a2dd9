"""Listeners, their transports and certificates: what a config may say, and what its author is told."""

from dataclasses import replace
from pathlib import Path

import pytest
from certificates import Authority

from switch.certificate_dates import WARN_DAYS
from switch.deployment import Deployment, Listener, TlsSettings
from switch.engine.media import RtpAddress
from switch.settings.load import Loaded, load
from switch.settings.problem import Severity
from switch.sip.flow import Flow, Transport
from switch.sip.targets import Name

LISTEN = 'listen: [{udp: 192.0.2.1:5060}, {tcp: 192.0.2.1:5060}, {udp: "[2001:db8::1]:5060"}]'
TLS = "listen: [{udp: 192.0.2.1:5060}, {tls: 192.0.2.1:5061, advertise: 203.0.113.5:5061}], tls: {certificate: c.pem, key: c.key}"


def loaded(config: Path, sip: str, extra: str = "") -> Loaded:
    (config / "switch.yaml").write_text(f"switch:\n  sip: {{{sip}}}\n{extra}")
    return load(config)


def sound(result: Loaded) -> Deployment:
    assert result.errors == ()
    assert result.deployment is not None
    return result.deployment


def told(result: Loaded) -> list[str]:
    return [problem.message for problem in result.errors]


def test_one_address_is_a_udp_listener(config: Path) -> None:
    found = sound(loaded(config, "listen: 192.0.2.1:5060")).switch

    assert found.listeners == (Listener(transport=Transport.UDP, address=("192.0.2.1", 5060)),)
    assert found.rtp_addresses == (RtpAddress(local="192.0.2.1", advertised="192.0.2.1"),)


def test_several_listeners_have_their_numbers(config: Path) -> None:
    found = sound(loaded(config, LISTEN)).switch

    assert found.flows == (
        Flow("192.0.2.1", 5060, Transport.UDP, 0),
        Flow("192.0.2.1", 5060, Transport.TCP, 1),
        Flow("2001:db8::1", 5060, Transport.UDP, 2),
    )


def same(host: str) -> RtpAddress:
    return RtpAddress(local=host, advertised=host)


BEHIND_NAT = "listen: [{udp: 10.0.0.5:5060, advertise: 203.0.113.7:5060}, {tcp: 10.0.0.5:5060, advertise: 203.0.113.8:5060}]"


@pytest.mark.parametrize(
    ("sip", "rtp", "addresses"),
    [
        ('listen: [{udp: "[2001:DB8:0::1]:5060"}, {udp: 192.0.2.1:5060}]', "", (same("2001:db8::1"), same("192.0.2.1"))),
        (LISTEN, "", (same("192.0.2.1"), same("2001:db8::1"))),
        ('listen: [{udp: "[::1]:5060"}, {udp: "[::2]:5060"}, {udp: 127.0.0.1:5060}]', "", (same("::1"), same("127.0.0.1"))),
        (LISTEN, "address: 192.0.2.2", (same("192.0.2.2"),)),
        (LISTEN, 'address: "2001:DB8::2"', (same("2001:db8::2"),)),
        (LISTEN, 'address: ["2001:db8::2", 192.0.2.2]', (same("2001:db8::2"), same("192.0.2.2"))),
        (BEHIND_NAT, "", (RtpAddress(local="10.0.0.5", advertised="203.0.113.7"),)),
        (BEHIND_NAT, "address: 10.0.0.5", (RtpAddress(local="10.0.0.5", advertised="203.0.113.7"),)),
        (BEHIND_NAT, "address: 10.0.0.6", (same("10.0.0.6"),)),
    ],
)
def test_audio_has_an_address_of_each_family(config: Path, sip: str, rtp: str, addresses: tuple[RtpAddress, ...]) -> None:
    assert sound(loaded(config, sip, f"  rtp: {{{rtp}}}\n")).switch.rtp_addresses == addresses


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ('[{udp: 192.0.2.1:5060}, {udp: "[2001:db8::1]:20001"}]', None),
        ('[{udp: 192.0.2.1:5060}, {udp: "[2001:db8::1]:20000"}]', "SIP's port 20000 is one of the RTP ports"),
        ('[{udp: 192.0.2.1:5060}, {udp: "[2001:db8::9]:5060"}, {udp: "[2001:db8::1]:20000"}]', None),
    ],
)
def test_sip_and_rtp_have_ports_of_their_own_in_both_families(config: Path, listen: str, message: str | None) -> None:
    assert told(loaded(config, f"listen: {listen}")) == ([] if message is None else [message])


@pytest.mark.parametrize(
    ("sip", "message"),
    [
        ("listen: []", "no listener"),
        ("listen: [{}]", "no address where one belongs"),
        ("listen: [{udp: 192.0.2.1:5060, tcp: 192.0.2.1:5060}]", "udp and tcp where one belongs"),
        ("listen: [{sctp: 192.0.2.1:5060}]", 'unknown key "sctp"'),
        ("listen: [{udp: 192.0.2.1}]", 'bad address "192.0.2.1"'),
        ("listen: [{tcp: 192.0.2.1:5060}, {tls: 192.0.2.1:5060}]", "this address is there twice"),
        ('listen: [{udp: 192.0.2.1:5060, advertise: "[2001:db8::1]:5060"}]', "IPv4 and IPv6 in one listener"),
        ("listen: [{udp: 192.0.2.1:5060}, {tls: 192.0.2.1:5061}]", "a TLS listener without a certificate"),
        ("listen: [{udp: 192.0.2.1:5060, verify: lines}]", "`verify` where no TLS is spoken"),
        ("listen: [{tls: 192.0.2.1:5060, certificate: switch.yaml}]", "a certificate and its key belong together"),
        ("listen: [{tls: 192.0.2.1:5060, key: switch.yaml}]", "a certificate and its key belong together"),
        ("listen: [{tls: 192.0.2.1:5061}], tls: {certificate: no.pem, key: no.key}", 'there is no file "no.pem"'),
    ],
)
def test_what_is_refused(config: Path, sip: str, message: str) -> None:
    assert message in told(loaded(config, sip))


@pytest.mark.parametrize(
    ("written", "servers"),
    [
        ("[192.0.2.53]", (("192.0.2.53", 53),)),
        (
            '[127.0.0.1:5353, "[2001:db8::53]:54", "2001:db8:0::53"]',
            (("127.0.0.1", 5353), ("2001:db8::53", 54), ("2001:db8::53", 53)),
        ),
    ],
)
def test_name_servers(config: Path, written: str, servers: tuple[tuple[str, int], ...]) -> None:
    assert sound(loaded(config, f"listen: 192.0.2.1:5060, name_servers: {written}")).switch.name_servers == servers


@pytest.mark.parametrize("written", ["ns.example.com", "127.0.0.1:0", "127.0.0.1:65536", "0.0.0.0:53"])
def test_a_name_server_is_an_address(config: Path, written: str) -> None:
    (problem,) = loaded(config, f'listen: 192.0.2.1:5060, name_servers: ["{written}"]').errors

    assert problem.message == f'bad name server "{written}"'
    assert (problem.line, problem.column) == (2, 48)


def test_names_come_with_the_place_of_the_first_line_that_has_them(config: Path) -> None:
    lines = "advertisers: {zeta: {lines: {zeta-1: {uri: 'sip:1@sip.example.com'}, zeta-2: {uri: 'sip:2@sip.example.com'}}}}\n"
    found = sound(loaded(config, "listen: 192.0.2.1:5060", lines))

    assert found.plan.names == {Name("sip.example.com"): ("lines.zeta-1.uri", "lines.zeta-2.uri")}
    assert found.places == {Name("sip.example.com"): f"{config}/switch.yaml:3:39"}


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("sip:a@192.0.2.10;transport=tls", "a line over TLS, and no listener for it"),
        ("sip:a@[2001:db8::7];transport=tcp", "an IPv6 address, and no listener with one"),
        ("sip:a@192.0.2.1:5060;transport=tcp", "the line is this switch itself"),
        ("sip:a@[2001:db8::7]", None),
        ("sip:a@sip.example.com;transport=tcp", None),
    ],
)
def test_a_line_needs_a_listener_that_gets_there(config: Path, uri: str, message: str | None) -> None:
    extra = f'advertisers: {{further: {{lines: {{further-one: {{uri: "{uri}"}}}}}}}}\n'
    (config / "further.yaml").write_text(extra)

    assert told(loaded(config, LISTEN)) == ([] if message is None else [message])


def test_a_trunk_may_have_addresses_of_both_kinds(config: Path) -> None:
    (config / "further.yaml").write_text('trunks: {both: {addresses: [198.51.100.0/24, "2001:db8:7::/48"]}}\n')

    plan = sound(loaded(config, LISTEN)).plan

    names = [trunk.name if (trunk := plan.trunk_of(host)) else None for host in ("198.51.100.9", "2001:db8:7::1", "2001:db8:8::1")]
    assert names == ["both", "both", None]


def test_literals_of_ipv6_are_known_however_they_are_written(config: Path) -> None:
    """A registrar's calls and a line's redirects come from the address as sockets write it."""
    registration = '{registrar: "sip:[2001:DB8:40::0:1]", username: u, secret: s}'
    (config / "further.yaml").write_text(
        f"trunks: {{registered: {{addresses: [192.0.2.0/24], registration: {registration}}}}}\n"
        'advertisers: {further: {lines: {six: {uri: "sip:a@[2001:DB8:0:0::7]:5070"}}}}\n'
    )

    plan = sound(loaded(config, LISTEN)).plan

    trunk = plan.trunk_of("2001:db8:40::1")
    assert trunk is not None
    assert trunk.name == "registered"
    assert plan.line_peers["six"].redirects == ("2001:db8::7",)
    assert plan.table.lines["six"].uri == "sip:a@[2001:db8::7]:5070"


def put(config: Path, authority: Authority, name: str = "c", **validity: int) -> None:
    certificate, key = authority.certificate(["sip.example.com"], **validity)
    certificate.rename(config / f"{name}.pem")
    key.rename(config / f"{name}.key")


@pytest.mark.parametrize(
    ("begins", "days", "message", "severity"),
    [
        (-30, WARN_DAYS + 1, None, None),
        (-30, WARN_DAYS, "the certificate runs out on", Severity.WARNING),
        (-30, -1, "the certificate ran out on", Severity.WARNING),
        (1, 30, "the certificate is valid from", Severity.WARNING),
    ],
)
def test_certificates_begin_and_run_out(
    config: Path, begins: int, days: int, message: str | None, severity: Severity | None
) -> None:
    put(config, Authority(config), begins=begins, days=days)

    found = [problem for problem in loaded(config, TLS).problems if "certificate" in problem.message]

    assert [(each.message.startswith(message or ""), each.severity, each.line, bool(each.hint)) for each in found] == (
        [] if message is None else [(True, severity, 2, True)]
    )


@pytest.mark.parametrize(("mode", "told_of"), [(0o640, False), (0o644, True)])
def test_a_key_that_everybody_can_read(config: Path, mode: int, *, told_of: bool) -> None:
    put(config, Authority(config))
    (config / "c.key").chmod(mode)

    found = [problem for problem in loaded(config, TLS).problems if "key" in problem.message]

    assert [(each.message, each.severity, each.hint) for each in found] == (
        [("every user of this machine can read the key", Severity.WARNING, f"chmod o-r {config}/c.key")] if told_of else []
    )


@pytest.mark.parametrize("name", ["c.pem", "c.key", "ca.pem"])
def test_a_file_that_can_not_be_read(config: Path, name: str) -> None:
    """The kernel gives nobody the first page of its own memory map: a file that is there, and that root can't read either."""
    put(config, Authority(config, "ca"))
    (config / name).unlink()
    (config / name).symlink_to("/proc/self/mem")

    assert told(loaded(config, TLS.replace("c.key}", "c.key, ca: ca.pem}"))) == ["the file can't be read: Input/output error"]


def test_authorities_that_are_none(config: Path) -> None:
    put(config, Authority(config))
    (config / "ca.pem").write_text("nothing")

    assert told(loaded(config, TLS.replace("c.key}", "c.key, ca: ca.pem}"))) == ["no certificate in PEM"]


@pytest.mark.parametrize(("ca", "count"), [("", 1), (", ca: ca.pem", 0)])
def test_callers_of_any_authority_are_warned_of(config: Path, ca: str, count: int) -> None:
    put(config, Authority(config, "ca"))

    found = loaded(config, TLS.replace("c.key}", f"c.key, verify: everyone{ca}}}")).problems

    assert [each.message for each in found].count("callers may show a certificate of any authority that the system trusts") == count


def test_listeners_have_tls_of_their_own(config: Path) -> None:
    authority = Authority(config, "ca")
    put(config, authority)
    put(config, authority, "other")
    config = config.resolve()
    listen = (
        "listen: [{tls: 192.0.2.1:5061}, {tls: 192.0.2.1:5062, verify: everyone}, {udp: 192.0.2.1:5060},"
        " {tls: 192.0.2.1:5063, certificate: other.pem, key: other.key, ca: other.pem, verify: nobody}],"
        " tls: {certificate: c.pem, key: c.key, ca: ca.pem}"
    )

    one, mutual, udp, other = [each.tls for each in sound(loaded(config, listen)).switch.listeners]

    common = TlsSettings(
        certificate=config / "c.pem", key=config / "c.key", ca=config / "ca.pem", verify_lines=True, verify_callers=False
    )
    assert (one, mutual, udp) == (common, replace(common, verify_callers=True), None)
    assert other == TlsSettings(
        certificate=config / "other.pem",
        key=config / "other.key",
        ca=config / "other.pem",
        verify_lines=False,
        verify_callers=False,
    )


def test_a_listener_with_a_certificate_needs_no_other(config: Path) -> None:
    put(config, Authority(config))
    (listener,) = sound(loaded(config, "listen: [{tls: 192.0.2.1:5061, certificate: c.pem, key: c.key}]")).switch.listeners

    assert listener.tls is not None
    assert (listener.tls.ca, listener.tls.verify_lines, listener.tls.verify_callers) == (None, True, False)


def test_a_listener_s_certificate_is_looked_at_too(config: Path) -> None:
    put(config, Authority(config), days=-1)
    found = loaded(config, "listen: [{udp: 192.0.2.1:5060}, {tls: 192.0.2.1:5061, certificate: c.pem, key: c.key}]")
    (problem,) = [each for each in found.problems if "certificate" in each.message]

    assert found.deployment is not None
    assert problem.message.startswith("the certificate ran out on")
    written = (config / "switch.yaml").read_text().splitlines()[1]
    assert (problem.line, problem.column) == (2, written.index("c.pem") + 1)


def test_a_certificate_whose_key_is_another_one(config: Path) -> None:
    authority = Authority(config)
    authority.certificate(["a.example"])[0].rename(config / "c.pem")
    authority.certificate(["a.example"])[1].rename(config / "c.key")

    assert told(loaded(config, TLS)) == ["the key is not that of the certificate"]


def test_files_that_are_no_certificate_and_no_key(config: Path) -> None:
    (config / "c.pem").write_text("nothing")
    (config / "c.key").write_text("nothing")
    assert told(loaded(config, TLS)) == ["no certificate in PEM"]
    Authority(config).certificate(["a.example"])[0].rename(config / "c.pem")
    assert told(loaded(config, TLS)) == ["no private key in PEM"]
