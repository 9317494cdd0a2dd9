"""Makes the keys of money rows and their states.

The key of a row is its idempotency key: whatever makes it, the same thing happening again has the same key. An entry, such as the
revenue of one line of one call, begins with a row of a plain key; rows that correct it have longer ones:

    CALL/revenue/LINE       CALL/payout       CALL/cost         what judging gives
    CALL/revenue/LINE/2     CALL/payout/2                       more of it, when a later step of the price came to hold
    CALL/post/LINE/ID/ACT/revenue             .../payout        what somebody posted under that id
    deposit/PARTY/ID                                            paid in advance
    KEY/held                                                    the state an entry began in

No part has a slash in it.
"""

from collections.abc import Iterable, Iterator

DEPOSIT = "deposit"
POST = "post"


def revenue(call_id: str, line: str) -> str:
    return f"{call_id}/revenue/{line}"


def payout(call_id: str) -> str:
    return f"{call_id}/payout"


def cost(call_id: str) -> str:
    return f"{call_id}/cost"


def rise(key: str, number: int) -> str:
    """Returns the key of the `number`-th amount of an entry, from 2."""
    return f"{key}/{number}"


def held(key: str) -> str:
    return f"{key}/held"


def deposit(party: str, post_id: str) -> str:
    return f"{DEPOSIT}/{party}/{post_id}"


def posted(call_id: str, line: str, *, post_id: str, act: str) -> str:
    """Returns the prefix of every key of one posting."""
    return f"{call_id}/{POST}/{line}/{post_id}/{act}"


def call_of(key: str) -> str:
    """Returns the call id in a key; empty: the key belongs to no call."""
    first = key.partition("/")[0]
    return "" if first == DEPOSIT else first


def act_of(key: str) -> str | None:
    """Returns the act of the posting that made this row, or None."""
    parts = key.split("/")
    return parts[4] if len(parts) == 6 and parts[1] == POST else None


def acts(keys: Iterable[str], call_id: str, line: str) -> Iterator[str]:
    """Yields the acts posted for that line so far."""
    start = f"{call_id}/{POST}/{line}/"
    for key in keys:
        act = act_of(key)
        if act is not None and key.startswith(start):
            yield act
