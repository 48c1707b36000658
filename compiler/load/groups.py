"""Config groups: where their files are looked for, read by the same strict parser as the spec."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.load.marks import Marks
from compiler.load.parse import parse
from compiler.load.text import Text, read_text, shown

PACKAGED = Path(__file__).resolve().parents[2] / "conf"
"""The groups that come with stackc: the sibling folder of ``compiler/``."""
PACKAGED_NAME = "<stackc>/conf"
MAX_FILES = 200


class GroupFile(Struct, frozen=True):
    """One option of a group: its text, what it holds, and its own defaults list."""

    text: Text
    body: dict[str, Any]
    defaults: list[Any] | None


class Groups(Struct):
    """The folders that hold config groups, the first that has a file wins.

    Paths are Hydra's: ``backends/version`` is a group, ``backends/version/local``
    one of its options, the file ``backends/version/local.yaml``.
    """

    folders: tuple[Path, ...]
    _read: dict[str, GroupFile | None] = field(default_factory=dict)

    def file(self, path: str) -> GroupFile | None:
        """The option at a path, or None where no folder has it.

        Raises:
            StackcError: The file is not strict YAML (E101 to E104, E111), or
                not a mapping (E110).
            ValueError: More files than one spec may ask for.
        """
        if path not in self._read:
            if len(self._read) >= MAX_FILES:
                raise ValueError(f"more than {MAX_FILES} config files are asked for")
            found = self._find(path)
            self._read[path] = None if found is None else _group_file(found, self._name(found))
        return self._read[path]

    def files(self) -> list[tuple[str, GroupFile]]:
        """Every option that was read so far, by path."""
        return [(path, file) for path, file in self._read.items() if file is not None]

    def has_option(self, path: str) -> bool:
        """Whether some folder has this option."""
        return self._find(path) is not None

    def has_group(self, path: str) -> bool:
        """Whether some folder has this group."""
        return any(inside is not None and is_folder(inside) for inside in self._inside(path))

    def options(self, group: str) -> list[str]:
        """The names of a group's options."""
        return sorted({entry.stem for entry in self._entries(group) if _is_option(entry)})

    def subgroups(self, group: str) -> list[str]:
        """The names of the groups inside of a group."""
        return sorted({entry.name for entry in self._entries(group) if is_folder(entry)})

    def all_groups(self) -> list[str]:
        """The paths of all groups, to suggest one; the first few hundred of them."""
        found: list[str] = []
        queue = [""]
        while queue and len(found) < MAX_FILES:
            group = queue.pop(0)
            inner = [f"{group}/{name}".lstrip("/") for name in self.subgroups(group)]
            found += inner
            queue += inner
        return found

    def _find(self, path: str) -> Path | None:
        for inside in self._inside(path + ("" if path.endswith(".yaml") else ".yaml")):
            if inside is not None and _is_file(inside):
                return inside
        return None

    def _inside(self, path: str) -> list[Path | None]:
        return [_below(folder, path) for folder in self.folders]

    def _entries(self, group: str) -> list[Path]:
        entries: list[Path] = []
        for inside in self._inside(group):
            if inside is not None and is_folder(inside):
                with contextlib.suppress(OSError):
                    entries += inside.iterdir()
        return entries

    def _name(self, file: Path) -> str:
        if file.is_relative_to(PACKAGED):
            return f"{PACKAGED_NAME}/{file.relative_to(PACKAGED).as_posix()}"
        return shown(file)


def is_folder(path: Path) -> bool:
    """Whether it is a folder that can be looked at; a name the system refuses is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_option(entry: Path) -> bool:
    return entry.suffix == ".yaml" and _is_file(entry)


def _below(folder: Path, path: str) -> Path | None:
    """The path in a folder; None where it would leave it, also through a link."""
    if "\0" in path or len(path) > 1000 or ".." in path.split("/"):
        return None
    try:
        inside = folder / path.lstrip("/")
        return inside if inside.resolve().is_relative_to(folder.resolve()) else None
    except (OSError, RuntimeError):
        return None


def _group_file(file: Path, name: str) -> GroupFile:
    text = read_text(file, name)
    body = parse(text)
    if body is None:
        body = {}
    if not isinstance(body, dict):
        raise fail(
            Code.NOT_A_MAPPING,
            f"`{name}` must be a mapping of keys to values",
            span=text.span(0, text.line_end(0)),
        )
    defaults = take_defaults(text, body)
    return GroupFile(text, body, defaults)


def take_defaults(text: Text, body: dict[str, Any]) -> list[Any] | None:
    """Remove the defaults list from a body and judge its shape; None where there is none.

    Raises:
        StackcError: E109 when it is no list of names and of ``group: option``.
    """
    if "defaults" not in body:
        return None
    defaults = body.pop("defaults")
    if not isinstance(defaults, list):
        raise _bad_defaults(text, "`defaults` must be a list", ("defaults",))
    for index, entry in enumerate(defaults):
        if not _is_default(entry):
            message = "an entry of `defaults` is a name, or one `group: option`"
            raise _bad_defaults(text, message, ("defaults", index))
    return defaults


def _bad_defaults(text: Text, message: str, path: tuple[str | int, ...]) -> StackcError:
    way_out = "for example `defaults: [_self_, {backends: local}]`"
    return fail(Code.CONFIG_GROUP, message, span=Marks(text).span(path), help=way_out)


def _is_default(entry: Any) -> bool:
    if isinstance(entry, str):
        return bool(entry)
    if not isinstance(entry, dict) or len(entry) != 1:
        return False
    option = next(iter(entry.values()))
    if isinstance(option, list):
        return all(isinstance(name, str) for name in option)
    return option is None or isinstance(option, str)
