"""``stackc lsp``: a language server for editors, over standard input and output."""

from __future__ import annotations

from compiler.cli.frame import Refused


def command() -> int:
    """Serve an editor: findings while you write, hover, definitions, completion, fixes."""
    from importlib.util import find_spec

    from compiler.cli.output import program_version

    if find_spec("pygls") is None:
        raise Refused("the language server needs pygls: pip install 'stackc[lsp]'")
    from compiler.lsp.server import serve

    return serve(program_version())
