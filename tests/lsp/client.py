"""An editor as the server sees one: pygls' own client over standard input and output."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from compiler.lsp.positions import Ruler
from tests.house.cli import PLAIN, ROOT, command

T = TypeVar("T")
WAIT = 60


class Editor:
    """A client with one folder; texts are given whole, places by what stands there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = LanguageClient("test", "1")
        self.texts: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        self._found: dict[str, list[types.Diagnostic]] = {}
        self._news = asyncio.Event()

        hears = self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        hears(lambda params: self._hear(params))

    def _hear(self, params: types.PublishDiagnosticsParams) -> None:
        self._found[params.uri] = list(params.diagnostics)
        self._news.set()

    async def begin(self) -> None:
        program, *arguments = command("lsp")
        environment = {**os.environ, **PLAIN, "PYTHONPATH": str(ROOT)}
        await self.client.start_io(program, *arguments, env=environment, cwd=self.folder)
        params = types.InitializeParams(types.ClientCapabilities(), root_uri=self.folder.as_uri())
        answer = await self.client.initialize_async(params)
        assert answer.server_info is not None
        assert answer.server_info.name == "stackc"
        self.client.initialized(types.InitializedParams())

    async def end(self) -> int:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        server = self.client._server
        assert server is not None
        code = await asyncio.wait_for(server.wait(), WAIT)
        await self.client.stop()  # type: ignore[no-untyped-call]
        return int(code)

    def uri(self, name: str = "stack.yaml") -> str:
        return (self.folder / name).as_uri()

    async def open(self, text: str, name: str = "stack.yaml") -> list[types.Diagnostic]:
        """Open a file, and what is found in it."""
        self.texts[name] = text
        self._news.clear()
        document = types.TextDocumentItem(self.uri(name), types.LanguageKind.Yaml, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(document))
        return await self.found(name)

    async def change(self, text: str, name: str = "stack.yaml") -> list[types.Diagnostic]:
        """Give an open file another text, and what is found in it."""
        self.write(text, name)
        return await self.found(name)

    def write(self, text: str, name: str = "stack.yaml") -> None:
        """Give an open file another text, and go on at once."""
        self.texts[name] = text
        version = self._versions[name] = self._versions.get(name, 1) + 1
        self._news.clear()
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(uri=self.uri(name), version=version),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    async def found(self, name: str = "stack.yaml") -> list[types.Diagnostic]:
        """The next findings."""
        await asyncio.wait_for(self._news.wait(), WAIT)
        await asyncio.sleep(0.05)
        return self._found.get(self.uri(name), [])

    def place(self, mark: str, name: str = "stack.yaml", *, behind: bool = False) -> Any:
        """The document and position of the first such text, or of what comes behind it."""
        text = self.texts[name]
        offset = text.index(mark) + (len(mark) if behind else 0)
        return types.TextDocumentIdentifier(self.uri(name)), Ruler(text).position(offset)

    async def hover(self, mark: str, name: str = "stack.yaml") -> str:
        answer = await self.client.text_document_hover_async(
            types.HoverParams(*self.place(mark, name))
        )
        if answer is None:
            return ""
        assert isinstance(answer.contents, types.MarkupContent)
        return answer.contents.value

    async def definition(self, mark: str, name: str = "stack.yaml") -> tuple[str, str] | None:
        """The file's name and the text that a definition leads to."""
        answer: Any = await self.client.text_document_definition_async(
            types.DefinitionParams(*self.place(mark, name))
        )
        if answer is None:
            return None
        file = answer.uri.removeprefix(self.folder.as_uri() + "/")
        text = self.texts.get(file) or (self.folder / file).read_text("utf-8")
        ruler = Ruler(text)
        start, end = ruler.offset(answer.range.start), ruler.offset(answer.range.end)
        line = answer.range.start.line + 1
        return f"{file}:{line}", text[start:end]

    async def complete(self, mark: str, name: str = "stack.yaml") -> dict[str, str]:
        """What may be written behind a text, each with the whole text it makes."""
        document, position = self.place(mark, name, behind=True)
        answer = await self.client.text_document_completion_async(
            types.CompletionParams(document, position)
        )
        assert isinstance(answer, types.CompletionList)
        made = {}
        for item in answer.items:
            assert isinstance(item.text_edit, types.TextEdit)
            made[item.label] = applied(self.texts[name], [item.text_edit])
        return made

    async def actions(self, found: types.Diagnostic, name: str = "stack.yaml") -> list[Any]:
        document = types.TextDocumentIdentifier(self.uri(name))
        context = types.CodeActionContext([found])
        answer = await self.client.text_document_code_action_async(
            types.CodeActionParams(document, found.range, context)
        )
        return list(answer or ())


def applied(text: str, edits: list[types.TextEdit]) -> str:
    """A text after an editor has made some edits."""
    ruler = Ruler(text)
    for edit in sorted(edits, key=lambda e: ruler.offset(e.range.start), reverse=True):
        start, end = ruler.offset(edit.range.start), ruler.offset(edit.range.end)
        text = text[:start] + edit.new_text + text[end:]
    return text


def edit(folder: Path, story: Callable[[Editor], Awaitable[T]]) -> T:
    """Begin a server, do something, and end it: it has to end well."""

    async def run() -> T:
        editor = Editor(folder)
        await editor.begin()
        try:
            made = await story(editor)
        except BaseException:
            if editor.client._server is not None:
                editor.client._server.kill()
            raise
        assert await editor.end() == 0
        return made

    return asyncio.run(run())
