"""The companions of a running switch: which ones there are, and when each is wanted. What a companion is: `switch.companion`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from switch.companion import CompanionReport, CompanionSettings
from switch.deployment import Deployment
from switch.side_process import SideProcess


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """`name`: what it is called in the log. `module`: what is run, as `python -m`. `wanted`: whether this config has a use for it.
    `without`: what there is not while it is not up, for the log."""

    name: str
    module: str
    wanted: Callable[[Deployment], bool]
    without: str


COMPANIONS: tuple[Companion, ...] = (
    Companion(
        name="deliver",
        module="switch.deliver",
        wanted=lambda deployment: bool(deployment.webhooks.all),
        without="webhooks are told of nothing",
    ),
    Companion(
        name="probes",
        module="switch.probe",
        wanted=lambda deployment: any(probe.every_ms is not None for probe in deployment.probes.values()),
        without="no probes on schedule",
    ),
    Companion(
        name="monitor",
        module="switch.monitor",
        wanted=lambda deployment: deployment.switch.metrics is not None or deployment.switch.alerts is not None,
        without="there are no metrics, and nobody is told of anything",
    ),
    Companion(
        name="console",
        module="switch.web",
        wanted=lambda deployment: deployment.switch.console is not None,
        without="there is no console",
    ),
)


class Companions:
    """Each is started when a config first wants it, and kept running from then on. Calls go on without them.

    `config`: the config directory; `data`: the data directory of the switch.
    """

    def __init__(self, config: Path, data: Path, *, known: Sequence[Companion] = COMPANIONS) -> None:
        self._processes = [(each, _process(each, config, data)) for each in known]

    def want(self, deployment: Deployment) -> None:
        """Starts those that this config wants and that have not been started. Never blocks."""
        for companion, process in self._processes:
            if companion.wanted(deployment):
                process.want()

    async def started(self) -> None:
        """Waits until those that are wanted are up, or can't be."""
        for _, process in self._processes:
            await process.started()

    async def close(self) -> None:
        for _, process in self._processes:
            await process.close()


def _process(companion: Companion, config: Path, data: Path) -> SideProcess[CompanionReport]:
    settings = CompanionSettings(name=companion.name, module=companion.module, config=config, data=data)
    return SideProcess[CompanionReport](settings, reported=lambda _report: None, lost=lambda: None, without=companion.without)
