"""Files in their durable places: whole, and nothing beside them."""

from __future__ import annotations

from pathlib import Path

from compiler.engine import durable


def test_a_file_that_is_shared_again_leaves_nothing_beside_it(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "there" / "target"
    source.write_bytes(b"one")
    for _ in range(3):
        durable.share(source, target)
        assert target.read_bytes() == b"one"
        assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_what_is_shared_takes_the_place_of_what_was(tmp_path: Path) -> None:
    one, two, target = tmp_path / "one", tmp_path / "two", tmp_path / "there" / "target"
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    durable.share(one, target)
    durable.share(two, target)
    assert target.read_bytes() == b"2"
    assert one.read_bytes() == b"1"
    assert [path.name for path in target.parent.iterdir()] == ["target"]
