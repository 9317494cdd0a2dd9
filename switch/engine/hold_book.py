"""Knows who waits in which campaign's hold queue. Does not know for how long, nor how many may."""


class HoldBook:
    """Membership by call: a call waits in one queue at a time."""

    __slots__ = ("_campaign_of", "_waiting")

    def __init__(self) -> None:
        self._campaign_of: dict[str, str] = {}
        self._waiting: dict[str, set[str]] = {}

    def enter(self, call_id: str, campaign: str) -> None:
        if self._campaign_of.get(call_id) != campaign:
            self.leave(call_id)
            self._campaign_of[call_id] = campaign
            self._waiting.setdefault(campaign, set()).add(call_id)

    def leave(self, call_id: str) -> None:
        campaign = self._campaign_of.pop(call_id, None)
        if campaign is not None:
            self._waiting[campaign].discard(call_id)

    def waiting(self, campaign: str) -> int:
        return len(self._waiting.get(campaign, ()))
