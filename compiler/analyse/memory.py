"""What analysis found of blocks before: one is analysed again where it changed, or what it reads.

A block's key is a digest of the block as it is written, of all that its analysis
takes from the rest of the spec, and of the keys of the blocks that it reads. A
record is made only of a block of which there was nothing to say, so what is
recalled adds no finding, and leaves none out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b

from msgspec import Struct, field
from msgspec.structs import replace

from compiler.analyse.lock import origin_of
from compiler.analyse.scope import ModelInfo, Scope, TableInfo
from compiler.graph.node import Node
from compiler.graph.wire import packed
from compiler.load.chunks import Chunks


class Record(Struct, frozen=True):
    """What the analysis of one block added; ``keys`` are those of its nodes, in order."""

    nodes: tuple[Node, ...]
    table: TableInfo | None = None
    model: ModelInfo | None = None
    keys: tuple[str, ...] = ()

    def keyed(self, keys: Mapping[str, str]) -> Record:
        """The record with the structural keys of its nodes."""
        if self.keys:
            return self
        return replace(self, keys=tuple([keys[node.address] for node in self.nodes]))


class Memory(Struct):
    """What the last good compile knew, for those that follow it in one process."""

    records: dict[str, Record] = field(default_factory=dict)
    reads: dict[str, tuple[str, ...]] = field(default_factory=dict)
    chunks: Chunks = field(default_factory=Chunks)

    def begin(self) -> Chunks:
        """What is known of texts, for a compile that begins."""
        self.chunks.used = {}
        return self.chunks

    def recall(self, key: str) -> Record | None:
        """The record of a block; None where it has to be analysed."""
        return self.records.get(key)

    def tables(self, sql: str) -> tuple[str, ...] | None:
        """The tables that a query names; None where nobody has looked yet."""
        return self.reads.get(sql)

    def keep(
        self,
        records: Mapping[str, Record],
        reads: Mapping[str, tuple[str, ...]],
        keys: Mapping[str, str],
    ) -> None:
        """Remember these, and nothing else; ``keys`` are the structural keys of all nodes."""
        self.records = {key: record.keyed(keys) for key, record in records.items()}
        self.reads = dict(reads)
        self.chunks = Chunks(self.chunks.used)


class Recall(Struct):
    """One compile's use of a memory.

    Attributes:
        scope: What is recalled is added to it.
        memory: What is recalled from.
        needs: For each table and model the tables and models that it reads.
        keys: The keys of blocks; one without depends on what is outside of the spec.
        records: The records of this compile, by their blocks.
    """

    scope: Scope
    memory: Memory
    needs: Mapping[str, set[str]]
    keys: dict[str, str | None] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)

    def all_of(self, order: Iterable[str], kinds: Mapping[str, str]) -> None:
        """Recall every block that is known; each stands behind those that it reads."""
        context = packed([self.scope.services.binder.version, self.scope.config.get("policies")])
        for name in order:
            key = self.keys[name] = self._key(name, kinds, context)
            record = None if key is None else self.memory.recall(key)
            if record is not None:
                self.records[name] = record
                self._restore(name, record)

    def record(self, name: str, analyse: Callable[[], None]) -> None:
        """Analyse one block; what it adds is recorded where there is nothing to say of it."""
        first = len(self.scope.nodes)
        if self._quiet(analyse) and self.keys[name] is not None:
            model = self.scope.models.get(name.removeprefix("models."))
            nodes = tuple(self.scope.nodes[first:])
            self.records[name] = Record(nodes, self.scope.tables.get(name), model)

    def check(self, name: str, look: Callable[[], None]) -> None:
        """Look at a block once more, unless it was recalled; found wanting, it has no record."""
        record = self.records.get(name)
        if (record is None or not record.keys) and not self._quiet(look):
            self.records.pop(name, None)

    def known(self) -> dict[str, str]:
        """The structural keys of the nodes that were recalled, by address."""
        pairs = (zip(r.nodes, r.keys, strict=True) for r in self.records.values() if r.keys)
        return {node.address: key for pair in pairs for node, key in pair}

    def made(self) -> dict[str, Record]:
        """The records of this compile, by their keys."""
        return {str(self.keys[name]): record for name, record in self.records.items()}

    def _quiet(self, work: Callable[[], None]) -> bool:
        said = len(self.scope.findings.diagnostics)
        work()
        return said == len(self.scope.findings.diagnostics)

    def _restore(self, name: str, record: Record) -> None:
        self.scope.take(record.nodes)
        if record.table is not None:
            self.scope.tables[name] = record.table
        if record.model is not None:
            self.scope.models[name.removeprefix("models.")] = record.model

    def _key(self, name: str, kinds: Mapping[str, str], context: bytes) -> str | None:
        read = [self.keys.get(other) for other in sorted(self.needs[name])]
        kind, _, block = name.rpartition(".")
        kind = kind or kinds[name]
        if None in read or (kind == "sources" and self._is_inferred(name)):
            return None
        scope, locked = self.scope, self.scope.lock.get(name) if kind == "sources" else None
        written = (
            name,
            kind,
            scope.config[kind][block],
            scope.config.get("validation", {}).get(name),
            scope.aliases.get(name),
            scope.reads.get(name),
            locked and locked.columns,
            read,
        )
        try:
            return blake2b(context + packed(written), digest_size=20).hexdigest()
        except (TypeError, ValueError, OverflowError, RecursionError):
            return None  # a number too large, or a text that is none: rare enough to analyse

    def _is_inferred(self, name: str) -> bool:
        """Whether a source's data has to be looked at."""
        source, locked = self.scope.stack.sources[name], self.scope.lock.get(name)
        if source.columns is not None:
            return False
        return locked is None or locked.origin != origin_of(source)
