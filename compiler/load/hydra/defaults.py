"""Defaults lists: which files make up a config, in which order, and what is assigned then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra import version
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.defaults_list import create_defaults_list
from hydra.core.object_type import ObjectType
from hydra.errors import HydraException, MissingConfigException
from hydra.plugins.config_source import ConfigResult, ConfigSource
from msgspec import Struct
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from compiler.load.groups import GroupFile, Groups
from compiler.load.hydra.grammar import Argument, first_line

PRIMARY = "<spec>"
MAX_LOADS = 2000


class CompositionError(Exception):
    """What Hydra would not compose; ``missing`` is the option it did not find."""

    def __init__(self, message: str, missing: str | None = None) -> None:
        super().__init__(message)
        self.message, self.missing = message, missing


class Part(Struct, frozen=True):
    """One file of a composition and the package its content goes to; None is the spec itself."""

    option: str | None
    package: tuple[str, ...]


class Composed(Struct, frozen=True):
    """What to merge, in order, and then which values to assign."""

    parts: tuple[Part, ...]
    assignments: tuple[Argument, ...]


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
            raise CompositionError(first_line(error), error.missing_cfg_file) from None
        except RecursionError:
            raise CompositionError("the defaults lists name each other in a circle") from None
        except (HydraException, OmegaConfBaseException, ValueError, AssertionError) as error:
            raise CompositionError(first_line(error)) from None
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
