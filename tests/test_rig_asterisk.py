"""Where rigs find Asterisk, and what they make of its configuration. No Asterisk is needed: rigs 86 and 87 play with a real one."""

from pathlib import Path

import asterisk_root
import pytest
import rig_programs
from asterisk_root import NoAsteriskError, find
from child_process import wait_until
from rig_asterisk import COMMON, Asterisk
from rig_audio import write_tone
from rig_folder import read_rig
from rig_words import RigError

DEADLINE_S = 60
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def unpacked(root: Path) -> Path:
    """What `find` looks for, in a root of another Debian."""
    for name in ("usr/sbin/asterisk", f"{LIBRARIES}/asterisk/modules/chan_pjsip.so", f"{LIBRARIES}/ld-linux-x86-64.so.2"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def in_path(folder: Path, script: str) -> dict[str, str]:
    folder.mkdir()
    program = folder / "asterisk"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


@pytest.fixture
def no_asterisk_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "shutil.which", lambda name, path: next((f"{d}/{name}" for d in path.split(":") if _is_ours(d, name)), None)
    )


def _is_ours(folder: str, name: str) -> bool:
    return folder not in {"/usr/sbin", "/usr/local/sbin", "/usr/bin", "/bin"} and (Path(folder) / name).exists()


def test_one_that_is_unpacked_runs_with_the_loader_libraries_and_modules_of_its_root(tmp_path: Path) -> None:
    root = unpacked(tmp_path)
    found = find({"ASTERISK_ROOT": str(root), "PATH": "/nowhere"}, Path("/nowhere"))
    assert found is not None
    loader, program = str(root / f"{LIBRARIES}/ld-linux-x86-64.so.2"), str(root / "usr/sbin/asterisk")
    assert found.program == (loader, "--library-path", str(root / LIBRARIES), program)
    assert found.directories == {"astmoddir": root / LIBRARIES / "asterisk/modules", "astdatadir": root / "usr/share/asterisk"}


@pytest.mark.usefixtures("no_asterisk_of_the_machine")
def test_the_variable_comes_before_path_and_path_before_the_default(tmp_path: Path) -> None:
    named, default = unpacked(tmp_path / "named"), unpacked(tmp_path / "default")
    path = in_path(tmp_path / "bin", "exit 0")
    programs = [
        None if found is None else found.program[-1]
        for found in (
            find({**path, "ASTERISK_ROOT": str(named)}, default),
            find(path, default),
            find({"PATH": "/nowhere"}, default),
            find({"PATH": "/nowhere"}, tmp_path / "none"),
        )
    ]
    assert programs == [str(named / "usr/sbin/asterisk"), str(tmp_path / "bin/asterisk"), str(default / "usr/sbin/asterisk"), None]


@pytest.mark.parametrize(
    "lacking", ["usr/sbin/asterisk", f"{LIBRARIES}/asterisk/modules/chan_pjsip.so", f"{LIBRARIES}/ld-linux-x86-64.so.2"]
)
def test_a_variable_that_names_no_asterisk_is_told_and_not_skipped(lacking: str, tmp_path: Path) -> None:
    root = unpacked(tmp_path)
    (root / lacking).unlink()
    if "modules" in lacking:
        (root / lacking).parent.rmdir()
    with pytest.raises(NoAsteriskError, match="no Asterisk is unpacked there"):
        find({"ASTERISK_ROOT": str(root)})


@pytest.mark.usefixtures("no_asterisk_of_the_machine")
def test_without_any_the_program_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("rig_programs.find", lambda: find({"PATH": "/nowhere"}, tmp_path))
    assert rig_programs.missing(["asterisk"]) == ["asterisk"]


