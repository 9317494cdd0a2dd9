"""Recovery from whatever a power cut or a bad disk leaves: no intact line lost, no damaged line accepted, never an exception."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.ledger.journal import Journal, recover

LINES = [("a", b'{"event":"invited"}'), ("b", b"{}"), ("a", b'{"event":"ended","by":"caller"}'), ("c", b"{}")]


def journal_of(directory: Path, lines: list[tuple[str, bytes]]) -> Path:
    journal = Journal(directory)
    for call_id, payload in lines:
        journal.append(call_id, payload)
    journal.close()
    (path,) = directory.glob("*.journal")
    return path


def by_call(lines: list[tuple[str, bytes]]) -> dict[str, tuple[bytes, ...]]:
    return {call_id: tuple(payload for other, payload in lines if other == call_id) for call_id, _ in lines}


def line_ends(content: bytes) -> list[int]:
    return [at + 1 for at, byte in enumerate(content) if byte == ord("\n")]


def test_cut_at_every_byte_it_gives_the_whole_lines_before_the_cut_and_names_the_torn_one(tmp_path: Path) -> None:
    path = journal_of(tmp_path, LINES)
    content = path.read_bytes()
    ends = line_ends(content)
    for cut in range(len(content) + 1):
        path.write_bytes(content[:cut])
        whole = sum(end <= cut for end in ends)
        recovery = recover(tmp_path)
        assert recovery.calls == by_call(LINES[:whole])
        torn = cut not in (0, *ends)
        start = ([0, *ends])[whole]
        assert recovery.problems == ((f"{path}: byte {start}: torn tail, a line cut after {cut - start} bytes",) if torn else ())


def test_a_torn_tail_does_not_reach_into_the_next_segment(tmp_path: Path) -> None:
    path = journal_of(tmp_path, LINES)
    path.write_bytes(path.read_bytes()[:-1])
    journal = Journal(tmp_path)
    journal.append("d", b"{}")
    recovery = recover(tmp_path)
    assert recovery.calls == by_call([*LINES[:-1], ("d", b"{}")])
    assert len(recovery.problems) == 1


def test_segments_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = journal_of(tmp_path, [("a", b"later")])
    path.rename(tmp_path / "10.journal")
    path = journal_of(tmp_path / "other", [("a", b"sooner")])
    path.rename(tmp_path / "9.journal")
    assert recover(tmp_path).calls == {"a": (b"sooner", b"later")}
    journal = Journal(tmp_path)
    journal.append("a", b"last")
    assert recover(tmp_path).calls == {"a": (b"sooner", b"later", b"last")}


DAMAGED = st.tuples(
    st.lists(st.tuples(st.sampled_from(["a", "b", "call-17"]), st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"")))),
    st.lists(st.tuples(st.floats(min_value=0, max_value=1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4),
)


@settings(max_examples=300, deadline=None)
@given(DAMAGED)
def test_flipped_bits_cost_the_lines_they_hit_and_no_other(
    damaged: tuple[list[tuple[str, bytes]], list[tuple[float, int]]],
) -> None:
    lines, flips = damaged
    with tempfile.TemporaryDirectory() as name:
        path = journal_of(Path(name), lines)
        content = bytearray(path.read_bytes())
        ends = line_ends(bytes(content))
        spans = list(zip([0, *ends], ends, strict=False))
        for where, mask in flips if content else []:
            content[int(where * len(content))] ^= mask
        changed = [before != after for before, after in zip(path.read_bytes(), content, strict=True)]
        path.write_bytes(content)
        # A line is hit where one of its bytes differs, or the newline before it: then it is the tail of the line before.
        intact = [line for line, (start, end) in zip(lines, spans, strict=True) if not any(changed[max(0, start - 1) : end])]
        recovery = recover(Path(name))
        assert recovery.calls == by_call(intact)
        assert bool(recovery.problems) == any(changed)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300) | st.lists(st.sampled_from([b"\n", b"\0" * 50, b"00000000 ", b"00000000 \n", b" ", b"a"])).map(b"".join)
)
def test_garbage_gives_problems_and_no_calls(garbage: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = journal_of(Path(name), LINES[:2])
        path.write_bytes(path.read_bytes() + garbage)
        recovery = recover(Path(name))
        assert recovery.calls == by_call(LINES[:2])
        assert bool(recovery.problems) == bool(garbage)


def test_neighbouring_damage_is_one_problem_with_its_place(tmp_path: Path) -> None:
    path = journal_of(tmp_path, LINES)
    first, second, third, fourth = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"\0\n\n\nnoise\n" + third + b"?\n" + fourth)
    at = len(first)
    assert recover(tmp_path).problems == (
        f"{path}: byte {at}: 10 corrupt bytes",
        f"{path}: byte {at + 10 + len(third)}: 2 corrupt bytes",
    )
    assert second.decode() not in str(recover(tmp_path).calls)


def test_a_segment_that_cannot_be_read_is_a_problem_and_is_never_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = journal_of(tmp_path, LINES)
    good_read = Path.read_bytes

    def read(path: Path) -> bytes:
        if path == bad:
            raise OSError(5, "Input/output error")
        return good_read(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    journal = Journal(tmp_path)
    journal.append("d", b"{}")
    recovery = recover(tmp_path)
    assert recovery.calls == {"d": (b"{}",)}
    assert recovery.problems == (f"{bad}: [Errno 5] Input/output error",)
    journal.mark_recorded(["a", "b", "c"])
    assert bad.exists()
