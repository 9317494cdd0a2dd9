"""Defines what the engine shows and logs of probes and registrations. Instants are UTC microseconds."""

import msgspec

from switch.call.moment import Moment
from switch.engine.effect import LogPeerState
from switch.sip.fact import HealthChanged, RegistrationChanged
from switch.sip.probe import Probe
from switch.sip.registration import Registration


class HealthState(msgspec.Struct, frozen=True, kw_only=True):
    """A trunk or line that is asked by OPTIONS. `is_up`: None: it has not answered yet, nor missed so often as to be down; calls go to it.
    `last_status`: of its last answer; None: none to the last probe, or no probe yet.
    `changed_us`: when it last went down or came up; None: it was always up."""

    is_up: bool | None
    last_status: int | None
    changed_us: int | None


class RegistrationState(msgspec.Struct, frozen=True, kw_only=True):
    """A trunk's registration. `until_us`: None: it is not registered. `status`: of the registrar's last answer; None: none came.
    `failures`: in a row. `next_us`: when the registrar is asked again."""

    until_us: int | None
    status: int | None
    failures: int
    next_us: int


def health_state(probe: Probe, at: Moment) -> HealthState:
    changed_us = None if probe.changed_ns is None else at.at_mono(probe.changed_ns).utc_us
    is_known = probe.has_answered or not probe.is_up
    return HealthState(is_up=probe.is_up if is_known else None, last_status=probe.last_status, changed_us=changed_us)


def registration_state(registration: Registration, at: Moment) -> RegistrationState:
    is_registered = registration.until_ns is not None and registration.is_registered(at.mono_ns)
    return RegistrationState(
        until_us=at.at_mono(registration.until_ns or 0).utc_us if is_registered else None,
        status=registration.status,
        failures=registration.failures,
        next_us=at.at_mono(registration.next_ns).utc_us,
    )


def logged_state(notice: HealthChanged | RegistrationChanged) -> LogPeerState:
    """Returns the log line of a change."""
    if isinstance(notice, HealthChanged):
        what = "answers OPTIONS again" if notice.is_up else "does not answer OPTIONS"
        return LogPeerState(name=notice.name, what=what, is_good=notice.is_up, status=notice.status)
    is_good = notice.is_registered and notice.status == 200
    return LogPeerState(
        name=f"trunk:{notice.trunk}",
        what="registered" if is_good else "registration failed",
        is_good=is_good,
        status=notice.status,
        again_s=notice.again_s,
    )
