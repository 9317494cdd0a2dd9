"""Who calls, from the carrier's INVITE to the record and to the line's INVITE; and what of one leg never reaches the other."""

from dataclasses import replace

import pytest
from engine_world import CARRIER, EAST, SWITCH, World, line, plan

from switch.engine.effect import SendSip
from switch.engine.plan import Plan
from switch.sip import offer_answer
from switch.sip.fact import AnswerReceived, InviteReceived
from switch.sip.identity import DidFrom, LineIdentity, TrunkIdentity
from switch.sip.telephone import NumberFormat

DID = "+18005550100"
NUMBER = "+12125559999"
HIDDEN = (("P-Asserted-Identity", f"<sip:{NUMBER}@carrier.example>"), ("Privacy", "id"))
SHOWN = (("P-Asserted-Identity", f"<sip:{NUMBER}@carrier.example>"),)


def one_line(identity: LineIdentity | None = None, trunk: TrunkIdentity | None = None, *, show_ani: bool = False) -> Plan:
    return replace(
        plan(line("east", EAST)),
        line_identities={} if identity is None else {"east": identity},
        trunk_identities={} if trunk is None else {"carrier": trunk},
        show_ani=frozenset({DID}) if show_ani else frozenset(),
    )


def called(
    with_plan: Plan, *, caller: str = "", extra: tuple[tuple[str, str], ...] = (), uri: str = f"sip:{DID}@{SWITCH[0]}"
) -> World:
    """One call, answered by the line and hung up by the caller."""
    world = World(with_plan)
    world.line_phone(EAST)
    offer = offer_answer.offer(host="198.51.100.8", port=6_000, session_id=1, version=1)
    leg = world.caller.agent.invite(uri=uri, target=SWITCH, caller=caller, body=offer, now_ns=world.now_ns, extra=extra)
    world.after(20_000, lambda: world.leave(leg))
    world.run(120_000)
    return world


def invite_of(world: World) -> InviteReceived:
    (invite,) = [fact for fact in world._phones[EAST].facts if isinstance(fact, InviteReceived)]
    return invite


def shown(world: World) -> dict[str, str | None]:
    """What the line's INVITE says of the caller."""
    headers = invite_of(world).headers
    sender = (headers.get("From") or "").partition(";tag")[0]
    return {"From": sender, **{name: headers.get(name) for name in ("P-Asserted-Identity", "Privacy", "Remote-Party-ID")}}


ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'


def test_a_caller_who_asked_for_privacy_is_known_to_the_record_and_kept_from_the_line() -> None:
    world = called(one_line(), extra=HIDDEN)
    (judged,) = world.records
    assert (judged.record.ani, judged.record.tags["privacy"]) == (NUMBER, True)
    assert shown(world) == {"From": ANONYMOUS, "P-Asserted-Identity": None, "Privacy": "id", "Remote-Party-ID": None}
    to_line = [effect.data for effect in world.effects if isinstance(effect, SendSip) and effect.target == EAST]
    assert to_line
    assert not any(NUMBER[2:].encode() in data for data in to_line)


def test_a_trusted_line_knows_the_number_and_that_it_is_private() -> None:
    world = called(one_line(LineIdentity(trusted=True)), extra=HIDDEN)
    asserted = f"<sip:{NUMBER}@{SWITCH[0]}>"
    assert shown(world) == {"From": ANONYMOUS, "P-Asserted-Identity": asserted, "Privacy": "id", "Remote-Party-ID": None}


def test_callers_of_a_toll_free_number_that_shows_them_are_shown() -> None:
    world = called(one_line(show_ani=True), extra=HIDDEN)
    (judged,) = world.records
    assert "privacy" not in judged.record.tags
    assert shown(world) == {
        "From": f"<sip:{NUMBER}@{SWITCH[0]}>",
        "P-Asserted-Identity": None,
        "Privacy": None,
        "Remote-Party-ID": None,
    }


def test_a_caller_without_privacy_is_shown_in_the_form_the_line_wants() -> None:
    world = called(one_line(LineIdentity(number_format=NumberFormat.NATIONAL)), extra=SHOWN, caller="+14155550199")
    (judged,) = world.records
    assert judged.record.ani == NUMBER
    assert "privacy" not in judged.record.tags
    assert shown(world)["From"] == f"<sip:2125559999@{SWITCH[0]}>"


def test_a_trunk_has_its_own_forms_and_its_own_place_for_the_number() -> None:
    trunk = TrunkIdentity(number_format=NumberFormat.E164, tech_prefix="77*", did_from=DidFrom.DIVERSION)
    diverted = (("Diversion", "<sip:77*18005550100@c>;reason=unconditional"),)
    world = called(
        one_line(trunk=trunk), caller="442079460000", uri=f"sip:+13105550000;rn=+13105550001;npdi@{SWITCH[0]}", extra=diverted
    )
    (judged,) = world.records
    assert (judged.record.did, judged.record.ani) == (DID, "+442079460000")
    assert [judged.record.tags.get(name) for name in ("rn", "npdi", "cic")] == ["+13105550001", True, None]


