"""One lock for all environments of a spec: which of its entries an environment sees and keeps.

An environment may point a source elsewhere, so it may have an entry of its own
beside the spec's: ``flights@dev``. It has one only where the spec's would not do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from compiler.analyse.lock import Locked

_AT = "@"


def seen(lock: Mapping[str, Locked], environment: str | None) -> dict[str, Locked]:
    """The lock by source name, as an environment (or none) sees it: its own entries first."""
    found = {name: entry for name, entry in lock.items() if _AT not in name}
    if environment is not None:
        end = f"{_AT}{environment}"
        own = {n.removesuffix(end): entry for n, entry in lock.items() if n.endswith(end)}
        found.update(own)
    return found


def kept(
    lock: Mapping[str, Locked],
    used: Mapping[str, Locked],
    environment: str | None,
    environments: Iterable[str],
) -> dict[str, Locked]:
    """The lock to write, when an environment (or none) has come to use these entries.

    What others use stays; entries of an environment that the spec no longer has go.
    """
    known = set(environments)
    others = {
        name: entry
        for name, entry in lock.items()
        if _AT in name and (owner := name.partition(_AT)[2]) in known and owner != environment
    }
    if environment is None:
        return {**others, **used}
    plain = {name: entry for name, entry in lock.items() if _AT not in name}
    own = {f"{n}{_AT}{environment}": entry for n, entry in used.items() if plain.get(n) != entry}
    return {**plain, **others, **own}
