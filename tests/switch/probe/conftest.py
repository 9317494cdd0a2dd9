"""What tests of real probe calls share: a config, its ledger, and SIPp as the line."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from child_process import Program, is_bound, wait_until
from probe_lines import CONFIG, PROMPTS
from rig_ports import PortBlock

from switch.deployment import Deployment
from switch.ledger.database import Database, ledger_url
from switch.ledger.store import Ledger
from switch.settings.load import load

PATIENCE_S = 30.0
Line = Callable[..., None]


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    block = PortBlock()
    yield block
    block.close()


@pytest.fixture
def line_port(ports: PortBlock) -> int:
    return ports.next()


@pytest.fixture
def deployment(tmp_path: Path, ports: PortBlock, line_port: int) -> Deployment:
    rtp = "-".join(map(str, ports.rtp_range))
    text = CONFIG.format(sip=ports.next(), line=line_port, prompts=PROMPTS, rtp=rtp)
    (tmp_path / "config.yaml").write_text(text)
    loaded = load(tmp_path)
    assert loaded.deployment is not None, loaded.errors
    return loaded.deployment


@pytest.fixture
def ledger(deployment: Deployment) -> Iterator[Ledger]:
    ledger = Ledger(Database(ledger_url(deployment.switch.data)))
    ledger.migrate()
    yield ledger
    ledger.close()


@pytest.fixture
def line(tmp_path: Path, ports: PortBlock, line_port: int) -> Iterator[Line]:
    """Starts SIPp as the line, by what it does with a call."""
    started: list[Program] = []

    def start(does: str, *options: str) -> None:
        scenario = tmp_path / "line.xml"
        scenario.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="line">{does}</scenario>\n')
        command = ["sipp", "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(line_port), "-mi", "127.0.0.1"]
        command += ["-mp", str(ports.next()), "-nostdin", *options]
        started.append(Program(command, output=tmp_path / "line.output", folder=tmp_path))
        assert wait_until(lambda: is_bound(line_port), PATIENCE_S)

    yield start
    for program in started:
        program.stop()
