"""The language server as an editor meets it."""

from __future__ import annotations

import asyncio
import random
import re
from pathlib import Path

from lsprotocol import types

from tests.lsp.client import Editor, applied, edit

SPEC = """\
stackc: 1
name: shop
sources:
  orders:
    description: What was bought.
    path: orders.csv
    columns:
      id: {type: int64, nullable: false}
      customer: string
      amount: {type: float64, tags: [money]}
      returned: bool
validation:
  orders:
    - unique: [id]
    - between: {amount: [0, 100]}
datasets:
  big:
    sql: |
      select id, o.amount, returned
      from orders o
      where amount > 50
    split: {train: 0.7, test: 0.3}
models:
  late:
    dataset: big
    target: returned
    features: [amount, {twice: amount * 2}]
    algorithm: {kind: linear, max_iter: 200}
    gates: [roc_auc >= 0.6]
deployments:
  api:
    model: late
notifications:
  log:
    log: true
"""


def around(text: str, mark: str) -> types.Range:
    """The range of a text, in UTF-16 units."""
    at = text.index(mark)
    line = text.count("\n", 0, at)
    start = len(text[text.rfind("\n", 0, at) + 1 : at].encode("utf-16-le")) // 2
    width = len(mark.encode("utf-16-le")) // 2
    return types.Range(types.Position(line, start), types.Position(line, start + width))


