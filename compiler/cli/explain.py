"""``stackc explain``: a diagnostic's page, or every place that set a value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.cli.frame import Refused
from compiler.cli.options import ConfigDirs, Environment, Format, OutputFormat
from compiler.cli.output import Output

if TYPE_CHECKING:
    from compiler.load import Loaded

_CODE = re.compile(r"[EW]\d{3}", re.IGNORECASE)
_PLACE = re.compile(r"[^=]+")


def command(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="CODE | [SPEC] PATH [KEY=VALUE]...",
            help="E203; or models.late.algorithm.max_depth, in stack.yaml or another spec.",
            show_default=False,
        ),
    ],
    config_dir: ConfigDirs = None,
    env: Environment = None,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Explain a diagnostic's code, or where a value came from."""
    output = Output(format, "explain")
    if len(words) == 1 and _CODE.fullmatch(words[0]):
        return _page(words[0].upper(), output)
    spec, path, overrides = _asked(words)
    loaded = _loaded(spec, overrides, config_dir or [], env)
    return _value(spec, path, loaded, output)


def _asked(words: list[str]) -> tuple[Path, str, list[str]]:
    """The spec, the path in it, and the overrides."""
    if words[0].endswith((".yaml", ".yml")) or Path(words[0]).is_file():
        spec, rest = Path(words[0]), words[1:]
    else:
        spec, rest = Path("stack.yaml"), words
    if not rest or not _PLACE.fullmatch(rest[0]):
        raise Refused("name a value, such as models.late.algorithm.max_depth")
    return spec, rest[0], rest[1:]


def _page(word: str, output: Output) -> int:
    from compiler.codes import Code
    from compiler.diagnostics import did_you_mean

    known = [code.value for code in Code]
    if word not in known:
        near = "; ".join(did_you_mean(word, known))
        raise Refused(f"there is no code {word} ({near})" if near else f"there is no code {word}")
    try:
        page = Code(word).page
    except FileNotFoundError:
        page = f"# {word}: {Code(word).name.replace('_', ' ').capitalize()}\n"
    output.raw("" if output.json else page)
    output.document({"code": word, "page": page})
    return 0


def _loaded(
    spec: Path, overrides: list[str], config_dirs: list[Path], environment: str | None
) -> Loaded:
    from compiler.load import load

    return load(spec, overrides, config_dirs, environment=environment)


def _value(spec: Path, asked: str, loaded: Loaded, output: Output) -> int:
    from compiler.report.diagnostics import terminal_width
    from compiler.report.text_explain import NoSuchValue, lookup, value_document, value_lines

    config = {**loaded.config, "backends": loaded.backends}
    try:
        try:
            found = lookup(config, loaded.provenance, asked)
        except NoSuchValue:
            # What was expanded is no longer there: it is shown as it was written.
            found = lookup(loaded.composed, loaded.provenance, asked)
    except NoSuchValue as gone:
        path, helps = gone.args
        raise Refused("; ".join([f"{spec} sets no {path}", *helps])) from gone
    output.lines(value_lines(found, loaded.sources, output.style, terminal_width()))
    output.document(value_document(found))
    return 0
