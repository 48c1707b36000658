"""Makes the blocks of a unit: each as it is written, for each of its keys, from each module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from msgspec import Struct, field

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Label, Place, StackcError
from compiler.load.expand.files import Folder
from compiler.load.expand.for_each import is_template, values_of
from compiler.load.expand.modules import ModuleFiles
from compiler.load.expand.unit import Made, Unit
from compiler.load.once import Of, once
from compiler.load.provenance import Origin, Provenance, of_block
from compiler.load.resolve import Resolver
from specs.scaling import FOR_EACH, MODULES
from specs.stack import KINDS

MAX_BLOCKS = 10_000
"""No spec may make more blocks than this by ``for_each`` and ``modules``."""
MAX_SIZE = 64_000_000
"""Nor more text and values, in characters."""
_TABLES = ("sources", "datasets", "predictions")
_RULES = "validation"


class Making(Struct, eq=False):
    """What was made so far, and what is wrong with it."""

    folder: Folder
    environment: Mapping[str, str]
    files: ModuleFiles
    made: dict[tuple[str, str], Made] = field(default_factory=dict)
    rules: list[tuple[Unit, str, str, Any, Resolver]] = field(default_factory=list)
    findings: list[Of] = field(default_factory=list)
    count: int = 0
    size: int = 0

    def blocks(self, unit: Unit) -> None:
        """Make every block of a unit, but the rules: those wait until all tables are known."""
        for kind in KINDS:
            if kind != _RULES:
                for name, block in _entries(unit.body.get(kind)):
                    self._of_kind(unit, kind, name, block)
        for name, rules in _entries(unit.body.get(_RULES)):
            self._rules(unit, name, rules)

    def _of_kind(self, unit: Unit, kind: str, name: str, block: Any) -> None:
        if not is_template(block):
            self.put(unit, kind, name, block, (kind, name), unit.resolver)
            return
        keys = self.instances(unit, kind, name, block)
        if kind in _TABLES:
            unit.instances[name] = keys
        template = {key: value for key, value in block.items() if key != FOR_EACH}
        for key, resolver in keys.items():
            self.put(unit, kind, f"{name}_{key}", template, (kind, name), resolver)

    def _rules(self, unit: Unit, name: str, rules: Any) -> None:
        keys = unit.instances.get(name)
        if keys is None:
            self.rules.append((unit, name, name, rules, unit.resolver))
            return
        for key, resolver in keys.items():
            self.rules.append((unit, f"{name}_{key}", name, rules, resolver))

    def instances(self, unit: Unit, kind: str, name: str, block: Any) -> dict[str, Resolver]:
        """For each key of a template what its interpolations mean."""
        path = (kind, name, FOR_EACH)
        given = unit.resolver.resolve(block[FOR_EACH], path)
        if self.heard(unit.resolver, None):
            return {}

        def report(message: str, inner: tuple[str | int, ...], helps: tuple[str, ...]) -> None:
            key = not inner or isinstance(inner[-1], str)
            span = unit.provenance.span(Place((*path, *inner), key=key))
            self.report(unit, Code.FOR_EACH, message, span=span, help=helps)

        values = values_of(given, report)
        if self.count + len(values) > MAX_BLOCKS:
            span = unit.provenance.span(Place(path, key=True))
            message = f"this makes more than {MAX_BLOCKS:,} blocks"
            self.report(unit, Code.FOR_EACH, message, span=span)
            self.stop()
        homes = ((kind, name), (_RULES, name))
        return {
            key: Resolver(
                unit.body,
                self.environment,
                unit.provenance.written,
                {**unit.names, "each": {"key": key, "value": value}},
                homes,
            )
            for key, value in values.items()
        }

    def put(
        self,
        unit: Unit,
        kind: str,
        local: str,
        block: Any,
        path: tuple[str, str],
        resolver: Resolver,
        name: str | None = None,
    ) -> None:
        """Make one block; ``name`` is what it is called at last where that is known already."""
        name = unit.called(local) if name is None else name
        instance = resolver is not unit.resolver
        origin = None
        if instance or unit.outer is not None:
            provenance = Provenance(unit.provenance.layers, resolver)
            origin = Origin(path, provenance, name, instance, unit.uses)
        value = resolver.resolve(block, path)
        self.heard(resolver, origin)
        made = Made(kind, name, value, unit, origin)
        if origin is not None:
            self._spend(made)
        before = self.made.setdefault((kind, name), made)
        if before is not made:
            self._clash(made, before)
        elif kind != _RULES:
            unit.add(kind, local, name)

    def _spend(self, made: Made) -> None:
        """Stop before what is made from little text fills the memory."""
        self.count += 1
        self.size += size_of(made.value)
        if self.size > MAX_SIZE or self.count > MAX_BLOCKS:
            key = MODULES if made.unit.outer is not None else FOR_EACH
            message = f"`{key}` makes more than this spec may hold"
            self.report(made.unit, Code.YAML_BOUNDS, message, span=self.written(made))
            self.stop()

    def _clash(self, made: Made, before: Made) -> None:
        label = Label("first made here", span=self.written(before))
        finding = Diagnostic(
            Code.DUPLICATE_NAME,
            f"`{made.kind}.{made.name}` names two blocks",
            span=self.written(made),
            labels=(label,),
            help=("rename one of them, or a key of its `for_each`",),
        )
        self.findings.append(of_block(finding, made.origin))

    def written(self, made: Made) -> Any:
        """The span of a block's key."""
        if made.origin is None:
            return made.unit.provenance.span(Place((made.kind, made.name), key=True))
        return made.origin.provenance.span(Place(made.origin.path, key=True))

    def heard(self, resolver: Resolver, origin: Origin | None) -> bool:
        """Take over what a resolver has found; whether it has found anything."""
        found, resolver.findings = resolver.findings, []
        self.findings += [of_block(finding, origin) for finding in found]
        return bool(found)

    def report(self, unit: Unit, code: Code, message: str, **parts: Any) -> None:
        """A finding in a unit, with the places that use it."""
        finding = Diagnostic(code, message, **parts)
        if unit.outer is None:
            self.findings.append((finding, "", False))
            return
        origin = Origin((), unit.provenance, unit.called("").rstrip("_"), False, unit.uses)
        self.findings.append(of_block(finding, origin))

    def stop(self) -> NoReturn:
        """Raise what was found so far: going on would cost too much."""
        raise StackcError(*once(self.findings))


def _entries(blocks: Any) -> list[tuple[str, Any]]:
    return list(blocks.items()) if isinstance(blocks, dict) else []


def size_of(value: Any) -> int:
    """About how many characters a value is."""
    total, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        total += 8
        if isinstance(item, str):
            total += len(item)
        elif isinstance(item, dict):
            total += sum(map(len, item))
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return total
