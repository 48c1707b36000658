"""The one door to Hydra: its override grammar and its defaults lists, nothing else of it.

Hydra says which files make up a config and in which order, and what a
command-line override means; reading and merging are ours. Its private modules
are imported here only, and importing this module is what costs: it is done
when a spec composes something.

Hydra's rule since 1.1 holds: a defaults list without ``_self_`` has it last,
so a spec's own body wins over the groups it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from hydra import version
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.defaults_list import create_defaults_list
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException, MissingConfigException
from hydra.plugins.config_source import ConfigResult, ConfigSource
from msgspec import Struct
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from compiler.load.groups import GroupFile, Groups
from compiler.load.text import refused_character

PRIMARY = "<spec>"
MAX_LOADS = 2000
MAX_ARGUMENT = 10_000
MAX_BRACKETS = 50

Kind = Literal["change", "add", "force", "delete"]
_KINDS: dict[OverrideType, Kind] = {
    OverrideType.CHANGE: "change",
    OverrideType.ADD: "add",
    OverrideType.FORCE_ADD: "force",
    OverrideType.DEL: "delete",
}


class ArgumentError(Exception):
    """An argument that is no override; ``offset`` is where in it, None for all of it."""

    def __init__(self, message: str, offset: int | None = None, way_out: str = "") -> None:
        super().__init__(message)
        self.message, self.offset, self.way_out = message, offset, way_out


class CompositionError(Exception):
    """What Hydra would not compose; ``missing`` is the option it did not find."""

    def __init__(self, message: str, missing: str | None = None) -> None:
        super().__init__(message)
        self.message, self.missing = message, missing


class Argument(Struct, frozen=True):
    """One override of the command line, parsed; ``index`` is its position there."""

    index: int
    kind: Kind
    key: str
    package: str | None
    value: Any
    parsed: Override


class Part(Struct, frozen=True):
    """One file of a composition and the package its content goes to; None is the spec itself."""

    option: str | None
    package: tuple[str, ...]


class Composed(Struct, frozen=True):
    """What to merge, in order, and then which values to assign."""

    parts: tuple[Part, ...]
    assignments: tuple[Argument, ...]


def parse_argument(index: int, argument: str) -> Argument:
    """One override in Hydra's grammar.

    Raises:
        ArgumentError: It is none, or it is a sweep.
    """
    _bound(argument)
    try:
        override = OverridesParser.create().parse_override(argument)
    except (HydraException, ValueError, RecursionError, AssertionError) as error:
        raise ArgumentError(*_what_grammar_says(argument, error)) from None
    if override.is_sweep_override():
        raise ArgumentError(
            "this names several values, and one run takes one",
            None,
            "quote a text that holds a comma, or write a list: `[a,b]`",
        )
    key, kind = override.key_or_group, _KINDS[override.type]
    if not key:
        raise ArgumentError("the key before the `=` is missing")
    value = None if kind == "delete" and "=" not in argument else override.value()
    return Argument(index, kind, key, override.package, value, override)


def compose_parts(groups: Groups, defaults: list[Any], arguments: Sequence[Argument]) -> Composed:
    """The files that make up a config, in merge order, and the overrides of single values.

    Args:
        groups: Where options are found.
        defaults: The spec's own defaults list.
        arguments: The overrides; those that name a group choose an option.

    Raises:
        CompositionError: Hydra found no option, or the choices contradict each other.
    """
    by_parsed = {id(argument.parsed): argument for argument in arguments}
    with _version_base():
        try:
            listed = create_defaults_list(
                repo=_Repository(groups, defaults),
                config_name=PRIMARY,
                overrides_list=[argument.parsed for argument in arguments],
                prepend_hydra=False,
                skip_missing=False,
            )
        except MissingConfigException as error:
            raise CompositionError(_first_line(error), error.missing_cfg_file) from None
        except RecursionError:
            raise CompositionError("the defaults lists name each other in a circle") from None
        except (HydraException, OmegaConfBaseException, ValueError, AssertionError) as error:
            raise CompositionError(_first_line(error)) from None
    parts = tuple(
        Part(
            None if part.config_path == PRIMARY else part.config_path,
            tuple((part.package or "").split(".")) if part.package else (),
        )
        for part in listed.defaults
    )
    return Composed(parts, tuple(by_parsed[id(o)] for o in listed.config_overrides))


class _Repository(ConfigRepository):
    """Shows Hydra the groups without letting it read a file."""

    def __init__(self, groups: Groups, defaults: list[Any]) -> None:
        self.sources: list[ConfigSource] = []
        self._groups = groups
        self._loads = 0
        self._results: dict[str, ConfigResult | None] = {}
        self._results[PRIMARY] = self._result(PRIMARY, defaults, None)

    def load_config(self, config_path: str) -> ConfigResult | None:
        self._loads += 1
        if self._loads > MAX_LOADS:
            raise ValueError("the defaults lists name too many options, or each other in a circle")
        if config_path not in self._results:
            file = self._groups.file(config_path)
            self._results[config_path] = (
                None if file is None else self._result(config_path, file.defaults or [], file)
            )
        return self._results[config_path]

    def group_exists(self, config_path: str) -> bool:
        return self._groups.has_group(config_path)

    def config_exists(self, config_path: str) -> bool:
        return config_path == PRIMARY or self._groups.has_option(config_path)

    def get_group_options(
        self, group_name: str, results_filter: ObjectType | None = ObjectType.CONFIG
    ) -> list[str]:
        if results_filter == ObjectType.GROUP:
            return self._groups.subgroups(group_name)
        return self._groups.options(group_name)

    def _result(self, path: str, defaults: list[Any], file: GroupFile | None) -> ConfigResult:
        content = file.text.content[:512] if file is not None else ""
        return ConfigResult(
            provider="stackc",
            path=path,
            config=OmegaConf.create({}),
            header=ConfigSource._get_header_dict(content),
            defaults_list=self._create_defaults_list(path, OmegaConf.create(defaults)),
        )


@contextmanager
def _version_base() -> Iterator[None]:
    """Hydra keeps its compatibility level in a global: set ours, and put back what was there."""
    before = version.getbase()
    version.setbase("1.3")
    try:
        yield
    finally:
        version.VersionBase.instance().version_base = before


def _bound(argument: str) -> None:
    if len(argument) > MAX_ARGUMENT:
        raise ArgumentError(f"an override is at most {MAX_ARGUMENT:,} characters long")
    refused = refused_character(argument)
    if refused:
        message = f"the character U+{ord(refused.group()):04X} may not stand in an override"
        raise ArgumentError(message, refused.start())
    depth = 0
    for offset, character in enumerate(argument):
        depth += (character in "[{(") - (character in "]})")
        if depth > MAX_BRACKETS:
            raise ArgumentError(f"brackets nest deeper than {MAX_BRACKETS} levels", offset)


def _what_grammar_says(argument: str, error: Exception) -> tuple[str, int | None, str]:
    cause = error.__cause__
    way_out = "write `key=value`, `+key=value`, `~key` or `group=option`; quote special characters"
    last = max(len(argument) - 1, 0)
    at = getattr(cause, "startIndex", None)
    if isinstance(at, int):
        at = min(at, last)
        return f"`{argument[at : at + 1]}` is not possible here in an override", at, way_out
    at = getattr(getattr(cause, "offendingToken", None), "start", None)
    if isinstance(at, int):
        return "this is not an override", min(max(at, 0), last), way_out
    if isinstance(error, RecursionError):
        return "this value nests too deep", None, way_out
    message = _first_line(error)
    if message.startswith("missing EQUAL"):
        return "an override is `key=value`, and the `=` is missing", None, way_out
    return message or "this is not an override", None, way_out


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
