"""Warnings about SIP: parameters that say nothing, headers that nobody sends or takes, addresses that nothing can come from or go to."""

from collections.abc import Iterator

from switch.settings.address import ANYWHERE
from switch.settings.finding import Finding, warning
from switch.settings.model.document import Document
from switch.settings.problem import quote
from switch.sip.flow import Transport, is_address, transport_of
from switch.sip.headers import parse_uri
from switch.sip.sdes import SrtpMode


def of_sip(document: Document) -> Iterator[Finding]:
    """Yields all of them."""
    yield from bare_transports(document)
    yield from headers_that_do_not_pass(document)
    yield from trunks_of_the_other_family(document)
    yield from lines_of_the_other_family(document)
    yield from keys_in_clear(document)


def bare_transports(document: Document) -> Iterator[Finding]:
    """`;tcp` where `;transport=tcp` is meant: it says nothing (RFC 3261 §19.1.1), and the call goes over UDP."""
    names = {each.lower() for each in Transport}
    for path, text in document.fields("uri", "registrar"):
        uri = parse_uri(text)
        for name, _ in () if uri is None else uri.params:
            if name.lower() in names:
                yield warning(path, f"`;{name}` says nothing about the transport", hint=f"write `;transport={name.lower()}`")


def headers_that_do_not_pass(document: Document) -> Iterator[Finding]:
    """A header passes where a trunk and a line both list it."""
    trunks = {name: trunk.pass_headers for name, trunk in document.trunks.items()}
    of_trunks = {header for headers in trunks.values() for header in headers}
    of_lines = set()
    for owner, advertiser in document.advertisers.items():
        for name, line in advertiser.lines.items():
            of_lines.update(line.pass_headers)
            for index, header in enumerate(line.pass_headers):
                if header not in of_trunks:
                    path = ("advertisers", owner, "lines", name, "pass_headers", index)
                    hint = "list it in `pass_headers` of the trunks that are trusted to send it"
                    yield warning(path, f"no trunk passes the header {quote(header)}", hint=hint)
    for name, headers in trunks.items():
        for index, header in enumerate(headers):
            if header not in of_lines:
                hint = "list it in `pass_headers` of the lines that are to have it"
                yield warning(("trunks", name, "pass_headers", index), f"no line takes the header {quote(header)}", hint=hint)


def trunks_of_the_other_family(document: Document) -> Iterator[Finding]:
    """What comes from there comes to a listener of the same version of IP."""
    ours = {4 + 2 * (":" in each.address[0]) for each in document.switch.sip.listen or ()}
    for name, trunk in document.trunks.items():
        for index, network in enumerate(trunk.addresses):
            if network != ANYWHERE and network.version not in ours:
                message = f"nothing can come from {network}: no listener has an IPv{network.version} address"
                path = ("trunks", name, "addresses", index)
                yield warning(path, message, hint=f"add a listener with an IPv{network.version} address to switch.sip.listen")


def lines_of_the_other_family(document: Document) -> Iterator[Finding]:
    """A line is offered audio of its own family where we have an address of it."""
    families = {":" in host for host in document.switch.rtp.hosts(document.switch.sip.listen)}
    for path, text in document.fields("uri"):
        uri = parse_uri(text)
        is_line = path[0] == "advertisers"
        if is_line and uri is not None and is_address(uri.host) and (":" in uri.host) not in families:
            ours, theirs = ("IPv4", "IPv6") if ":" in uri.host else ("IPv6", "IPv4")
            message = f"a line at {theirs}, and audio goes over {ours} alone"
            yield warning(path, message, hint=f"add an {theirs} address to switch.rtp.address")


def keys_in_clear(document: Document) -> Iterator[Finding]:
    """SDP has the keys of SRTP: who can read the SIP can decrypt the audio (RFC 4568 §10.1)."""
    message = "the keys of this audio go through SIP that is not encrypted: who reads that can listen"
    has_tls = any(each.transport is Transport.TLS for each in document.switch.sip.listen or ())
    for name, trunk in document.trunks.items():
        if trunk.srtp is not SrtpMode.OFF and not has_tls:
            yield warning(("trunks", name, "srtp"), message, hint="add `- {tls: ADDRESS:PORT}` to switch.sip.listen")
    for owner, advertiser in document.advertisers.items():
        for name, line in advertiser.lines.items():
            uri = parse_uri(line.uri)
            if line.srtp is not SrtpMode.OFF and uri is not None and transport_of(uri) is not Transport.TLS:
                hint = "write `;transport=tls` behind its uri"
                yield warning(("advertisers", owner, "lines", name, "srtp"), message, hint=hint)
