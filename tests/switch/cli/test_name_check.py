"""`payphone check --dns` says where the host names of a config lead, and what is wrong with them."""

import json
import shutil
from pathlib import Path

import pytest
from name_server import NameServer, serving
from typer.testing import CliRunner

from switch.cli import name_check
from switch.cli.main import app

REPOSITORY = Path(__file__).resolve().parents[3]
HOST = "sip.example.com"
ZONE = {
    (f"_sip._udp.{HOST}", "SRV"): ["10 60 5070 a.example.com.", "10 40 5070 b.example.com.", "20 0 5080 c.example.com."],
    ("a.example.com", "A"): ["192.0.2.1"],
    ("b.example.com", "A"): ["192.0.2.2"],
    ("c.example.com", "A"): ["192.0.2.3"],
    ("c.example.com", "AAAA"): ["2001:db8::3"],
}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample, whose lines of acme are at `HOST`."""
    monkeypatch.chdir(tmp_path)
    config = Path("config")
    shutil.copytree(REPOSITORY / "config", config)
    file = config / "advertisers.yaml"
    file.write_text(file.read_text().replace("@127.0.0.1:5071", f"@{HOST}"))
    return config


def checked(config: Path, server: NameServer, *words: str, exit_code: int) -> list[str]:
    with serving(server) as port:
        file = config / "switch.yaml"
        file.write_text(file.read_text().replace("  sip:\n", f"  sip:\n    name_servers: [127.0.0.1:{port}]\n", 1))
        done = CliRunner().invoke(app, ["check", "--config", str(config), *words], env={"COLUMNS": "80"})
    assert done.exit_code == exit_code, done.output
    return done.output.splitlines()


def test_each_name_is_shown_with_what_calls_dial_in_order(config: Path) -> None:
    lines = checked(config, NameServer(ZONE), "--dns", exit_code=0)

    assert lines[:6] == [
        f"{HOST}  (config/advertisers.yaml:11:9)",
        "  1  udp  192.0.2.1:5070  weight 60",
        "  1  udp  192.0.2.2:5070  weight 40",
        "  2  udp  192.0.2.3:5080",
        "  2  udp  [2001:db8::3]:5080  no listener reaches it",
        "The lower number is called first; of equal numbers, each call draws by weight.",
    ]
    assert max(map(len, lines)) <= 80


def test_programs_get_one_object_for_each_name(config: Path) -> None:
    (name,) = [json.loads(line) for line in checked(config, NameServer(ZONE), "--dns", "--json", exit_code=0) if HOST in line]

    assert (name["name"], name["port"], name["rules"]) == (HOST, None, ["lines.acme-east.uri", "lines.acme-west.uri"])
    assert [(each["order"], each["address"], each["reached"]) for each in name["targets"]] == [
        (1, "192.0.2.1", True),
        (1, "192.0.2.2", True),
        (2, "192.0.2.3", True),
        (2, "2001:db8::3", False),
    ]


@pytest.mark.parametrize(
    ("zone", "message", "exit_code"),
    [
        ({}, f'DNS knows no address of "{HOST}"; so is 1 place more', 1),
        ({(f"_sip._udp.{HOST}", "SRV"): ["0 0 5060 x.example.com."]}, "names hosts without an address: x.example.com", 1),
        (
            {**ZONE, (f"_sip._udp.{HOST}", "SRV"): ["0 0 5060 a.example.com.", "1 0 5060 x.example.com."]},
            "names hosts without an address: x.example.com",
            0,
        ),
        ({(HOST, "AAAA"): ["2001:db8::9"]}, "is reached by udp over IPv6 alone", 1),
    ],
    ids=["unknown", "no host of SRV has an address", "one has none", "no listener"],
)
def test_a_name_that_leads_nowhere_is_told_with_its_place(
    config: Path, zone: dict[tuple[str, str], list[str]], message: str, exit_code: int
) -> None:
    lines = checked(config, NameServer(zone), "--dns", exit_code=exit_code)
    text = " ".join(line.strip() for line in lines)

    assert message in text
    assert "config/advertisers.yaml:11:9" in text
    assert f"   11 |         uri: sip:+12125550101@{HOST}" in lines
    assert any(line.startswith("  hint ") for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_name_server_that_does_not_answer_is_waited_for_so_long(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_check, "NAME_S", 0.05)
    server = NameServer(ZONE)
    server.is_silent = True

    assert any("no answer from DNS" in line for line in checked(config, server, "--dns", exit_code=1))


def test_a_name_server_that_fails_is_told(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.transport.resolver.LIFETIME_S", 0.3)
    server = NameServer(ZONE)
    server.is_broken = True
    text = " ".join(line.strip() for line in checked(config, server, "--dns", exit_code=1))

    assert f'no answer from DNS for "{HOST}": the name servers fail (SERVFAIL, REFUSED); so is 1 place more' in text


def test_no_network_is_touched_without_dns(config: Path) -> None:
    server = NameServer(ZONE)
    checked(config, server, exit_code=0)

    assert not server.asked


def test_with_errors_dns_is_not_asked(config: Path) -> None:
    (config / "more.yaml").write_text("tags: {one: {type: txt}}\n")
    server = NameServer(ZONE)

    assert "DNS was not asked: mend the errors first" in checked(config, server, "--dns", exit_code=1)
    assert not server.asked


def test_a_config_without_names_says_so(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    lines = checked(tmp_path / "config", NameServer({}), "--dns", exit_code=0)

    assert lines[0] == "The config has no host name: DNS was not asked."
