"""Composition: a spec, the config groups it names, and the overrides of the command line.

Composing nothing is the identity, and imports no Hydra: a spec without a
defaults list, loaded without overrides, is its own body, and the embedded
backends are known in code.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.load.command import CommandLine
from compiler.load.expand.environments import choose_environment
from compiler.load.groups import PACKAGED, PACKAGED_NAME, Groups, is_folder, take_defaults
from compiler.load.layers import FileLayer, Layer


class Composition(Struct, frozen=True):
    """A composed config, its ``backends`` still inside, and what set its values, in order."""

    config: dict[str, Any]
    layers: tuple[Layer, ...]
    environments: tuple[str, ...] = ()

    def mentions(self, text: str) -> bool:
        """Whether the text stands anywhere in what was composed."""
        return any(text in layer.content for layer in self.layers)

    @property
    def packaged(self) -> list[tuple[str, str]]:
        """The name and text of each file that stackc itself brought."""
        files = (layer.text for layer in self.layers if isinstance(layer, FileLayer))
        return [(file.name, file.content) for file in files if file.name.startswith(PACKAGED_NAME)]


def search_folders(
    root: Path, config_dirs: Sequence[Path], command: CommandLine
) -> tuple[Path, ...]:
    """Where groups are looked for: beside the spec, then as asked, then what stackc brings.

    Raises:
        StackcError: E109 when a folder that was asked for is none.
    """
    for index, folder in enumerate(config_dirs):
        if not is_folder(folder):
            message = f"the config folder `{folder}` does not exist"
            raise fail(Code.CONFIG_GROUP, message, span=command.config_dir(index))
    return (root / "conf", *config_dirs, PACKAGED)


def compose(
    own: tuple[FileLayer, ...],
    body: dict[str, Any],
    command: CommandLine,
    folders: tuple[Path, ...],
) -> Composition:
    """Compose a spec's body with what it and the command line name.

    Args:
        own: The spec's own file, and those that it includes.
        body: What they hold together.
        command: The command line.
        folders: Where groups are looked for.

    Raises:
        StackcError: E108, E109, E141, or what is wrong with a group's file.
    """
    text = own[0].text
    defaults = take_defaults(text, body)
    shadowed = any(is_folder(folder / "backends") for folder in folders if folder != PACKAGED)
    if defaults is None and not command.overrides and not shadowed:
        return Composition(body, *choose_environment(body, own, command))
    from compiler.load.combine import combine

    return Composition(*combine(own, body, defaults, command, Groups(folders)))
