"""A lakeFS repository by what publishing needs of it; each method is one or two calls."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from msgspec import Struct

from backends.lakefs import LakefsServer
from backends.lakefs.asking import Asking, ask, refused
from backends.lakefs.client import client_of
from compiler.engine import durable

T = TypeVar("T")
_BLOCK = 8 << 20
_SIGNED = 5 << 30
"""The most bytes that S3 takes by one signed URL; the server itself takes more."""
_PAGE = 1000


class Stored(Struct, frozen=True):
    """An object: its path, and what tells its content from another's."""

    path: str
    checksum: str
    size: int


class Lake:
    """One repository; what goes wrong is raised by the asking's code, what is not there said."""

    def __init__(
        self, repository: str, server: LakefsServer, secret: Callable[[str], str], asking: Asking
    ) -> None:
        import lakefs_sdk

        self.repository = repository
        self._asking = asking
        self._client = client_of(server, secret)
        self._sdk = self._client.sdk_client
        self._types: Any = lakefs_sdk

    def ensure(self, namespace: str | None, branch: str) -> None:
        """Make the repository where it is missing, its data to go to a storage namespace."""
        if self.exists():
            return
        if namespace is None:
            raise refused(
                f"there is no repository `{self.repository}`",
                "create it, or let apply do so with `backends.version.storage_namespace=s3://…`",
            )
        wanted = self._types.RepositoryCreation(
            name=self.repository,
            storage_namespace=namespace,
            default_branch=branch,
        )
        api = self._sdk.repositories_api
        # 409: somebody was faster.
        self._ask("make the repository", lambda: api.create_repository(wanted), (409,))

    def exists(self) -> bool:
        """Whether the repository is there."""
        api = self._sdk.repositories_api
        doing = f"look for the repository `{self.repository}`"
        found = self._ask(doing, lambda: str(api.get_repository(self.repository).id), (404,))
        return found is not None

    def head(self, branch: str) -> str | None:
        """The commit a branch is at."""
        api = self._sdk.branches_api
        return self._ask(
            f"look at `{branch}`",
            lambda: str(api.get_branch(self.repository, branch).commit_id),
            (404,),
        )

    def branch(self, name: str, source: str) -> None:
        """Make a branch anew from a commit; what an interrupted run left under the name goes."""
        api = self._sdk.branches_api
        self.drop_branch(name)
        wanted = self._types.BranchCreation(name=name, source=source)
        self._ask("make a branch", lambda: api.create_branch(self.repository, wanted))

    def drop_branch(self, name: str) -> None:
        """Remove a branch; one that is gone is no error."""
        api = self._sdk.branches_api
        doing = f"remove the branch `{name}`"
        self._ask(doing, lambda: api.delete_branch(self.repository, name), (404,))

    def branches(self, prefix: str) -> list[str]:
        """The branches whose names begin so."""
        return self._refs("branches", self._sdk.branches_api.list_branches, prefix)

    def upload(self, branch: str, path: str, source: Path, metadata: Mapping[str, str]) -> None:
        """Put a file on a branch, straight to the object store where the server signs for it."""
        from lakefs import WriteableObject

        kept = WriteableObject(self.repository, branch, path, client=self._client)
        signed = None if source.stat().st_size <= _SIGNED else False

        def send() -> bool:
            writer = kept.writer("wb", signed, metadata=dict(metadata))
            with source.open("rb") as file, writer as out:
                shutil.copyfileobj(file, out, _BLOCK)
            return True

        self._ask(f"take `{path}`", send)

    def download(self, ref: str, path: str, target: Path) -> bool:
        """Write an object as a ref has it to a file, block by block; False where it has none."""
        from lakefs import StoredObject

        stored = StoredObject(self.repository, ref, path, client=self._client)

        def fetch() -> bool:
            with target.open("wb") as file, stored.reader("rb") as source:
                shutil.copyfileobj(cast(IO[bytes], source), file, _BLOCK)
            return True

        with durable.guarded(target):
            return self._ask(f"give `{path}`", fetch, (404, 410)) is not None

    def read(self, ref: str, path: str) -> bytes | None:
        """A small object as a ref has it."""
        api = self._sdk.objects_api
        found = self._ask(
            f"give `{path}`", lambda: api.get_object(self.repository, ref, path), (404, 410)
        )
        return None if found is None else bytes(found)

    def metadata(self, ref: str, path: str) -> dict[str, str] | None:
        """What was said of an object when it was put there; None where a ref has none."""
        stat = self._sdk.objects_api.stat_object
        return self._ask(
            f"look at `{path}`",
            lambda: dict(stat(self.repository, ref, path).metadata or {}),
            (404, 410),
        )

    def objects(self, ref: str, prefix: str) -> list[Stored]:
        """All objects below a prefix as a ref has them, by path."""
        listing = self._sdk.objects_api.list_objects
        found = self._listed(
            f"list `{prefix}`",
            lambda **page: listing(self.repository, ref, prefix=prefix, **page),
        )
        return [Stored(e.path, e.checksum, e.size_bytes or 0) for e in found]

    def remove(self, branch: str, path: str) -> None:
        """Remove an object from a branch."""
        api = self._sdk.objects_api
        self._ask(f"remove `{path}`", lambda: api.delete_object(self.repository, branch, path))

    def commit(self, branch: str, message: str, metadata: Mapping[str, str]) -> str:
        """Commit what is on a branch; the commit's id."""
        api = self._sdk.commits_api
        wanted = self._types.CommitCreation(message=message, metadata=dict(metadata))
        made = self._ask(
            "commit the table", lambda: str(api.commit(self.repository, branch, wanted).id)
        )
        return cast(str, made)

    def merge(
        self, source: str, target: str, message: str, metadata: Mapping[str, str]
    ) -> str | None:
        """Merge a commit into a branch; None where that one has moved meanwhile."""
        wanted = self._types.Merge(message=message, metadata=dict(metadata))
        merge = self._sdk.refs_api.merge_into_branch
        return self._ask(
            f"merge into `{target}`",
            lambda: str(merge(self.repository, source, target, merge=wanted).reference),
            (409, 412),
        )

    def tag(self, name: str, ref: str) -> None:
        """Name a commit for good; a tag that is there already stays."""
        api = self._sdk.tags_api
        wanted = self._types.TagCreation(id=name, ref=ref)
        self._ask(f"tag `{name}`", lambda: api.create_tag(self.repository, wanted), (409,))

    def tagged(self, name: str) -> str | None:
        """The commit that a tag names."""
        api = self._sdk.tags_api
        doing = f"look at the tag `{name}`"
        return self._ask(doing, lambda: str(api.get_tag(self.repository, name).commit_id), (404,))

    def tags(self, prefix: str) -> list[str]:
        """The tags whose names begin so."""
        return self._refs("tags", self._sdk.tags_api.list_tags, prefix)

    def drop_tag(self, name: str) -> None:
        """Remove a tag; one that is gone is no error."""
        api = self._sdk.tags_api
        doing = f"remove the tag `{name}`"
        self._ask(doing, lambda: api.delete_tag(self.repository, name), (404,))

    def resolve(self, ref: str) -> str | None:
        """The id of the commit that a branch, a tag or a commit id means."""
        api = self._sdk.commits_api
        doing = f"look for `{ref}`"
        return self._ask(doing, lambda: str(api.get_commit(self.repository, ref).id), (404,))

    def _refs(self, what: str, listing: Callable[..., Any], prefix: str) -> list[str]:
        found = self._listed(
            f"list the {what}", lambda **page: listing(self.repository, prefix=prefix, **page)
        )
        return [str(entry.id) for entry in found]

    def _listed(self, doing: str, listing: Callable[..., Any]) -> list[Any]:
        """All entries of a listing, page by page; none where what it is of is not there."""
        found: list[Any] = []
        after: str | None = ""
        while after is not None:
            page = self._ask(doing, partial(_page, listing, after), (404,))
            entries, after = page if page is not None else ([], None)
            found.extend(entries)
        return found

    def _ask(self, doing: str, call: Callable[[], T], allowed: Collection[int] = ()) -> T | None:
        return ask(self._asking, doing, call, allowed)


def _page(listing: Callable[..., Any], after: str) -> tuple[list[Any], str | None]:
    """The entries of one page, and where the next one begins."""
    page = listing(after=after, amount=_PAGE)
    return list(page.results), page.pagination.next_offset if page.pagination.has_more else None
