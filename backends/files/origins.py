"""Where the files of a path are: on this machine, or in a lake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from backends.files import FilesSettings
from backends.files.fingerprint import content
from backends.files.paths import resolve, scheme, shown
from backends.lakefs.reading import SCHEME, InLake
from compiler.backend import TaskContext
from compiler.codes import Code
from compiler.diagnostics import fail


class Origin(Protocol):
    """Files in an order; both methods may raise StackcError for what a user can cause."""

    def observe(self) -> str:
        """A digest of the content of all files in order; their names and ages do not matter."""

    def files(self, most: int | None = None) -> Mapping[Path, str]:
        """The files here on this machine, and what messages call each; the first ones only."""


class OnDisk(Struct, frozen=True):
    """Files of this machine."""

    path: str
    context: TaskContext

    def observe(self) -> str:
        """The digest of what they hold, remembered while nothing touches them."""
        return content(resolve(self.path, self.context.project), self.context.state)

    def files(self, most: int | None = None) -> Mapping[Path, str]:
        """Their real paths, for that is what the lock on the engine compares."""
        project = self.context.project
        found = resolve(self.path, project)[:most]
        return {file.resolve(): shown(file, project) for file in found}


def origin_of(path: str, context: TaskContext) -> Origin:
    """What a source's path means.

    Raises:
        StackcError: E701 for a path on a system that nothing here reads from.
    """
    named = scheme(path)
    if named is None:
        return OnDisk(path, context)
    if named == SCHEME:
        assert isinstance(context.settings, FilesSettings)
        return InLake.at(path, context.settings.lakefs, context)
    raise fail(
        Code.SOURCE_MISSING,
        f"`{path}` is no file on this machine",
        help=f"files are read from the local disk and from `{SCHEME}://` here",
    )
