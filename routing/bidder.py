"""Says what a line is worth to the performance sort, and defines the interface for real-time bids. Asks nobody for bids.

What answers today is the revenue of the past. An exchange that asks advertisers while the caller waits is another `Bidder`: the engine
asks before it asks for a ruling (routing does no I/O), hands the answers over with the inquiry, and the ranking stays as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from routing.expression import Scalar
from routing.load import Load


class Bidder(Protocol):
    """Says what a call is worth to a line."""

    def price_micros(self, line: str, tags: Mapping[str, Scalar]) -> int | None:
        """What the line would pay for a call with these tags, micros; None: it does not bid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRevenue:
    """The bidder that stands in for bids: each line offers what its recent attempts for the campaign earned on average."""

    load: Load
    campaign: str

    def price_micros(self, line: str, tags: Mapping[str, Scalar]) -> int | None:
        del tags  # a mean does not tell calls apart
        return self.load.worth_micros(self.campaign, line)


def worth(bidder: Bidder, line: str, tags: Mapping[str, Scalar]) -> int:
    """What ranks the line, micros. One that does not bid comes last with those that offer nothing."""
    return bidder.price_micros(line, tags) or 0