def asterisk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, script: str, pjsip: str = "bind = {asterisk}\n") -> Asterisk:
    monkeypatch.setattr("rig_asterisk.find", lambda: asterisk_root.find(in_path(tmp_path / "bin", script)))
    configuration = tmp_path / "configuration"
    configuration.mkdir()
    (configuration / "pjsip.conf").write_text(pjsip)
    (configuration / "extensions.conf").write_text(" same => n,Log(NOTICE,${EXTEN})\n")
    (configuration / "cli.conf").write_text("; of the rig\n")
    work = tmp_path / "work"
    work.mkdir()
    return Asterisk(configuration, {"asterisk": "127.19.0.1:9"}, at=("127.19.0.1", 9), work=work)


def test_its_configuration_is_the_rigs_before_the_common_with_the_ports_put_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = asterisk(tmp_path, monkeypatch, script='echo "$@"')
    try:
        assert wait_until(lambda: bool(program.log.read_text()), DEADLINE_S)
    finally:
        program.stop()
    folder = tmp_path / "work" / "asterisk"
    assert program.log.read_text() == f"-C {folder}/asterisk.conf -f -n -q\n"
    common = {path.name for path in COMMON.glob("*.conf")}
    assert {path.name for path in folder.glob("*.conf")} == {"pjsip.conf", "extensions.conf", *common}
    assert (folder / "pjsip.conf").read_text() == "bind = 127.19.0.1:9\n"
    assert (folder / "extensions.conf").read_text() == " same => n,Log(NOTICE,${EXTEN})\n"
    assert (folder / "cli.conf").read_text() == "; of the rig\n"
    assert (folder / "rtp.conf").read_text() == "[general]\nrtpstart = 10000\nrtpend = 11998\n"
    assert f"astetcdir => {folder}\n" in (folder / "asterisk.conf").read_text()
    assert (folder / "music" / "music.wav").exists()


def test_a_placeholder_that_has_no_value_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RigError, match=r"unknown placeholder \{asterix\}"):
        asterisk(tmp_path, monkeypatch, script="exit 0", pjsip="bind = {asterix}\n")


def test_one_that_ends_by_itself_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = asterisk(tmp_path, monkeypatch, script="exit 3")
    try:
        with pytest.raises(RigError, match="Asterisk does not listen"):
            program.await_ready()
    finally:
        assert program.stop() == ["Asterisk ended by itself with 3"]


def test_each_wait_for_what_it_says_begins_after_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = asterisk(tmp_path, monkeypatch, script="echo one; echo two; echo one; echo three")
    try:
        assert [program.says(pattern, DEADLINE_S) for pattern in ("^one", "^one", "^two", "th.ee")] == [True, True, False, True]
    finally:
        program.stop()


@pytest.mark.parametrize(("tone", "wrong"), [(700, []), ([700], []), ([700, 900], ["900"]), ([300, 900], ["300", "900"])])
def test_each_tone_must_be_in_what_it_recorded(
    tone: object, wrong: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = asterisk(tmp_path, monkeypatch, script="exit 0")
    program.stop()
    assert program.unheard({"tone": tone}) == ["asterisk: recorded nothing"]
    monitor = tmp_path / "work" / "asterisk" / "monitor"
    monitor.mkdir()
    write_tone(monitor / "heard.wav", 700, duration_ms=1_000, peak_db=-10)
    assert program.unheard({"tone": tone}) == [f"asterisk: heard {hz} Hz for 0 ms, expected 1000 ms or more" for hz in wrong]


def test_a_rig_names_a_folder_with_pjsip_conf(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("switch: {log: json}\n")
    (tmp_path / "expected.yaml").write_text("records: []\n")
    (tmp_path / "rig.yaml").write_text("asterisk: pbx\nsteps: [{switch: killed}]\n")
    with pytest.raises(RigError, match=r"pbx/pjsip.conf: is missing"):
        read_rig(tmp_path)
    (tmp_path / "pbx").mkdir()
    (tmp_path / "pbx" / "pjsip.conf").touch()
    rig = read_rig(tmp_path)
    assert rig.asterisk == tmp_path / "pbx"
    assert rig.programs == {"asterisk"}
