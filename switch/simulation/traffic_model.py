"""How invented callers and lines behave. Imports next to nothing: the help of `payphone simulate` shows the defaults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficModel:
    """How callers and lines behave, on the whole. Shares from 0 to 1; medians in seconds, of log-normal distributions.

    `answered`: of the lines' phones. `busy`, `failed`, `silent`: of those that are not answered; the rest ring until they are given up.
    `declined`: of answered calls that have to be accepted by key. `line_ends`: talk that the advertiser ends. `wrong_key`: of all answers
    to menus. `leaves_menu`: callers who hang up in the first seconds. `again`: calls of somebody who called before.
    `anonymous`: callers without a number.
    """

    answered: float = 0.82
    busy: float = 0.30
    failed: float = 0.10
    silent: float = 0.08
    declined: float = 0.06
    line_ends: float = 0.35
    wrong_key: float = 0.06
    leaves_menu: float = 0.07
    again: float = 0.08
    anonymous: float = 0.02
    ring_s: float = 7.0
    talk_s: float = 110.0
    patience_s: float = 75.0
    digit_s: float = 1.5
