"""One published table in a DVC repository: ``<name>.parquet`` and its ``.dvc`` file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct
from msgspec.structs import replace

from backends.dvc.repository import refused
from backends.versioning.versions import Published
from compiler.engine import durable

_META = "stackc"


class Tracked(Struct, frozen=True):
    """A name's table: ``path`` in the workspace, ``file`` what DVC reads of it."""

    repo: Any
    path: Path

    @property
    def file(self) -> Path:
        """The ``.dvc`` file."""
        return self.path.with_name(f"{self.path.name}.dvc")

    def recorded(self) -> Published | None:
        """What the ``.dvc`` file says was published.

        Raises:
            StackcError: E720 for a file that stackc has not written.
        """
        try:
            found = yaml.safe_load(self.file.read_text("utf-8"))
            published = msgspec.convert(found["meta"][_META], type=Published)
            return replace(published, where=self._where(found["outs"][0]["md5"]))
        except FileNotFoundError:
            if self.path.exists():
                raise self._foreign(self.path) from None
            return None
        except (OSError, ValueError, yaml.YAMLError, msgspec.ValidationError) as error:
            raise self._foreign(self.file) from error
        except (KeyError, TypeError, IndexError) as error:
            raise self._foreign(self.file) from error

    def whole(self) -> bool:
        """Whether the workspace and DVC's cache have the table as it was published."""
        (out,) = self._stage().outs
        return bool(out.exists and not out.changed_checksum() and not out.changed_cache())

    def keep(self, table: Path, remote: str | None) -> tuple[str, int]:
        """Put a table into the cache, and into the remote; its MD5 and its size."""
        from dvc.fs import localfs
        from dvc_data.hashfile.hash import file_md5
        from dvc_data.hashfile.hash_info import HashInfo

        md5 = str(file_md5(str(table), localfs))
        cache = self.repo.cache.local
        durable.point("dvc.cache")
        cache.add(str(table), localfs, md5)
        if remote is not None:
            durable.point("dvc.push")
            sent = self.repo.cloud.push([HashInfo("md5", md5)], remote=remote)
            if sent.failed:
                raise refused(f"the remote `{remote}` did not take it", "try `dvc push` by hand")
        return md5, table.stat().st_size

    def write(self, published: Published, md5: str, size: int) -> Published:
        """Publish: from this write on DVC's readers see the table."""
        kept = {"version": published.version, "operation": published.operation}
        out = {"md5": md5, "size": size, "hash": "md5", "path": self.path.name}
        text = yaml.safe_dump({"outs": [out], "meta": {_META: kept}}, sort_keys=False)
        durable.write(self.file, text.encode())
        return replace(published, where=self._where(md5))

    def check_out(self) -> None:
        """Bring the workspace into step with the ``.dvc`` file."""
        durable.point("dvc.checkout")
        stage = self._stage()
        stage.ignore_outs()
        stage.checkout(force=True)

    def remove(self) -> None:
        """Remove the table from the workspace, then its ``.dvc`` file; the cache is `dvc gc`'s."""
        if not self.file.exists():
            return
        durable.remove(self.path)
        durable.point("dvc.ignored")
        self._stage().ignore_remove_outs()
        durable.remove(self.file)

    def _stage(self) -> Any:
        return self.repo.stage.load_one(str(self.file))

    def _where(self, md5: str) -> dict[str, str]:
        return {"file": os.path.relpath(self.file, self.repo.root_dir), "md5": md5}

    def _foreign(self, path: Path) -> Exception:
        shown = os.path.relpath(path, self.repo.root_dir)
        return refused(
            f"`{shown}` is there and was not written by stackc, or was changed by hand",
            "move it away, or choose another folder with `backends.version.folder=…`",
        )
