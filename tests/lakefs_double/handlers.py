"""What the double does for each operation of the OpenAPI document, by its operationId."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tests.lakefs_double.model import Commit, Entry, Refused, Repository
from tests.lakefs_double.objects import Objects

META = "x-lakefs-meta-"


@dataclass(frozen=True)
class Asked:
    """A request, taken apart."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Told:
    """An answer: JSON, bytes, or nothing."""

    status: int
    json: Any = None
    data: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class State:
    """Everything the double keeps; ``presign`` is what /config says."""

    objects: Objects
    presign: bool = False
    repositories: dict[str, Repository] = field(default_factory=dict)

    def repository(self, asked: Asked) -> Repository:
        name = asked.path["repository"]
        if name not in self.repositories:
            raise Refused(404, "repository not found")
        return self.repositories[name]


Handler: TypeAlias = Callable[[State, Asked], Told]


def get_config(state: State, asked: Asked) -> Told:
    storage = {
        "blockstore_type": "s3", "blockstore_namespace_example": "s3://bucket/",
        "blockstore_namespace_ValidityRegex": "^s3://", "pre_sign_support": state.presign,
        "pre_sign_support_ui": False, "import_support": True, "import_validity_regex": "^s3://",
        "pre_sign_multipart_upload": False,
    }  # fmt: skip
    return Told(200, {"version_config": {"version": "1.60.0"}, "storage_config": storage})


def create_repository(state: State, asked: Asked) -> Told:
    wanted = asked.json
    name = wanted["name"]
    if name in state.repositories:
        raise Refused(409, "error creating repository: not unique")
    default = wanted.get("default_branch", "main")
    state.repositories[name] = Repository(name, wanted["storage_namespace"], default)
    return Told(201, _repository(state.repositories[name]))


def get_repository(state: State, asked: Asked) -> Told:
    return Told(200, _repository(state.repository(asked)))


def get_branch(state: State, asked: Asked) -> Told:
    name = asked.path["branch"]
    return Told(200, {"id": name, "commit_id": state.repository(asked).branch(name).commit})


def list_branches(state: State, asked: Asked) -> Told:
    found = state.repository(asked).branches
    return _page(asked, ({"id": n, "commit_id": found[n].commit} for n in sorted(found)), "id")


def create_branch(state: State, asked: Asked) -> Told:
    wanted = asked.json
    commit = state.repository(asked).make_branch(wanted["name"], wanted["source"])
    return Told(201, data=commit.encode(), headers={"Content-Type": "text/html"})


def delete_branch(state: State, asked: Asked) -> Told:
    state.repository(asked).remove_branch(asked.path["branch"])
    return Told(204)


def commit(state: State, asked: Asked) -> Told:
    wanted = asked.json
    made = state.repository(asked).make_commit(
        asked.path["branch"], wanted["message"], wanted.get("metadata") or {}
    )
    return Told(201, _commit(made))


def get_commit(state: State, asked: Asked) -> Told:
    return Told(200, _commit(state.repository(asked).commit_of(asked.path["commitId"])))


def merge_into_branch(state: State, asked: Asked) -> Told:
    wanted = asked.json if asked.body else {}
    made = state.repository(asked).merge(
        asked.path["sourceRef"], asked.path["destinationBranch"],
        wanted.get("message") or "Merge", wanted.get("metadata") or {},
    )  # fmt: skip
    return Told(200, {"reference": made.id})


def list_tags(state: State, asked: Asked) -> Told:
    found = state.repository(asked).tags
    return _page(asked, ({"id": name, "commit_id": found[name]} for name in sorted(found)), "id")


def create_tag(state: State, asked: Asked) -> Told:
    wanted = asked.json
    commit = state.repository(asked).make_tag(wanted["id"], wanted["ref"])
    return Told(201, {"id": wanted["id"], "commit_id": commit})


def get_tag(state: State, asked: Asked) -> Told:
    name, tags = asked.path["tag"], state.repository(asked).tags
    if name not in tags:
        raise Refused(404, "tag not found")
    return Told(200, {"id": name, "commit_id": tags[name]})


def delete_tag(state: State, asked: Asked) -> Told:
    if state.repository(asked).tags.pop(asked.path["tag"], None) is None:
        raise Refused(404, "tag not found")
    return Told(204)


def stat_object(state: State, asked: Asked) -> Told:
    return Told(200, _stats(asked.query["path"], _entry(state, asked)))


