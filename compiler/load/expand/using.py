"""Uses modules: gives each its inputs, and makes its blocks under the name of the use."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Label, Place, StackcError, did_you_mean
from compiler.load.expand.for_each import is_template
from compiler.load.expand.inputs import BlockName, Input
from compiler.load.expand.making import Making
from compiler.load.expand.modules import USE_KEYS, ModuleFile
from compiler.load.expand.unit import Unit
from compiler.load.provenance import Origin, Provenance, of_block
from compiler.load.resolve import Resolver
from compiler.source import Span
from specs.scaling import MODULES

MAX_NESTED = 16
MAX_USES = 1000


class Given(Struct, frozen=True):
    """A block's name that was given to a module, to be looked for when all blocks are known."""

    name: BlockName
    input: Input
    span: Span | None
    declared: Span | None
    use: Use


class Use(Struct, frozen=True):
    """One use of a module: the unit it stands in, where, and what it is called there."""

    unit: Unit
    path: tuple[str, str]
    local: str
    resolver: Resolver

    def span(self, *inner: str, key: bool = False) -> Span | None:
        """Where the use, or a value of it, is written."""
        return self.unit.provenance.span(Place((*self.path, *inner), key=key))


class Using(Struct, eq=False):
    """Walks through the uses of modules, those inside of modules too."""

    making: Making
    given: list[Given] = field(default_factory=list)
    uses: int = 0

    def unit(self, unit: Unit) -> None:
        """Make the blocks of a unit, and of the modules that it uses."""
        self.making.blocks(unit)
        modules = unit.body.get(MODULES)
        if modules is not None and not isinstance(modules, dict):
            span = unit.provenance.span(Place((MODULES,), key=True))
            message = "`modules` must be a mapping of names to what they use"
            self.making.report(unit, Code.MODULE, message, span=span)
            return
        for name, body in (modules or {}).items():
            for use in self._uses(unit, name, body):
                self._one(use, body)

    def _uses(self, unit: Unit, name: str, body: Any) -> list[Use]:
        path = (MODULES, name)
        if not is_template(body):
            return [Use(unit, path, name, unit.resolver)]
        keys = self.making.instances(unit, MODULES, name, body)
        return [Use(unit, path, f"{name}_{key}", resolver) for key, resolver in keys.items()]

    def _one(self, use: Use, body: Any) -> None:
        self.uses += 1
        if self.uses > MAX_USES:
            self._report(use, Code.MODULE, f"more than {MAX_USES:,} uses of modules", use.span())
            self.making.stop()
        if not isinstance(body, dict) or not isinstance(body.get("use"), str):
            message = (
                f"`{use.path[1]}` must name a module's file: `use: modules/{use.path[1]}.yaml`"
            )
            self._report(use, Code.MODULE, message, use.span(key=True))
            return
        for key in body:
            if key not in USE_KEYS:
                helps = did_you_mean(key, USE_KEYS)
                span = use.span(key, key=True)
                self._report(use, Code.UNKNOWN_KEY, f"unknown key `{key}`", span, helps)
        plain = {key: value for key, value in body.items() if key in ("use", "with")}
        plain = use.resolver.resolve(plain, use.path)
        if self.making.heard(use.resolver, self._origin(use)):
            return
        module = self._module(use, plain["use"])
        inputs = self._inputs(use, module, plain.get("with")) if module is not None else None
        if module is not None and inputs is not None:
            self.unit(self._inside(use, module, inputs))

    def _module(self, use: Use, name: Any) -> ModuleFile | None:
        span = use.span("use")
        try:
            module = self.making.files.get(str(name), span)
        except StackcError as error:
            for finding in error.diagnostics:
                inside = finding.span != span
                self.making.findings.append(of_block(finding, self._origin(use, inside=inside)))
            return None
        chain = (*use.unit.chain, module.path)
        if module.path in use.unit.chain:
            root = self.making.folder.root
            at = use.unit.chain.index(module.path)
            names = " → ".join(f"`{path.relative_to(root).as_posix()}`" for path in chain[at:])
            self._report(use, Code.MODULE, f"this module uses itself: {names}", span)
            return None
        if len(chain) > MAX_NESTED:
            self._report(use, Code.MODULE, f"modules nest deeper than {MAX_NESTED}", span)
            return None
        return module

    def _inputs(self, use: Use, module: ModuleFile, given: Any) -> dict[str, Any] | None:
        """The value of each input, or None where something is wrong with one."""
        if given is not None and not isinstance(given, dict):
            message = "`with` must be a mapping of inputs to values"
            self._report(use, Code.MODULE_INPUT, message, use.span("with", key=True))
            return None
        given, before = given or {}, len(self.making.findings)
        for name in given:
            if name not in module.inputs:
                helps = did_you_mean(name, module.inputs) or ("the module takes no input",)
                message = f"the module has no input `{name}`"
                span = use.span("with", name, key=True)
                label = Label("its inputs", span=module.layer.span(("inputs",), key=True))
                labels = (label,) if "inputs" in module.body else ()
                self._report(use, Code.MODULE_INPUT, message, span, helps, labels)
        values = {n: self._value(use, module, one, given) for n, one in module.inputs.items()}
        return values if len(self.making.findings) == before else None

    def _value(self, use: Use, module: ModuleFile, wanted: Input, given: dict[str, Any]) -> Any:
        declared = module.layer.span(("inputs", wanted.name), key=True)
        label = (Label("declared here", span=declared),)
        if wanted.name not in given:
            if wanted.required:
                message = f"`{use.local}` lacks the input `{wanted.name}`"
                helps = (f"give it: `with: {{{wanted.name}: …}}`",)
                span = use.span("with", key=True)
                self._report(use, Code.MODULE_INPUT, message, span, helps, label)
            return wanted.default
        value, span = given[wanted.name], use.span("with", wanted.name)
        problem = None if value is None and not wanted.required else wanted.problem(value)
        if problem:
            self._report(use, Code.MODULE_INPUT, problem, span, (), label)
        elif wanted.kinds and value is not None:
            value = BlockName.of(value, use.unit)
            self.given.append(Given(value, wanted, span, declared, use))
        return value

    def _inside(self, use: Use, module: ModuleFile, inputs: dict[str, Any]) -> Unit:
        names = {"input": inputs}
        provenance = Provenance((module.layer,))
        resolver = Resolver(module.body, self.making.environment, provenance.written, names)
        provenance.resolver = resolver
        return Unit(
            module.body,
            provenance,
            resolver,
            names,
            use.unit,
            f"{use.local}_",
            ((use.unit.provenance, use.path), *use.unit.uses),
            (*use.unit.chain, module.path),
        )

    def look_for_given(self) -> None:
        """Whether every block that was given to a module is there."""
        for one in self.given:
            unit: Unit = one.name.giver
            if unit.find(one.name, one.input.kinds) is None:
                known = unit.known(one.input.kinds)
                helps = did_you_mean(one.name, known) or (f"there is no {one.input.type} yet",)
                message = f"there is no {one.input.type} `{one.name}`"
                labels = (Label("declared here", span=one.declared),)
                self._report(one.use, Code.UNKNOWN_BLOCK, message, one.span, helps, labels)

    def _report(
        self,
        use: Use,
        code: Code,
        message: str,
        span: Span | None,
        helps: tuple[str, ...] = (),
        labels: tuple[Label, ...] = (),
    ) -> None:
        finding = Diagnostic(code, message, None, span, labels, helps)
        self.making.findings.append(of_block(finding, self._origin(use)))

    def _origin(self, use: Use, *, inside: bool = False) -> Origin:
        """What findings of a use are of; those inside of its file show the use as well."""
        uses = use.unit.uses
        if inside:
            uses = ((use.unit.provenance, use.path), *uses)
        instance = use.resolver is not use.unit.resolver
        return Origin(use.path, use.unit.provenance, use.unit.called(use.local), instance, uses)
