"""What lakeFS keeps: commits of trees, branches with uncommitted changes, tags."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from compiler.graph.digest import canonical

_BRANCH = re.compile(r"^\w[-\w]*$")
_TAG = re.compile(r"^[^\s~^:?*\[\\-][^\s~^:?*\[\\]*$")


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Entry:
    """An object: where its bytes lie, and what is known of them."""

    address: str
    checksum: str
    size: int
    metadata: tuple[tuple[str, str], ...] = ()


Tree = dict[str, Entry]


@dataclass(frozen=True)
class Commit:
    """A tree with its history."""

    id: str
    parents: tuple[str, ...]
    tree: Tree
    message: str
    metadata: tuple[tuple[str, str], ...]


@dataclass
class Branch:
    """A branch: its commit, and what is staged on it (None for a deletion)."""

    commit: str
    staged: dict[str, Entry | None] = field(default_factory=dict)


@dataclass
class Repository:
    """One repository; every method may raise Refused."""

    name: str
    namespace: str
    default_branch: str
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, Branch] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    guard: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        first = self._keep((), {}, "Repository created", {})
        self.branches[self.default_branch] = Branch(first.id)

    def branch(self, name: str) -> Branch:
        if name not in self.branches:
            raise Refused(404, "branch not found")
        return self.branches[name]

    def commit_of(self, ref: str) -> Commit:
        """What a branch, a tag or a commit's id means."""
        found = self.tags.get(ref, ref)
        if ref in self.branches:
            found = self.branches[ref].commit
        if found not in self.commits:
            raise Refused(404, "not found")
        return self.commits[found]

    def view(self, ref: str) -> Tree:
        """The objects of a ref, a branch's uncommitted ones included."""
        tree = dict(self.commit_of(ref).tree)
        if ref in self.branches:
            _change(tree, self.branches[ref].staged)
        return tree

    def make_branch(self, name: str, source: str) -> str:
        if not _BRANCH.match(name):
            raise Refused(400, "argument BranchID: invalid")
        if name in self.branches:
            raise Refused(409, "branch already exists")
        commit = self.commit_of(source).id
        self.branches[name] = Branch(commit)
        return commit

    def remove_branch(self, name: str) -> None:
        if name == self.default_branch:
            raise Refused(403, "cannot delete repository default branch")
        self.branch(name)
        del self.branches[name]

    def stage(self, branch: str, path: str, entry: Entry | None) -> None:
        self.branch(branch).staged[path] = entry

    def make_commit(self, branch: str, message: str, metadata: dict[str, str]) -> Commit:
        found = self.branch(branch)
        tree = self.view(branch)
        if tree == self.commits[found.commit].tree:
            raise Refused(400, "commit: no changes")
        made = self._keep((found.commit,), tree, message, metadata)
        self.branches[branch] = Branch(made.id)
        return made

    def merge(self, source: str, target: str, message: str, metadata: dict[str, str]) -> Commit:
        ours, theirs = self.branch(target), self.commit_of(source)
        if ours.staged:
            raise Refused(400, "uncommitted changes (dirty branch)")
        base = self._base(ours.commit, theirs.id)
        here = self.commits[ours.commit].tree
        changes = _changes(base.tree, theirs.tree)
        if not changes:
            raise Refused(400, "update branch: no changes")
        moved = _changes(base.tree, here)
        if any(path in moved and moved[path] != entry for path, entry in changes.items()):
            raise Refused(409, "conflict found")
        tree = dict(here)
        _change(tree, changes)
        made = self._keep((ours.commit, theirs.id), tree, message, metadata)
        self.branches[target] = Branch(made.id)
        return made

    def make_tag(self, name: str, ref: str) -> str:
        if not _TAG.match(name):
            raise Refused(400, "argument TagID: invalid")
        commit = self.commit_of(ref).id
        if name in self.tags:
            raise Refused(409, "tag already exists")
        self.tags[name] = commit
        return commit

    def _keep(
        self, parents: tuple[str, ...], tree: Tree, message: str, metadata: dict[str, str]
    ) -> Commit:
        known = sorted(metadata.items())
        listed = [[path, entry.address] for path, entry in sorted(tree.items())]
        content = canonical([parents, listed, message, known, len(self.commits)])
        made = Commit(sha256(content).hexdigest(), parents, tree, message, tuple(known))
        self.commits[made.id] = made
        return made

    def _base(self, one: str, other: str) -> Commit:
        reached = set(self._history(one))
        return next(self.commits[found] for found in self._history(other) if found in reached)

    def _history(self, commit: str) -> Iterator[str]:
        """All ancestors, the nearest first, the commit itself included."""
        waiting, seen = [commit], set()
        while waiting:
            found = waiting.pop(0)
            if found not in seen:
                seen.add(found)
                yield found
                waiting.extend(self.commits[found].parents)


def _changes(before: Tree, after: Tree) -> dict[str, Entry | None]:
    paths = before.keys() | after.keys()
    return {path: after.get(path) for path in paths if before.get(path) != after.get(path)}


def _change(tree: Tree, changes: dict[str, Entry | None]) -> None:
    for path, entry in changes.items():
        if entry is None:
            tree.pop(path, None)
        else:
            tree[path] = entry
