"""The server: what an editor says and asks, handed to whoever knows; one compile at a time."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls import uris
from pygls.lsp.server import LanguageServer

from compiler.diagnostics import Diagnostic
from compiler.lsp import findings
from compiler.lsp.completion import Kind, Offer, completion
from compiler.lsp.definition import definition
from compiler.lsp.hover import hover
from compiler.lsp.positions import Ruler
from compiler.lsp.project import Project, look

DELAY = 0.2
"""Seconds without a keystroke before a text is judged."""
_KINDS: dict[Kind, types.CompletionItemKind] = {
    "key": types.CompletionItemKind.Property,
    "block": types.CompletionItemKind.Reference,
    "column": types.CompletionItemKind.Field,
    "value": types.CompletionItemKind.EnumMember,
}


class Server(LanguageServer):
    """A language server over stdio, with what it has found last."""

    def __init__(self, version: str) -> None:
        super().__init__("stackc", version)
        self.project = Project()
        self._worker = ThreadPoolExecutor(1, "stackc-lsp")
        self._turns: dict[Path, int] = {}
        self._timers: dict[Path, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._found: dict[Path, dict[Path, list[Diagnostic]]] = {}
        self._judged: dict[Path, str] = {}
        self._uris: dict[Path, str] = {}
        self.files = findings.Files(self.uri, self.ruler)

    def uri(self, path: Path) -> str:
        """A file as the editor calls it."""
        return self._uris.get(path) or path.as_uri()

    def ruler(self, path: Path) -> Ruler:
        """Measures a file in the units that the editor counts in."""
        encoding = self.workspace.position_encoding
        name = getattr(encoding, "value", encoding) or "utf-16"
        return Ruler(self.project.content(path), str(name))

    def changed(self, uri: str) -> None:
        """A file is open, or has another text: it is judged when nothing more comes."""
        path = _path(uri)
        if path is None:
            return
        self._uris[path] = uri
        text = self.workspace.get_text_document(uri).source
        self.project.drafts[path] = text
        self.project.remember(path, text)
        spec = self.project.spec_of(path) or path
        self._turns[spec] = turn = self._turns.get(spec, 0) + 1
        if spec in self._timers:
            self._timers[spec].cancel()
        loop = asyncio.get_running_loop()
        self._timers[spec] = loop.call_later(DELAY, self._begin, spec, turn)

    def closed(self, uri: str) -> None:
        """A file is closed: its text is that on the disk again, and nothing is said of it."""
        path = _path(uri)
        if path is None:
            return
        self.project.drafts.pop(path, None)
        timer = self._timers.pop(path, None)
        if timer is not None:
            timer.cancel()
        self._turns[path] = self._turns.get(path, 0) + 1
        for file in self._found.pop(path, {}):
            self._publish(file)

    def _begin(self, spec: Path, turn: int) -> None:
        task = asyncio.get_running_loop().create_task(self._judge(spec, turn))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _judge(self, spec: Path, turn: int) -> None:
        """Compile, and say what was found, unless the text is another by now: the last one wins."""
        drafts = dict(self.project.drafts)
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._worker, look, self.project, spec, drafts)
        if self._turns.get(spec) != turn:
            return
        self._judged |= drafts
        before = self._found.get(spec, {})
        self._found[spec] = findings.by_file(spec, found)
        for file in {**before, **self._found[spec]}:
            self._publish(file)

    def _publish(self, file: Path) -> None:
        shown = [findings.shown(finding, self.files) for finding in self.found(file)]
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(self.uri(file), shown)
        )

    def found(self, file: Path) -> list[Diagnostic]:
        """What was found in a file, of whatever spec it is a part of."""
        every = [f for files in self._found.values() for f in files.get(file, ())]
        return list(dict.fromkeys(every))

    def is_fresh(self, file: Path) -> bool:
        """Whether what was found is of the text as it is now."""
        return self._judged.get(file) == self.project.drafts.get(file)


def build(version: str) -> Server:
    """The server with all that it answers."""
    server = Server(version)
    _listen(server)
    _answer(server)
    return server


def _listen(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def _(params: types.DidOpenTextDocumentParams) -> None:
        server.changed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def _(params: types.DidChangeTextDocumentParams) -> None:
        server.changed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def _(params: types.DidSaveTextDocumentParams) -> None:
        server.changed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def _(params: types.DidCloseTextDocumentParams) -> None:
        server.closed(params.text_document.uri)


def _answer(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def _(params: types.HoverParams) -> types.Hover | None:
        path, offset, ruler = _asked(server, params)
        found = hover(server.project, path, offset)
        if found is None:
            return None
        text, at = found
        content = types.MarkupContent(types.MarkupKind.Markdown, text)
        return types.Hover(content, ruler.range(at.start, at.end))

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def _(params: types.DefinitionParams) -> types.Location | None:
        path, offset, _ = _asked(server, params)
        found = definition(server.project, path, offset)
        if found is None:
            return None
        place = server.ruler(found.file).range(found.start, found.end)
        return types.Location(server.uri(found.file), place)

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION,
        types.CompletionOptions(trigger_characters=[" ", ".", "[", "{", ","]),
    )
    def _(params: types.CompletionParams) -> types.CompletionList:
        path, offset, ruler = _asked(server, params)
        offers = completion(server.project, path, offset)
        return types.CompletionList(False, [_item(offer, offset, ruler) for offer in offers])

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions([types.CodeActionKind.QuickFix, types.CodeActionKind.SourceFixAll]),
    )
    def _(params: types.CodeActionParams) -> list[types.CodeAction]:
        path = _path(params.text_document.uri)
        if path is None or not server.is_fresh(path):
            return []
        near = [f for f in server.found(path) if _touches(server, f, params.range)]
        return findings.actions(server.uri(path), near, server.files)


def _touches(server: Server, finding: Diagnostic, asked: types.Range) -> bool:
    found = findings.shown(finding, server.files).range
    return _key(found.start) <= _key(asked.end) and _key(asked.start) <= _key(found.end)


def _key(position: types.Position) -> tuple[int, int]:
    return position.line, position.character


def _item(offer: Offer, offset: int, ruler: Ruler) -> types.CompletionItem:
    return types.CompletionItem(
        label=offer.label,
        kind=_KINDS[offer.kind],
        detail=offer.detail[:80] or None,
        documentation=offer.detail or None,
        text_edit=types.TextEdit(ruler.range(min(offer.start, offset), offset), offer.text),
    )


def _asked(server: Server, params: Any) -> tuple[Path, int, Ruler]:
    """The file and the offset that a question is about."""
    path = _path(params.text_document.uri) or Path("stack.yaml").resolve()
    ruler = server.ruler(path)
    return path, ruler.offset(params.position), ruler


def _path(uri: str) -> Path | None:
    """The file of a URI; None for what is no file of this machine."""
    name = uris.to_fs_path(uri) if uri.startswith("file:") else None
    return Path(name).resolve() if name else None


def serve(version: str) -> int:
    """Serve one editor over standard input and output, until it says exit.

    Returns:
        0 when it said shutdown before, as the protocol wants it; else 1.
    """
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    server = build(version)
    server.start_io()
    return 0 if server.protocol._shutdown else 1