def test_a_partial_number_is_joined_with_its_context() -> None:
    world = called(one_line(), caller="+14155550199", uri=f"sip:5550100;phone-context=+1800@{SWITCH[0]};user=phone")
    (judged,) = world.records
    assert judged.record.did == DID


LISTED = ("Diversion", "History-Info", "Identity", "User-To-User", "P-Charge-Info", "X-Sub")


@pytest.mark.parametrize(
    ("trunk", "to_line", "passed"),
    [
        (LISTED, LISTED, LISTED),
        (LISTED, (), ()),
        ((), LISTED, ()),
        (("Diversion", "X-Sub"), ("X-Sub", "Identity"), ("X-Sub",)),
    ],
)
def test_headers_pass_by_list(trunk: tuple[str, ...], to_line: tuple[str, ...], passed: tuple[str, ...]) -> None:
    identities = [frozenset(name.lower() for name in names) for names in (trunk, to_line)]
    with_plan = one_line(LineIdentity(passes=identities[1]), TrunkIdentity(passes=identities[0]))
    sent = tuple((name, f"<sip:{name}@d>;index=1") for name in LISTED)
    headers = invite_of(called(with_plan, caller="+14155550199", extra=sent)).headers
    assert tuple(field for field in headers if field[0] in LISTED) == tuple(field for field in sent if field[0] in passed)


def test_the_calls_id_of_ours_is_not_the_trunks() -> None:
    names = frozenset({"x-call-id"})
    with_plan = replace(one_line(LineIdentity(passes=names), TrunkIdentity(passes=names)), call_id_header="X-Call-ID")
    world = called(with_plan, caller="+14155550199", extra=(("X-Call-Id", "forged"),))
    told = [value for name, value in invite_of(world).headers if name.lower() == "x-call-id"]
    assert told == [world.records[0].record.call_id]


CANARY = "canary"
EVERY_HEADER = (
    *(
        "Accept-Contact",
        "Alert-Info",
        "Call-Info",
        "Contact-Extra",
        "Date",
        "Diversion",
        "Error-Info",
        "Geolocation",
        "History-Info",
    ),
    *(
        "Identity",
        "In-Reply-To",
        "Organization",
        "P-Access-Network-Info",
        "P-Asserted-Identity",
        "P-Called-Party-ID",
        "P-Charge-Info",
    ),
    *("P-Charging-Vector", "P-Preferred-Identity", "P-Visited-Network-ID", "Priority", "Reason", "Record-Route", "Referred-By"),
    *("Remote-Party-ID", "Reply-To", "Server", "Session-ID", "Subject", "Timestamp", "User-to-User", "X-Anything", "Warning"),
)


def test_nothing_of_one_leg_reaches_the_other() -> None:
    """Topology hiding: a canary stands in every header, display name, SDP name and Call-ID of both far ends."""
    world = World(one_line())
    phone = world.line_phone(EAST)
    offer = (
        offer_answer.offer(host="198.51.100.8", port=6_000, session_id=1, version=1)
        .replace(b"s=-", b"s=canary")
        .replace(b"o=-", b"o=canary")
    )
    fields = [("P-Asserted-Identity", f'"{CANARY}" <sip:+14155550199@{CANARY}.example>'), ("User-Agent-Extra", CANARY)]
    fields += [(name, f"<sip:{CANARY}@{CANARY}.example>;x={CANARY}") for name in EVERY_HEADER]
    leg = world.caller.agent.invite(
        uri=f"sip:{DID};x={CANARY}@{SWITCH[0]}",
        target=SWITCH,
        caller="+14155550199",
        body=offer,
        now_ns=world.now_ns,
        call_id=f"{CANARY}@{CANARY}.example",
        extra=tuple(fields),
    )
    answers = world.sdp_answer
    world.sdp_answer = lambda offer: answers(offer).replace(b"s=-", b"s=parrot").replace(b"o=-", b"o=parrot")  # type: ignore[method-assign]
    phone.agent._core.listeners.user_agent = "parrot"
    world.after(20_000, lambda: world.leave(leg))
    world.run(120_000)
    assert [fact for fact in world.caller.facts if isinstance(fact, AnswerReceived)]
    sent = [effect for effect in world.effects if isinstance(effect, SendSip)]
    to_line = b"".join(effect.data for effect in sent if effect.target == EAST)
    to_caller = b"".join(effect.data for effect in sent if effect.target == CARRIER)
    assert b"INVITE" in to_line
    assert b"BYE" in to_line
    assert b"200 OK" in to_caller
    assert CANARY.encode() not in to_line
    assert b"198.51.100.8" not in to_line
    assert CARRIER[0].encode() not in to_line
    assert b"parrot" not in to_caller
    assert EAST[0].encode() not in to_caller
