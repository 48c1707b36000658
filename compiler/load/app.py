"""What a Hydra application hands over: its config as overrides, and the job that it is at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.types import RunMode
from msgspec import Struct
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from compiler.codes import Code
from compiler.diagnostics import fail

_PLAIN = re.compile(r"(?!(?:true|false|null|nan|inf)\Z)[A-Z_][A-Z0-9_-]*", re.IGNORECASE)


class Job(Struct, frozen=True):
    """The job of a Hydra application.

    Attributes:
        folder: Where the application was started; it may work elsewhere now.
        series: What the jobs of one multirun have in common; None for a single run.
    """

    folder: Path
    series: str | None


def current_job() -> Job:
    """The job that this is called in; outside of Hydra, one of its own."""
    if not HydraConfig.initialized():
        return Job(Path(), None)
    hydra = HydraConfig.get()
    started = Path(hydra.runtime.cwd)
    swept = hydra.mode == RunMode.MULTIRUN
    # Paths are shown as they were typed, unless the application works elsewhere now.
    folder = Path() if started == Path.cwd() else started
    return Job(folder, f"hydra.sweep.dir={started / hydra.sweep.dir}" if swept else None)


def overrides_of(config: DictConfig | Mapping[str, Any] | Sequence[str]) -> tuple[str, ...]:
    """A config as overrides of a spec: one for each of its values, which may be new there.

    A list of overrides is taken as it is.

    Raises:
        StackcError: E108 for a config that does not resolve, and for a key or a
            value that no override can have.
    """
    if isinstance(config, Sequence):
        return tuple(map(str, config))
    try:
        made = config if isinstance(config, DictConfig) else OmegaConf.create(dict(config))
        plain: Any = OmegaConf.to_container(made, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        message = str(error).strip().split("\n")[0]
        raise fail(
            Code.OVERRIDE,
            f"the application's config does not resolve: {message}",
            help="give every value that is `???`, and hand over only what is of the spec",
        ) from None
    return tuple(_flat(plain, ()))


def _flat(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(value, dict) or (path and not value):
        yield f"++{'.'.join(path)}={_rendered(value)}"
        return
    for key, inner in value.items():
        yield from _flat(inner, (*path, _key(key)))


def _key(key: Any) -> str:
    if isinstance(key, str) and _PLAIN.fullmatch(key):
        return key
    raise fail(
        Code.OVERRIDE,
        f"the key `{key}` of the application's config cannot stand in an override",
        help="hand over only what is of the spec, by its names",
    )


def _rendered(value: Any) -> str:
    """A value in Hydra's grammar of overrides."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_key(k)}:{_rendered(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_rendered, value)) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    return text if _PLAIN.fullmatch(text) else QuotedString(text, Quote.single).with_quotes()
