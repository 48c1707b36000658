"""The files that a source's path means: found in order, inside the project, readable."""

from __future__ import annotations

import difflib
import re
from pathlib import Path, PurePosixPath

from compiler.codes import Code
from compiler.diagnostics import fail

_MAGIC = re.compile(r"[*?\[]")
_REMOTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def scheme(path: str) -> str | None:
    """The system that a path names, in lower case; None for a file of this machine."""
    found = _REMOTE.match(path)
    return found[1].lower() if found else None


def resolve(path: str, project: Path) -> tuple[Path, ...]:
    """The files of a path or glob, sorted by name; hidden files only when named.

    A path that is not absolute stays inside the project, symbolic links
    included.

    Raises:
        StackcError: E113 for a path that leaves the project, E701 where
            nothing is found, E702 for what is no regular file.
    """
    if "\0" in path or not path.strip():
        raise fail(Code.SOURCE_MISSING, "the path of the source is empty or no path")
    absolute = PurePosixPath(path).is_absolute()
    found = _found(path, Path("/") if absolute else project)
    if not absolute:
        _stay_inside(path, found, project)
    if not found:
        raise _missing(path, project)
    for file in found:
        _refuse_other_kinds(file, path)
    return found


def shown(file: Path, project: Path) -> str:
    """A file's name for messages: relative to the project where it is inside."""
    return file.relative_to(project).as_posix() if file.is_relative_to(project) else str(file)


def _found(path: str, base: Path) -> tuple[Path, ...]:
    plain = base / path
    if _exists(plain):
        return (plain,)
    if not _MAGIC.search(path) or ".." in PurePosixPath(path).parts:
        return ()
    pattern = path.lstrip("/")
    files = [p for p in base.glob(pattern) if p.is_file() and not _hidden(p, base, pattern)]
    return tuple(sorted(files, key=lambda p: p.as_posix()))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long for the system
        return False


def _hidden(file: Path, base: Path, pattern: str) -> bool:
    named = any(part.startswith(".") for part in PurePosixPath(pattern).parts)
    return not named and any(p.startswith(".") for p in file.relative_to(base).parts)


def _stay_inside(path: str, found: tuple[Path, ...], project: Path) -> None:
    root = project.resolve()
    escapes = ".." in PurePosixPath(path).parts and not (project / path).resolve().is_relative_to(
        root
    )
    outside = next((f for f in found if not f.resolve().is_relative_to(root)), None)
    if escapes or outside is not None:
        which = f"`{path}`" if outside is None else f"`{shown(outside, project)}`"
        raise fail(
            Code.PATH_OUTSIDE,
            f"{which} leads out of the project's folder",
            help="move the data into the folder of the spec, or give its absolute path",
        )


def _missing(path: str, project: Path) -> Exception:
    what = "no file matches" if _MAGIC.search(path) else "there is no file"
    folder = project / PurePosixPath(path).parent
    try:
        found = folder.iterdir() if folder.is_dir() else ()
        names = sorted(p.name for p in found if not p.name.startswith("."))
    except OSError:
        names = []
    near = difflib.get_close_matches(PurePosixPath(path).name, names, n=3, cutoff=0.5)
    parent = PurePosixPath(path).parent
    if near:
        helps = tuple(
            f"did you mean `{parent / name if str(parent) != '.' else name}`?" for name in near
        )
    elif names:
        listed = ", ".join(f"`{name}`" for name in names[:8])
        helps = (f"the folder `{parent}` has: {listed}",)
    else:
        helps = ("paths are relative to the folder of the spec",)
    return fail(Code.SOURCE_MISSING, f"{what} `{path}`", help=helps)


def _refuse_other_kinds(file: Path, path: str) -> None:
    if file.is_dir():
        raise fail(
            Code.SOURCE_MISSING,
            f"`{path}` is a folder",
            help=f"name its files, for example `{path.rstrip('/')}/*.parquet`",
        )
    if not file.is_file():
        raise fail(Code.SOURCE_UNREADABLE, f"`{path}` is no regular file")
    try:
        with file.open("rb") as handle:
            handle.read(1)
    except OSError as error:
        raise fail(Code.SOURCE_UNREADABLE, f"`{path}` cannot be read: {error.strerror}") from error
