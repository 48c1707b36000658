"""A compile that recalls says and makes what one that knows nothing would."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.generate import write_spec
from compiler import remembering
from compiler.analyse.memory import Memory, Record
from compiler.diagnostics import StackcError
from compiler.graph.serialize import to_bytes
from compiler.pipeline import compile_spec
from compiler.remembering import FileMemory
from tests.fuzz.compiling import seeds
from tests.fuzz.mutate import mutated


class Counting(Memory):
    """A memory that counts the blocks that it had nothing of."""

    missed: int = 0

    def recall(self, key: str) -> Record | None:
        found = super().recall(key)
        self.missed += found is None
        return found


def told(spec: Path, memory: Memory) -> tuple[object, ...]:
    """All that a compile says and makes."""
    try:
        found = compile_spec(spec, keep=False, memory=memory)
    except StackcError as error:
        return error.diagnostics
    return found.warnings, to_bytes(found.graph), to_bytes(found.written), found.stack


def tried(first: int, count: int, spec: Path) -> None:
    """Specs that compile, mutated again and again, each compiled by one memory and by none."""
    good, _ = seeds()
    memory, recalled = Counting(), 0
    for seed in range(first, first + count):
        rng = random.Random(seed)
        text = rng.choice(good)
        for content in (text.encode(), mutated(text, rng), mutated(text, rng), text.encode()):
            spec.write_bytes(content)
            memory.missed = 0
            assert told(spec, memory) == told(spec, Memory()), (seed, content)
            recalled += memory.missed == 0
    # A memory that never knows anything would pass as well.
    assert recalled > count // 2


def test_what_is_recalled_is_what_would_be_found(tmp_path: Path) -> None:
    tried(0, 30, tmp_path / "stack.yaml")


@pytest.mark.soak
def test_what_is_recalled_is_what_would_be_found_in_many(tmp_path: Path) -> None:
    first = random.SystemRandom().randrange(1 << 40)
    print(f"seeds from {first}")
    tried(first, 200, tmp_path / "stack.yaml")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Ninety blocks of every kind."""
    return write_spec(tmp_path, 90)


EDITS = {
    "a comment": ("stackc: 1\n", "stackc: 1 # the language\n", 0),
    "a parameter of a model": ("max_depth: 3", "max_depth: 9", 2),
    "what a source is, for all that read it": ("kind: string", "kind: {type: string}", 6),
}
"""What is written for what, and how many blocks that touches: itself, and who reads it."""


@pytest.mark.parametrize("edit", EDITS)
def test_only_what_an_edit_touches_is_analysed(edit: str, project: Path) -> None:
    before, after, touched = EDITS[edit]
    memory = Counting()
    told(project, memory)
    text = project.read_text("utf-8")
    assert before in text
    project.write_text(text.replace(before, after, 1), "utf-8")
    memory.missed = 0
    assert told(project, memory) == told(project, Memory())
    assert memory.missed == touched


def test_a_broken_spec_costs_no_memory(project: Path) -> None:
    """While an editor's text is half-written, what the last good one taught is not lost."""
    memory = Counting()
    whole = told(project, memory)
    text = project.read_text("utf-8")
    for broken in (text.replace("target: late", "target: latr", 1), text + "\nmodels: {", "?"):
        project.write_text(broken, "utf-8")
        assert told(project, memory) == told(project, Memory())
    project.write_text(text, "utf-8")
    memory.missed = 0
    assert told(project, memory) == whole
    assert memory.missed == 0


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder in which compiles of specs of any size leave what they found."""
    monkeypatch.setattr(remembering, "LEAST", 1)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stackc"


def file_of(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def test_the_next_program_recalls_from_the_file(project: Path, files: Path) -> None:
    before = told(project, FileMemory.of(project, None))
    memory = FileMemory.of(project, None)
    assert told(project, memory) == before == told(project, Memory())
    assert memory.blocks
    written = file_of(files).stat()
    assert written.st_mode & 0o077 == 0, "others may not read what a spec says"
    told(project, FileMemory.of(project, None))
    assert file_of(files).stat() == written, "nothing new, and written all the same"


def test_a_block_of_the_file_is_used(project: Path, files: Path) -> None:
    """What the file says is believed: so it is a file of the user's, and none of the project's."""
    told(project, FileMemory.of(project, None))
    memory = FileMemory.of(project, None)
    memory.begin()
    assert len(memory.blocks) > 60
    assert all(memory.recall(key) is not None for key in memory.blocks)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "a bit turned": lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:],
    "something else": lambda content: b"whatever" * 100,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_none(damage: str, project: Path, files: Path) -> None:
    before = told(project, FileMemory.of(project, None))
    path = file_of(files)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    memory = FileMemory.of(project, None)
    assert told(project, memory) == before
    assert not memory.blocks
    assert FileMemory.of(project, None).begin().known, "it was not written anew"


def test_the_file_of_another_program_is_none(
    project: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(project, FileMemory.of(project, None))
    monkeypatch.setattr(remembering, "_program", lambda: "stackc 99")
    assert not FileMemory.of(project, None).begin().known


def test_environments_and_specs_have_files_of_their_own(project: Path, files: Path) -> None:
    other = project.with_name("other.yaml")
    other.write_bytes(project.read_bytes())
    paths = {FileMemory.of(*of).path for of in ((project, None), (project, "dev"), (other, None))}
    assert len(paths) == 3


def test_a_small_spec_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compile_spec(write_spec(tmp_path, 10))
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_is_no_trouble(
    project: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(project))  # a file, and no folder
    assert told(project, FileMemory.of(project, None)) == told(project, Memory())
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    assert FileMemory.of(project, None).path is None
    assert told(project, FileMemory.of(project, None)) == told(project, Memory())


def no_home() -> Path:
    raise RuntimeError("no home")


def test_what_nobody_compiles_any_more_is_removed(project: Path, files: Path) -> None:
    files.mkdir(parents=True)
    old, young = files / "old.compiled", files / "young.compiled"
    for path, days in ((old, 40), (young, 2)):
        path.touch()
        os.utime(path, (time.time() - days * 86_400,) * 2)
    told(project, FileMemory.of(project, None))
    assert not old.exists()
    assert young.exists()
