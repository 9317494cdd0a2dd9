"""Knows what a deployment is: what the shell around the engine needs, and the plan that the engine runs. Does not know YAML."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from switch.engine.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchSettings:
    """Sockets, paths, logging and limits.

    `listen`: the UDP address of SIP. `rtp_ports`: first and last port, both included; legs use the even ones.
    `rtp_quiet_ms`: how long a port rests between two legs. `rtp_timeout_ms`: silence after which a leg counts as lost.
    """

    listen: tuple[str, int]
    t1_ms: int
    rtp_address: str
    rtp_ports: tuple[int, int]
    rtp_quiet_ms: int
    rtp_timeout_ms: int
    workers: int
    prompts: Path
    data: Path
    log: Literal["console", "json"]
    max_call_ms: int
    max_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A config directory, compiled: it loaded without an error."""

    switch: SwitchSettings
    plan: Plan
