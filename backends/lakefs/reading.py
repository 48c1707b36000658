"""Files that lie in lakeFS: read as one commit has them, whatever its branch does meanwhile."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from msgspec import Struct

from backends.lakefs import LakefsServer
from backends.lakefs.asking import reading
from backends.lakefs.lake import Lake, Stored
from compiler.backend import TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.digest import digest

SCHEME = "lakefs"
_ADDRESS = re.compile(r"(?i:lakefs)://([a-z0-9][a-z0-9-]{2,62})/(\w[^/\s]*)/([^/].*)")
_MAGIC = re.compile(r"[*?\[]")


class InLake(Struct, frozen=True):
    """The objects of a path or glob, as a branch, a tag or a commit has them."""

    path: str
    ref: str
    wanted: str
    lake: Lake
    context: TaskContext

    @classmethod
    def at(cls, path: str, server: LakefsServer, context: TaskContext) -> InLake:
        """Understand ``lakefs://repository/ref/path``.

        Raises:
            StackcError: E701 for what is no such address, E503 where the
                client is not installed, E708 for a secret that is not set.
        """
        found = _ADDRESS.fullmatch(path)
        if found is None:
            raise fail(
                Code.SOURCE_MISSING,
                f"`{path}` names no file in lakeFS",
                help="write `lakefs://repository/ref/path`: ref is a branch, a tag or a commit",
            )
        if find_spec("lakefs") is None:
            raise fail(
                Code.BACKEND_MISSING,
                f"reading `{path}` needs `lakefs`, which is not installed",
                help="install it: `pip install 'stackc[lakefs]'`",
            )
        repository, ref, wanted = found.groups()
        lake = Lake(repository, server, context.secret, reading(server.endpoint))
        return cls(path, ref, wanted, lake, context)

    def observe(self) -> str:
        """A digest of what the ref's commit has there; other files of the commit do not matter."""
        return _observed(self._objects(self._commit()))

    def files(self, most: int | None = None) -> Mapping[Path, str]:
        """Fetch them, all from one commit.

        Raises:
            StackcError: E604 where they are no longer what was planned with.
        """
        commit = self._commit()
        objects = self._objects(commit)
        if self.context.observed not in (None, _observed(objects)):
            raise self._moved(commit)
        folder = self.context.workdir / "lake"
        folder.mkdir()
        return {
            self._fetched(commit, entry, folder / f"{at:06}"): self._shown(entry)
            for at, entry in enumerate(objects[:most])
        }

    def _fetched(self, commit: str, entry: Stored, target: Path) -> Path:
        self.context.progress(f"fetching {entry.path}")
        there = self.lake.download(commit, entry.path, target)
        if not there or target.stat().st_size != entry.size:
            raise fail(
                Code.SOURCE_UNREADABLE,
                f"`{self._shown(entry)}` is not given back as commit {commit[:12]} has it",
                help="look at the object store behind lakeFS",
            )
        return target.resolve()

    def _commit(self) -> str:
        commit = self.lake.resolve(self.ref)
        if commit is not None:
            return commit
        repository = self.lake.repository
        if not self.lake.exists():
            raise fail(Code.SOURCE_MISSING, f"lakeFS has no repository `{repository}`")
        near = difflib.get_close_matches(self.ref, self.lake.branches(""), n=3, cutoff=0.5)
        raise fail(
            Code.SOURCE_MISSING,
            f"`{repository}` has no branch, tag or commit `{self.ref}`",
            help=tuple(f"did you mean `{name}`?" for name in near),
        )

    def _objects(self, commit: str) -> list[Stored]:
        """What is wanted, by path.

        Raises:
            StackcError: E701 where there is nothing.
        """
        prefix = _MAGIC.split(self.wanted, maxsplit=1)[0]
        below = self.lake.objects(commit, prefix)
        found = [e for e in below if e.path == self.wanted] or [
            e for e in below if _matches(PurePosixPath(e.path).parts, self._pattern)
        ]
        if not found:
            raise self._missing(commit)
        return found

    @property
    def _pattern(self) -> tuple[str, ...]:
        return PurePosixPath(self.wanted).parts

    def _missing(self, commit: str) -> StackcError:
        what = "no file matches" if _MAGIC.search(self.wanted) else "there is no file"
        folder = self.wanted.rpartition("/")[0]
        names = [e.path for e in self.lake.objects(commit, f"{folder}/" if folder else "")]
        near = difflib.get_close_matches(self.wanted, names, n=3, cutoff=0.5) or names[:3]
        return fail(
            Code.SOURCE_MISSING,
            f"{what} `{self.path}` (commit {commit[:12]})",
            help=tuple(f"did you mean `{self._address(name)}`?" for name in near)
            or "what is not committed yet is not read",
        )

    def _moved(self, commit: str) -> StackcError:
        return fail(
            Code.PLAN_STALE,
            f"`{self.path}` is no longer what the plan was made for: it is at {commit[:12]} now",
            help="plan and apply again; a commit's id in place of the branch stays what it is",
        )

    def _shown(self, entry: Stored) -> str:
        return self._address(entry.path)

    def _address(self, path: str) -> str:
        return f"{SCHEME}://{self.lake.repository}/{self.ref}/{path}"


def _observed(objects: list[Stored]) -> str:
    return digest([[entry.checksum, entry.size] for entry in objects])


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a path fits a glob; ``**`` is any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[at:], pattern[1:]) for at in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])
