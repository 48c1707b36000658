"""Secrets: names resolved at the last moment, and their values kept out of every text."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Label, fail

REFERENCE = re.compile(r"\$\{secret:([A-Za-z_][A-Za-z0-9_]{0,127})\}")
FOLDER = ".stackc-secrets"
_LARGEST = 65_536
_SHORT = 4


def references(value: str) -> tuple[str, ...]:
    """The names of the secrets that a text refers to."""
    return tuple(dict.fromkeys(REFERENCE.findall(value)))


class Secrets:
    """Resolves references, and scrubs every value it has ever given out.

    A name is looked up in the environment (``NAME``, then
    ``STACKC_SECRET_NAME``), in the file ``.stackc-secrets/NAME`` of the
    project (or of ``STACKC_SECRETS_DIR``), and in the keyring under the
    service ``stackc`` where the package ``keyring`` is installed.
    """

    def __init__(self, project: Path, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        named = self._environment.get("STACKC_SECRETS_DIR")
        self._folder = Path(named) if named else project / FOLDER
        self._known: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        self._guard = threading.Lock()

    def resolve(self, value: str) -> str:
        """The text with every ``${secret:NAME}`` replaced by its value.

        Raises:
            StackcError: E708 naming a secret that is nowhere to be found.
        """
        return REFERENCE.sub(lambda match: self._value(match.group(1)), value)

    def scrub(self, value: str) -> str:
        """The text with every value given out so far replaced by its reference."""
        with self._guard:
            pattern, known = self._pattern, self._known
        if pattern is None:
            return value
        return pattern.sub(lambda match: f"${{secret:{known[match.group(0)]}}}", value)

    def scrub_data(self, value: Any) -> Any:
        """Plain JSON data with every text in it scrubbed."""
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, Mapping):
            return {self.scrub(str(key)): self.scrub_data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.scrub_data(item) for item in value]
        return value

    def scrub_diagnostic(self, found: Diagnostic) -> Diagnostic:
        """The same finding without values of secrets."""
        return Diagnostic(
            found.code,
            self.scrub(found.message),
            found.place,
            found.span,
            tuple(Label(self.scrub(label.text), label.place, label.span) for label in found.labels),
            tuple(self.scrub(line) for line in found.help),
            tuple(self.scrub(line) for line in found.notes),
        )

    def _value(self, name: str) -> str:
        value = self._from_environment(name)
        if value is None:
            value = self._from_file(name)
        if value is None:
            value = _from_keyring(name)
        if not value:
            raise fail(
                Code.SECRET_MISSING,
                f"the secret `{name}` is {'not set' if value is None else 'empty'}",
                help=f"set the environment variable `{name}`, or write it to"
                f" `{self._folder.name}/{name}`",
            )
        self._remember(name, value)
        return value

    def _from_environment(self, name: str) -> str | None:
        value = self._environment.get(name)
        return self._environment.get(f"STACKC_SECRET_{name}") if value is None else value

    def _from_file(self, name: str) -> str | None:
        path = self._folder / name
        try:
            data = path.read_bytes()[: _LARGEST + 1]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise fail(
                Code.SECRET_MISSING,
                f"the secret `{name}` cannot be read: {error.strerror}",
                help=f"make `{self._folder.name}/{name}` a file that you may read",
            ) from error
        try:
            value = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise fail(
                Code.SECRET_MISSING,
                f"the secret `{name}` is not text in UTF-8",
                help=f"write `{self._folder.name}/{name}` as plain text",
            ) from error
        if len(data) > _LARGEST:
            raise fail(
                Code.SECRET_MISSING,
                f"the file of the secret `{name}` is larger than {_LARGEST} bytes",
                help=f"`{self._folder.name}/{name}` must hold the value and nothing else",
            )
        return value.removesuffix("\n").removesuffix("\r")

    def _remember(self, name: str, value: str) -> None:
        with self._guard:
            if value in self._known:
                return
            known = dict(self._known)
            for form in _forms(value):
                known.setdefault(form, name)
            longest_first = sorted(known, key=len, reverse=True)
            self._pattern = re.compile("|".join(_exactly(form) for form in longest_first))
            self._known = known


def _from_keyring(name: str) -> str | None:
    if find_spec("keyring") is None:
        return None
    try:
        found = import_module("keyring").get_password("stackc", name)
    except Exception as error:  # a keyring's own errors are many and say only that it is shut
        raise fail(
            Code.SECRET_MISSING,
            f"the secret `{name}` is not set, and the keyring cannot be asked:"
            f" {type(error).__name__}",
            help=f"set the environment variable `{name}`",
        ) from error
    return None if found is None else str(found)


def _forms(value: str) -> set[str]:
    """How a value may turn up in a text: as it is, quoted, escaped, line by line, in parts."""
    parts = {value}
    parts.update(line for line in value.splitlines() if len(line) >= 2 * _SHORT)
    try:
        password = urlsplit(value).password
    except ValueError:
        password = None
    if password:
        parts.update((password, unquote(password)))
    forms = set(parts)
    for part in parts:
        forms.update((quote(part), quote(part, safe=""), quote_plus(part)))
        forms.update((json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1]))
        forms.add(repr(part)[1:-1])
    return {form for form in forms if form}


def _exactly(form: str) -> str:
    """Short values are found as whole words only, or they would eat every text."""
    found = re.escape(form)
    return found if len(form) >= _SHORT else rf"(?<!\w){found}(?!\w)"
