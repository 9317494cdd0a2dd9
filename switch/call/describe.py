"""Writes events and commands as text and plain values, for journals, transcripts and people."""

from collections.abc import Mapping

from msgspec.structs import asdict

from routing.ruling import Announce, Choice, Dial, EnterMenu, NotRouted, Wait
from switch.call import command as do
from switch.call import event as ev

Facts = Mapping[str, object]


def event_facts(event: ev.Event) -> Facts:
    """Returns an event's fields without its moment, as plain JSON values; a ruling in short, since its trail is kept separately."""
    match event:
        case ev.Ruled(ruling=ruling):
            return {"choice": choice_text(ruling.choice), "campaign": ruling.campaign}
        case ev.MediaLost(leg=leg, last=last):
            return {"leg": leg, "last_us": None if last is None else last.utc_us}
        case ev.DeadlinePassed():
            return {}
        case ev.InviteArrived():
            return {
                "did": event.did,
                "ani": event.ani,
                "trunk": event.trunk,
                "objection": event.objection,
                "tags": dict(event.tags),
                "sip_call_id": event.sip_call_id,
            }
        case _:
            return {name: value for name, value in asdict(event).items() if name != "at" and value is not None}


def choice_text(made: Choice) -> str:
    """`Dial acme-east acme-west`, `EnterMenu qualify`, `NotRouted closed`."""
    match made:
        case Dial(attempts=attempts):
            return " ".join(["Dial", *(attempt.line for attempt in attempts)])
        case EnterMenu(menu=menu):
            return f"EnterMenu {menu}"
        case Wait(because=because):
            return f"Wait {because}"
        case Announce(prompt=prompt, because=because):
            return f"Announce {prompt} {because}"
        case NotRouted(because=because):
            return f"NotRouted {because}"


def command_text(given: do.Command) -> str:
    """Returns a command's name and varying arguments. Legs are named by number, the caller's (0) only where it could be another."""
    match given:
        case do.AskRoute(menu_done=done, tried=tried, held_ms=held_ms):
            words = ["menu-done"] * done + [f"tried {line}: {why}" for line, why in tried]
            words += [] if held_ms is None else [f"held {held_ms} ms"]
            return " ".join(["AskRoute", *words])
        case do.Dial(leg=leg, attempt=to):
            return f"Dial {leg} {to.line}"
        case do.Play(leg=leg, play=play, prompt=prompt):
            return f"Play {play} {prompt}" + (f" to {leg}" if leg else "")
        case do.HangUp(leg=leg, cause=cause):
            return f"HangUp {leg} {cause}"
        case do.Refuse(cause=cause):
            return f"Refuse {cause}"
        case do.MakeDurable() | do.Bridge() | do.AccrueRevenue() | do.ReleaseCallCaps() | do.ReleaseCaps():
            return f"{type(given).__name__} {given.leg}"
        case _:
            return type(given).__name__
