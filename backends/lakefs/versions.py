"""Published tables in lakeFS: staged on a branch, read back there, merged, tagged.

``<folder>/<name>/table.parquet`` and ``version.json`` beside it are what
readers of the branch see, and the tag ``<name>-<number>`` is a version for
good. The merge is the one moment at which a version comes to be; all before it
is on a branch of the operation's own, and all after it is made up for by the
next apply.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from backends.lakefs import LakefsSettings
from backends.lakefs.asking import publishing, refused
from backends.lakefs.lake import Lake
from backends.versioning.versions import Place, Published, Versions, version_of
from compiler.backend import Artifact, TaskContext
from compiler.diagnostics import StackcError
from compiler.engine.store import digest_of
from compiler.graph.digest import canonical
from compiler.graph.documents import Verdict

_ROUNDS = 5
"""How often a publication starts over because others wrote the same name meanwhile."""
_DIGEST = "stackc-digest"
_TABLE, _RECORD = "table.parquet", "version.json"


class LakefsVersions(Versions):
    """Reconciles published tables with a lakeFS repository."""

    def place(self, context: TaskContext) -> Place:
        """The repository of the settings."""
        settings = context.settings
        assert isinstance(settings, LakefsSettings)
        asking = publishing(settings.endpoint)
        lake = Lake(settings.repository, settings, context.secret, asking)
        return _Repository(context, settings, lake)


class _Repository(Struct, frozen=True):
    """The tables under one folder of a lakeFS repository."""

    context: TaskContext
    settings: LakefsSettings
    lake: Lake

    def current(self, name: str) -> Published | None:
        """What the branch has, where the table is as it was published and no work is left to do."""
        head = self.lake.head(self.settings.branch)
        found = None if head is None else self._at(head, name)
        if head is None or found is None:
            return None
        commit = self.lake.tagged(self._tag(found))
        if commit is None or (commit != head and self._at(commit, name) != found):
            return None
        unfinished = self.lake.head(self._branch(name, found.operation)) is not None
        return None if unfinished else self._whereabouts(found, commit)

    def find(self, operation_id: str) -> Published | None:
        """The version an operation made, once nothing of its work is left to do."""
        head = self.lake.head(self.settings.branch)
        if head is None:
            return None
        for entry in self.lake.objects(head, f"{self._folder}/"):
            name, _, file = entry.path.removeprefix(f"{self._folder}/").rpartition("/")
            found = self._at(head, name) if file == _RECORD else None
            if found is not None and found.operation == operation_id:
                return self.current(name)
        return None

    def publish(
        self,
        name: str,
        table: Artifact,
        operation_id: str,
        before: Published | None,  # noqa: ARG002
    ) -> Published:
        """Stage, audit, merge, tag; started over where the name has moved meanwhile."""
        for _ in range(_ROUNDS):
            made = self._published(name, table, operation_id)
            if made is not None:
                return made
        raise refused(
            f"others publish `{name}` to `{self.settings.branch}` all the while",
            "apply again when nobody else is writing there",
        )

    def set_aside(self, name: str, table: Artifact, verdict: Verdict, operation_id: str) -> str:
        """Leave it on its branch, with its verdict, and merge nothing."""
        self._drop_branches(name)
        broken = [rule["name"] for rule in verdict["rules"] if not rule["passed"]]
        draft = Published(version_of(name, self._next_number(name, None), table), operation_id)
        branch = self._branch(name, operation_id)
        self.lake.branch(branch, self._head())
        self._stage(draft, table.path, branch, {"stackc.broken": ", ".join(broken)})
        uri = f"lakefs://{self.lake.repository}/{branch}/{self._path(name, _TABLE)}"
        return (
            f"the rejected table is on the branch `{branch}` until the next version is published:"
            f" `lakectl fs download {uri} rejected.parquet`"
        )

    def remove(self, name: str, operation_id: str) -> None:
        """Remove the table from the branch through a merge, then tags and branches."""
        if not self.lake.exists():
            return
        for _ in range(_ROUNDS):
            if self._removed(name, operation_id):
                break
        else:
            raise refused(f"others write `{name}` all the while", "destroy again when it is quiet")
        for tag in self.lake.tags(f"{self._called(name)}-"):
            self.lake.drop_tag(tag)
        self._drop_branches(name)

    def _published(self, name: str, table: Artifact, operation_id: str) -> Published | None:
        """One round; None where others were at the same name meanwhile."""
        head = self._head()
        now = self._at(head, name)
        if now is not None and self.lake.tagged(self._tag(now)) is None:
            self.lake.tag(self._tag(now), head)
        if now is not None and now.version["digest"] == table.digest:
            self._drop_branches(name)
            return self._settled(now)
        version = version_of(name, self._next_number(name, now), table)
        draft = Published(version, operation_id)
        branch = self._branch(name, operation_id)
        self.lake.branch(branch, head)
        try:
            staged = self._stage(draft, table.path, branch, {})
            commit = self._merge(staged, f"{name} version {draft.number}", self._metadata(draft))
        except StackcError:
            # Who published the name meanwhile has cleared its branches away.
            if not self._gone(branch):
                raise
            return None
        if commit is None:
            return None
        self.lake.tag(self._tag(draft), commit)
        self._drop_branches(name)
        return self._settled(draft)

    def _settled(self, made: Published) -> Published:
        commit = self.lake.tagged(self._tag(made))
        if commit is None or self._at(commit, made.version["name"]) != made:
            raise refused(
                f"the tag `{self._tag(made)}` is there and names something else",
                f"look at it with `lakectl tag show lakefs://{self.lake.repository}/{self._tag(made)}`"
                " and remove it if nobody needs it",
            )
        return self._whereabouts(made, commit)

    def _stage(self, draft: Published, table: Path, branch: str, more: Mapping[str, str]) -> str:
        """Commit a table on its branch, and read it back as that commit has it; the commit."""
        name, digest = draft.version["name"], draft.version["digest"]
        record = self.context.workdir / "staged.json"
        record.write_bytes(canonical(msgspec.to_builtins(draft)))
        path = self._path(name, _TABLE)
        self.context.progress("staging on a branch")
        self.lake.upload(branch, path, table, {_DIGEST: digest})
        self.lake.upload(branch, self._path(name, _RECORD), record, {})
        message = f"{name} version {draft.number}, staged"
        commit = self.lake.commit(branch, message, {**self._metadata(draft), **more})
        back = self.context.workdir / "back.parquet"
        self.context.progress("reading it back")
        if not self.lake.download(commit, path, back) or digest_of(back) != digest:
            raise refused(
                f"`{branch}` does not give back what was written to it",
                "look at the object store behind the server; nothing was merged",
            )
        back.unlink()
        return commit

    def _removed(self, name: str, operation_id: str) -> bool:
        head = self.lake.head(self.settings.branch)
        here = [] if head is None else self.lake.objects(head, self._path(name, ""))
        if head is None or not here:
            return True
        branch = self._branch(name, operation_id)
        self.lake.branch(branch, head)
        for entry in here:
            self.lake.remove(branch, entry.path)
        metadata = {"stackc.operation": operation_id, "stackc.name": name}
        message = f"{name} is no longer published"
        commit = self.lake.commit(branch, message, metadata)
        return self._merge(commit, message, metadata) is not None

    def _merge(self, commit: str, message: str, metadata: Mapping[str, str]) -> str | None:
        return self.lake.merge(commit, self.settings.branch, message, metadata)

    def _at(self, ref: str, name: str) -> Published | None:
        """The version that a commit has, where its table is the one that was published."""
        content = self.lake.read(ref, self._path(name, _RECORD))
        try:
            found = None if content is None else msgspec.json.decode(content, type=Published)
        except msgspec.MsgspecError:
            return None
        told = self.lake.metadata(ref, self._path(name, _TABLE))
        if found is None or told is None:
            return None
        return found if told.get(_DIGEST) == found.version["digest"] else None

    def _gone(self, branch: str) -> bool:
        try:
            return self.lake.head(branch) is None
        except StackcError:
            return False

    def _head(self) -> str:
        branch = self.settings.branch
        head = self.lake.head(branch)
        if head is None:
            self.lake.ensure(self.settings.storage_namespace, branch)
            head = self.lake.head(branch)
        if head is None:
            raise refused(
                f"`{self.lake.repository}` has no branch `{branch}`",
                "choose another with `backends.version.branch=…`",
            )
        return head

    def _next_number(self, name: str, now: Published | None) -> int:
        ends = (
            tag.removeprefix(f"{self._called(name)}-")
            for tag in self.lake.tags(f"{self._called(name)}-")
        )
        numbers = [int(end) for end in ends if end.isdecimal()]
        return max([*numbers, now.number if now is not None else 0], default=0) + 1

    def _drop_branches(self, name: str) -> None:
        for branch in self.lake.branches(self._prefix(name)):
            self.lake.drop_branch(branch)

    def _whereabouts(self, found: Published, commit: str) -> Published:
        where = {"repository": self.lake.repository, "tag": self._tag(found), "commit": commit}
        return replace(found, where=where)

    def _metadata(self, made: Published) -> dict[str, str]:
        """What a commit says of the version it makes."""
        version = made.version
        return {
            "stackc.operation": made.operation,
            "stackc.name": version["name"],
            "stackc.number": str(version["number"]),
            "stackc.digest": version["digest"],
            "stackc.rows": str(version["rows"]),
            "stackc.key": self.context.key,
        }

    def _path(self, name: str, file: str) -> str:
        return f"{self._folder}/{name}/{file}"

    @property
    def _folder(self) -> str:
        """The folder of the tables; environments of one spec have each their own."""
        environment = self.context.environment
        return "/".join(filter(None, (self.settings.folder, environment)))

    def _called(self, name: str) -> str:
        """What tags and branches call a table, in the environment it is of."""
        return ".".join(filter(None, (self.context.environment, name)))

    def _tag(self, made: Published) -> str:
        return f"{self._called(made.version['name'])}-{made.number}"

    def _prefix(self, name: str) -> str:
        # A branch's name may not have a dot.
        return f"stackc-{self._called(name).replace('.', '_')}-"

    def _branch(self, name: str, operation_id: str) -> str:
        return self._prefix(name) + operation_id