def get_object(state: State, asked: Asked) -> Told:
    entry = _entry(state, asked)
    if asked.query.get("presign") == "true":
        if not state.presign:
            raise Refused(400, "pre-signed URLs are not supported")
        return Told(302, headers={"Location": state.objects.signed(entry.address, "get_object")})
    data = state.objects.get(entry.address)
    wanted = asked.headers.get("range")
    if wanted is None:
        return Told(200, data=data)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    start, end = int(first), min(int(last or len(data)), len(data) - 1)
    if start >= len(data):
        raise Refused(416, "invalid range")
    shown = f"bytes {start}-{end}/{len(data)}"
    return Told(206, data=data[start : end + 1], headers={"Content-Range": shown})


def list_objects(state: State, asked: Asked) -> Told:
    tree = state.repository(asked).view(asked.path["ref"])
    return _page(asked, (_stats(path, tree[path]) for path in sorted(tree)), "path")


def upload_object(state: State, asked: Asked) -> Told:
    repository, path = state.repository(asked), asked.query["path"]
    repository.branch(asked.path["branch"])
    address = state.objects.address(repository.namespace)
    checksum = state.objects.put(address, asked.body)
    given = {k.removeprefix(META): v for k, v in asked.headers.items() if k.startswith(META)}
    entry = Entry(address, checksum, len(asked.body), tuple(sorted(given.items())))
    repository.stage(asked.path["branch"], path, entry)
    return Told(201, _stats(path, entry))


def get_physical_address(state: State, asked: Asked) -> Told:
    repository = state.repository(asked)
    repository.branch(asked.path["branch"])
    address = state.objects.address(repository.namespace)
    url = state.objects.signed(address, "put_object") if asked.query.get("presign") else None
    return Told(200, {"physical_address": address, "presigned_url": url})


def link_physical_address(state: State, asked: Asked) -> Told:
    wanted, path = asked.json, asked.query["path"]
    kept = tuple(sorted((wanted.get("user_metadata") or {}).items()))
    address = wanted["staging"]["physical_address"]
    entry = Entry(address, wanted["checksum"], wanted["size_bytes"], kept)
    state.repository(asked).stage(asked.path["branch"], path, entry)
    return Told(200, _stats(path, entry))


def delete_object(state: State, asked: Asked) -> Told:
    repository, branch = state.repository(asked), asked.path["branch"]
    if asked.query["path"] not in repository.view(branch):
        raise Refused(404, "object not found")
    repository.stage(branch, asked.query["path"], None)
    return Told(204)


HANDLERS: Mapping[str, Handler] = {
    "getConfig": get_config, "createRepository": create_repository,
    "getRepository": get_repository, "getBranch": get_branch, "listBranches": list_branches,
    "createBranch": create_branch, "deleteBranch": delete_branch, "commit": commit,
    "getCommit": get_commit, "mergeIntoBranch": merge_into_branch, "listTags": list_tags,
    "createTag": create_tag, "getTag": get_tag, "deleteTag": delete_tag,
    "statObject": stat_object, "getObject": get_object, "listObjects": list_objects,
    "uploadObject": upload_object, "getPhysicalAddress": get_physical_address,
    "linkPhysicalAddress": link_physical_address, "deleteObject": delete_object,
}  # fmt: skip


def _entry(state: State, asked: Asked) -> Entry:
    tree = state.repository(asked).view(asked.path["ref"])
    if asked.query["path"] not in tree:
        raise Refused(404, "object not found")
    return tree[asked.query["path"]]


def _page(asked: Asked, rows: Iterable[dict[str, Any]], key: str) -> Told:
    """The double's pages are short, so that whoever does not turn them is found out."""
    prefix, after = asked.query.get("prefix", ""), asked.query.get("after", "")
    wanted = [row for row in rows if row[key].startswith(prefix) and row[key] > after]
    shown = wanted[:3]
    pages = {
        "has_more": len(wanted) > 3, "max_per_page": 3, "results": len(shown),
        "next_offset": shown[-1][key] if len(wanted) > 3 else "",
    }  # fmt: skip
    return Told(200, {"pagination": pages, "results": shown})


def _repository(found: Repository) -> dict[str, Any]:
    return {
        "id": found.name, "storage_namespace": found.namespace, "creation_date": int(time.time()),
        "default_branch": found.default_branch,
    }  # fmt: skip


def _commit(found: Commit) -> dict[str, Any]:
    return {
        "id": found.id, "parents": list(found.parents), "committer": "double",
        "message": found.message, "creation_date": int(time.time()), "meta_range_id": found.id,
        "metadata": dict(found.metadata),
    }  # fmt: skip


def _stats(path: str, entry: Entry) -> dict[str, Any]:
    return {
        "path": path, "path_type": "object", "physical_address": entry.address,
        "checksum": entry.checksum, "mtime": int(time.time()), "size_bytes": entry.size,
        "metadata": dict(entry.metadata), "content_type": "application/octet-stream",
    }  # fmt: skip