def test_what_is_wrong_is_shown_where_it_is_and_goes_when_it_is_mended(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        broken = SPEC.replace("o.amount", "o.amout")
        (found,) = await editor.open(broken)
        assert found.code == "E203"
        assert found.severity == types.DiagnosticSeverity.Error
        assert found.message == "no column `amout`\nhelp: did you mean `amount`?"
        assert found.range == around(broken, "o.amout")
        assert await editor.change(SPEC) == []

    edit(tmp_path, story)
    assert [*tmp_path.iterdir()] == [], "analysis wrote to the disk"


def test_places_count_as_the_protocol_does(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        broken = SPEC.replace(
            "[amount, {twice: amount * 2}]", """['😀😀', {x: "length(concat('😀', amout))"}]"""
        )
        found = await editor.open(broken)
        assert [f.range for f in found if "amout" in f.message] == [around(broken, "amout")]
        assert [f.range for f in found if "😀😀" in f.message] == [around(broken, "'😀😀'")]

    edit(tmp_path, story)


def test_labels_are_related_information(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        broken = SPEC.replace(
            "    path: orders.csv\n", "    path: orders.csv\n    path: other.csv\n"
        )
        (found,) = await editor.open(broken)
        assert found.code == "E104"
        (related,) = found.related_information or ()
        assert related.message == "first written here"
        assert related.location.range == around(broken, "path")

    edit(tmp_path, story)


def test_an_action_mends_the_text(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        broken = SPEC.replace("dataset: big", "dataset: bgi").replace("kind: linear", "kind: liner")
        found = await editor.open(broken)
        (action,) = await editor.actions(found[0])
        assert action.title == "write `linear` instead of `liner`"
        assert action.kind == types.CodeActionKind.QuickFix
        mended = applied(broken, action.edit.changes[editor.uri()])
        found = await editor.change(mended)
        (action,) = await editor.actions(found[0])
        assert applied(mended, action.edit.changes[editor.uri()]) == SPEC
        assert await editor.change(SPEC) == []

    edit(tmp_path, story)


def test_all_fixes_of_a_stretch_at_once(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        broken = SPEC.replace("target", "tagret").replace("dataset: big", "datset: big")
        found = await editor.open(broken)
        mendable = [f for f in found if f.code == "E120"]
        mendable[0].range.end = mendable[-1].range.end
        *_, whole = await editor.actions(mendable[0])
        assert whole.kind == types.CodeActionKind.SourceFixAll
        assert applied(broken, whole.edit.changes[editor.uri()]) == SPEC

    edit(tmp_path, story)


def test_hover(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        await editor.open(SPEC)
        assert await editor.hover("max_iter") == (
            "**max_iter**: Most iterations of the solver for classes; ridge needs none."
            "\n\nDefault: `1000`"
        )
        assert "`200` set at stack.yaml:28:41" in await editor.hover("200}")
        block = "**orders** (sources)\n\nWhat was bought.\n\n- `id`: int64, not null"
        assert (await editor.hover("orders:")).startswith(block)
        assert (await editor.hover("orders o")).startswith(block)
        assert (await editor.hover("late\nnot")).startswith("**late** (models)")
        assert await editor.hover("amount: [0") == "**amount** (orders): float64, money"
        assert await editor.hover("amount, {") == (
            "**amount** (big): float64, not null, money\n\nfrom `sources.orders.amount` (identity)"
        )
        assert (await editor.hover("amount * 2")).startswith("**amount** (big): float64")
        assert (await editor.hover("amount > 50")).startswith("**amount** (orders): float64")
        assert "Area under the ROC curve" in await editor.hover("roc_auc")
        assert await editor.hover("shop") != ""

    edit(tmp_path, story)


def test_definition(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        await editor.open(SPEC)
        assert await editor.definition("big\n    target") == ("stack.yaml:17", "big")
        assert await editor.definition("late\nnot") == ("stack.yaml:24", "late")
        assert await editor.definition("orders o") == ("stack.yaml:4", "orders")
        assert await editor.definition("orders:\n    - uni") == ("stack.yaml:4", "orders")
        assert await editor.definition("amount > 50") == ("stack.yaml:10", "amount")
        assert await editor.definition("id]") == ("stack.yaml:8", "id")
        assert await editor.definition("amount, {") == ("stack.yaml:10", "amount")
        assert await editor.definition("returned\n    features") == ("stack.yaml:11", "returned")
        assert await editor.definition("linear") is None

    edit(tmp_path, story)


def test_completion_in_a_whole_text(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        await editor.open(SPEC)
        assert "linear" in await editor.complete("kind: ")
        assert {"big"} == {*(await editor.complete("dataset: "))}
        assert {"amount", "returned", "id"} <= {*(await editor.complete("target: "))}

    edit(tmp_path, story)


RULES = "  orders:\n    - unique: [id]\n    - between: {amount: [0, 100]}\n"
FEATURES = "features: [amount, {twice: amount * 2}]"
HALF = {
    "a key of a model": ("    dataset: big\n", "    data", "dataset"),
    "a key in brackets": ("kind: linear, max_iter: 200}", "kind: linear, ", "reg_lambda"),
    "a kind of algorithm": ("{kind: linear, max_iter: 200}", "{kind: ", "xgboost"),
    "a dataset": ("dataset: big", "dataset: b", "big"),
    "a model": ("model: late\n", "model: ", "late"),
    "a column in a list": (FEATURES, "features: [amount, ret", "returned"),
    "a column in an expression": ("{twice: amount * 2}]", "{twice: amount * re", "returned"),
    "a column in SQL": ("where amount > 50", "where am", "amount"),
    "a table in SQL": ("from orders o", "from or", "orders"),
    "a rule": ("    - between: {amount: [0, 100]}\n", "    - bet", "between"),
    "a column as a key": ("- between: {amount: [0, 100]}", "- between: {am", "amount"),
    "a table with rules": (f"validation:\n{RULES}", "validation:\n  or", "orders"),
    "a metric in a gate": ("[roc_auc >= 0.6]", "[ro", "roc_auc"),
    "a metric of fairness in a gate": ("[roc_auc >= 0.6]", "[equal", "equalized_odds_ratio"),
    "a sensitive column": (
        "    gates: [roc_auc >= 0.6]\n",
        "    evaluation: {fairness: {sensitive: ret",
        "returned",
    ),
    "a metric of fairness": (
        "    gates: [roc_auc >= 0.6]\n",
        "    evaluation: {fairness: {sensitive: id, metrics: [demo",
        "demographic_parity_ratio",
    ),
    "a kind of block": ("notifications:\n  log:\n    log: true\n", "not", "notifications"),
    "a type": ("customer: string", "customer: st", "string"),
}


def test_completion_while_it_is_written(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        await editor.open(SPEC)
        for title, (right, written, wanted) in HALF.items():
            before, behind = SPEC.split(right, 1)
            editor.write(SPEC)
            editor.write(before + written + behind)
            offers = await editor.complete(before + written)
            assert wanted in offers, (title, [*offers])
            made = offers[wanted].removeprefix(before)
            assert made.startswith(re.sub(r"\w*\Z", "", written) + wanted), title
            assert made.endswith(behind), title

    edit(tmp_path, story)


def test_columns_that_are_inferred_are_known_and_not_kept(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,age\n1,30\n2,40\n", "utf-8")
    text = "stackc: 1\nname: x\nsources:\n  people:\n    path: people.csv\n"

    async def story(editor: Editor) -> None:
        await editor.open(text)
        assert "- `age`: int64" in await editor.hover("people:")

    edit(tmp_path, story)
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


def test_a_group_file_is_judged_with_its_spec(tmp_path: Path) -> None:
    (tmp_path / "conf" / "size").mkdir(parents=True)
    group = "# @package _global_\nmodels:\n  late:\n    sead: 7\n"
    (tmp_path / "conf" / "size" / "small.yaml").write_text(group, "utf-8")
    spec = "defaults:\n  - size: small\n  - _self_\n" + SPEC

    async def story(editor: Editor) -> None:
        await editor.open(spec)
        name = "conf/size/small.yaml"
        (found,) = await editor.open(group, name)
        assert found.range == around(group, "sead")
        (action,) = await editor.actions(found, name)
        mended = applied(group, action.edit.changes[editor.uri(name)])
        assert await editor.change(mended, name) == []
        assert "Where chance begins" in await editor.hover("seed", name)

    edit(tmp_path, story)


def test_the_last_of_many_keystrokes_wins(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        await editor.open(SPEC)
        for at in range(len(SPEC) - 60, len(SPEC)):
            editor.write(SPEC[:at])
        assert await editor.change(SPEC) == []
        await asyncio.sleep(0.5)
        assert await editor.found() == []

    edit(tmp_path, story)


CHANCE = random.Random(7)
HOSTILE = [
    "x" * 65536,
    "a: " + "[" * 65536,
    "stackc: 1\nname: " + "é😀" * 20_000,
    "\t\tstackc: 1\n\tname:\tx",
    SPEC[: len(SPEC) // 2],
    SPEC.replace("orders o", "orders o\n  ' \" {{{ ["),
    "".join(chr(CHANCE.randrange(1, 0xD7FF)) for _ in range(3000)),
    "\x00\x01\x02\xff" * 500,
    "stackc: 1\rname: x\r\nsources:\u2028  a: {}",
    "? [a, b]\n: {c: d}\n- x",
    "&a [*a]",
    "a: &x [1]\nb: *y\n--- \nc: 1",
    "",
    "-",
    ":",
    "{",
    "stackc: 1\nname: x\nsources: 5\nmodels: [1, {a: b}]\nvalidation: {a: {b: c}}",
]


def test_nothing_that_is_written_ends_it(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        await editor.open(SPEC)
        for text in HOSTILE:
            assert await editor.change(text) or text == ""
            for offset in {0, len(text) // 3, len(text) // 2, max(len(text) - 1, 0)}:
                mark = text[offset : offset + 5]
                if mark:
                    await editor.hover(mark)
                    await editor.definition(mark)
                    await editor.complete(mark)
        assert await editor.change(SPEC) == []
        assert await editor.hover("linear") != ""

    edit(tmp_path, story)


def test_places_beyond_the_text_are_its_end(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        await editor.open(SPEC)
        document = types.TextDocumentIdentifier(editor.uri())
        far = types.Position(10_000, 10_000)
        for uri in (document, types.TextDocumentIdentifier("untitled:Untitled-1")):
            await editor.client.text_document_hover_async(types.HoverParams(uri, far))
            params = types.CompletionParams(uri, far)
            await editor.client.text_document_completion_async(params)

    edit(tmp_path, story)


def test_a_closed_file_has_no_findings(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        assert await editor.open(SPEC.replace("kind: linear", "kind: liner"))
        editor._news.clear()
        document = types.TextDocumentIdentifier(editor.uri())
        editor.client.text_document_did_close(types.DidCloseTextDocumentParams(document))
        assert await editor.found() == []

    edit(tmp_path, story)
