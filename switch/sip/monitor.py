"""PURE. Keeps the probes and registrations that config asks for, across reloads: what has not changed goes on."""

from collections.abc import Iterable

from switch.sip.core import UserAgentCore
from switch.sip.fact import HealthChanged, Notice, RegistrationChanged
from switch.sip.probe import Probe, Watch
from switch.sip.registration import Registrar, Registration
from switch.sip.transaction import NS_PER_S


class Monitor:
    """`probes`: by the watch's name. `registrations`: by trunk. `notices`: what changed and was not drained yet."""

    __slots__ = ("_core", "notices", "probes", "registrations")

    def __init__(self, core: UserAgentCore) -> None:
        self._core = core
        self.probes: dict[str, Probe] = {}
        self.registrations: dict[str, Registration] = {}
        self.notices: list[Notice] = []

    def follow(self, watches: Iterable[Watch], registrars: Iterable[Registrar], now_ns: int) -> None:
        """Starts and stops what is not as asked. Whatever is no longer watched, or in another way, counts as up."""
        wanted = {watch.name: watch for watch in watches}
        for name, probe in [*self.probes.items()]:
            if wanted.get(name) != probe.watch:
                probe.stop()
                del self.probes[name]
                if not probe.is_up:
                    self.notices.append(HealthChanged(name=name, is_up=True, status=None))
        for name, watch in wanted.items():
            if name not in self.probes:
                self.probes[name] = Probe(self._core, watch, changed=self._health_changed, now_ns=now_ns)
        self._follow_registrars({registrar.trunk: registrar for registrar in registrars}, now_ns)

    def stop(self, now_ns: int) -> None:
        """Ends all of it; registrars are asked to forget us. What was down is not told to be up: nobody knows."""
        for probe in self.probes.values():
            probe.stop()
        self.probes.clear()
        self._follow_registrars({}, now_ns)

    def _follow_registrars(self, wanted: dict[str, Registrar], now_ns: int) -> None:
        for trunk, registration in [*self.registrations.items()]:
            if wanted.get(trunk) != registration.registrar:
                registration.stop(now_ns)
                del self.registrations[trunk]
        for trunk, registrar in wanted.items():
            if trunk not in self.registrations:
                self.registrations[trunk] = Registration(self._core, registrar, changed=self._registration_changed, now_ns=now_ns)

    def _health_changed(self, probe: Probe) -> None:
        self.notices.append(HealthChanged(name=probe.watch.name, is_up=probe.is_up, status=probe.last_status))

    def _registration_changed(self, registration: Registration, now_ns: int) -> None:
        self.notices.append(
            RegistrationChanged(
                trunk=registration.registrar.trunk,
                is_registered=registration.is_registered(now_ns),
                status=registration.status,
                again_s=(registration.next_ns - now_ns) // NS_PER_S,
            )
        )
