"""Lets a phone of the simulated worlds send REFER, which the agent itself never does."""

from switch.sip.agent import UserAgent
from switch.sip.requests import Fields
from switch.sip.session import Session


def send_refer(agent: UserAgent, leg: int, to: str, now_ns: int, *, extra: Fields = ()) -> None:
    """Sends REFER in an answered leg's dialog; nothing happens where the leg is over, or hung up."""
    core = agent._core
    session = core.legs.get(leg)
    if isinstance(session, Session) and session.is_live:
        fields = (core.listeners.contact(session._dialog.next_hop), ("Refer-To", f"<{to}>"), *extra)
        core.send_in_dialog(session._dialog, "REFER", user=None, now_ns=now_ns, extra=fields)
