"""The page's section about columns: every table's, and each model's picture."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from compiler.graph.reached import reach_of
from compiler.pipeline import Compiled, compile_spec
from compiler.report.html.columns import MOST, column_picture
from compiler.report.html.render import render
from compiler.report.lineage_told import Told
from compiler.report.model import page_of
from compiler.report.page_columns import Columns
from compiler.report.view import RunView
from tests.browser import chromium, complaints, look, requests

__all__ = ["chromium"]

SPEC = """\
stackc: 1
name: shop
sources:
  people:
    path: people.csv
    columns:
      id: {type: int64, nullable: false}
      "<b>age</b>": int64
      mail: {type: string, tags: [pii.email]}
      bought: {type: bool, nullable: false}
datasets:
  buyers:
    sql: select id, "<b>age</b>" as age, lower(mail) as mail, bought from people
    split: {train: 0.7, test: 0.3}
  twice:
    sql: select id, "<b>age</b>" as age, lower(mail) as mail, bought from people
models:
  bought:
    dataset: buyers
    target: bought
    features:
      - double: age * 2
      - mail
    algorithm: {kind: xgboost}
"""


def compiled(folder: Path, spec: str) -> Compiled:
    (folder / "stack.yaml").write_text(spec, "utf-8")
    return compile_spec(folder / "stack.yaml")


def view(made: Compiled) -> RunView:
    return RunView(made.graph, told=Told(reach_of(made.written), made.provenance), title="shop")


def columns_of(made: Compiled) -> Columns:
    found = page_of(view(made)).columns
    assert found is not None
    return found


def wide(columns: int, joined: bool = False) -> str:
    """A table of many columns into a model; ``joined`` lets each come from all."""
    names = [f"c{n}" for n in range(columns)]
    all_of_them = " + ".join(names)
    chosen = ", ".join(f"{all_of_them} + {n} as {name}" if joined else name
                       for n, name in enumerate(names))  # fmt: skip
    lines = ["stackc: 1", "name: wide", "sources:", "  s:", "    path: s.csv", "    columns:"]
    lines += [f"      {name}: float64" for name in (*names, "y")]
    lines += ["datasets:", "  d:", f"    sql: select y, {chosen} from s"]
    lines += ["    split: {train: 0.7, test: 0.3}", "models:", "  m:", "    dataset: d"]
    lines += ["    target: y", "    features:", *(f"      - {name}" for name in names)]
    return "\n".join([*lines, "    algorithm: {kind: xgboost}", ""])


def test_every_table_has_its_columns_with_types_tags_and_where_they_come_from(
    tmp_path: Path,
) -> None:
    tables = {table.block: table for table in columns_of(compiled(tmp_path, SPEC)).tables}
    assert list(tables) == ["sources.people", "datasets.buyers", "datasets.twice"]
    assert tables["sources.people"].tagged == 1
    mail = {row.name: row for row in tables["datasets.buyers"].rows}["mail"]
    assert (mail.type, mail.nullable, mail.tags) == ("string", True, ("pii.email",))
    assert (mail.origins, mail.made) == (("sources.people.mail",), ("lower(mail)",))


def test_a_model_has_only_what_its_features_and_its_target_come_from(tmp_path: Path) -> None:
    (model,) = columns_of(compiled(tmp_path, SPEC)).models
    assert sorted(str(knot.spot) for knot in model.knots) == [
        "datasets.buyers.age",
        "datasets.buyers.bought",
        "datasets.buyers.mail",
        "models.bought.features.double",
        "models.bought.features.mail",
        "models.bought.target",
        "sources.people.<b>age</b>",
        "sources.people.bought",
        "sources.people.mail",
    ]
    told = {str(knot.spot): knot.told for knot in model.knots}["models.bought.features.double"]
    assert told[-1].startswith("= age * 2 (")
    assert told[-1].endswith("stack.yaml:22:17)")


def test_names_of_columns_do_not_become_markup(tmp_path: Path) -> None:
    text = render(view(compiled(tmp_path, SPEC)))
    assert "<b>age" not in text
    assert "&lt;b&gt;age" in text


def test_a_step_that_stands_for_another_says_so(tmp_path: Path) -> None:
    text = render(view(compiled(tmp_path, SPEC)))
    assert re.search(r"<title>datasets\.buyers/query\nand datasets\.twice/query, which is the same"
                     r" step\n", text)  # fmt: skip
    assert ">query ×2</text>" in text
    assert "×2 one step of two addresses" in text
    alone = render(view(compiled(tmp_path, SPEC.replace("id, ", "", 1))))
    assert "×2" not in alone


def test_without_lineage_there_is_no_section(tmp_path: Path) -> None:
    assert 'id="columns"' not in render(RunView(compiled(tmp_path, SPEC).graph))


def test_a_table_of_300_columns_is_drawn_soon(tmp_path: Path) -> None:
    made = view(compiled(tmp_path, wide(300)))
    began = time.monotonic()
    text = render(made)
    assert time.monotonic() - began < 5
    assert text.count('class="hit ') == 903
    assert len(text) < 1_000_000


def test_more_ways_than_anyone_can_follow_are_told_and_not_drawn(tmp_path: Path) -> None:
    made = view(compiled(tmp_path, wide(60, joined=True)))
    (model,) = columns_of(compiled(tmp_path, wide(60, joined=True))).models
    assert len(model.ties) > MOST
    assert not column_picture(model, 0)
    text = render(made)
    assert "are too many for a picture" in text
    assert "and 54 more" in text


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("columns")
    place = folder / "report.html"
    place.write_text(render(view(compiled(folder, SPEC))), "utf-8")
    return place


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 420])
def test_a_browser_shows_it_without_a_complaint_and_asks_for_nothing(
    chromium: WebDriver, page: Path, width: int, dark: bool
) -> None:
    look(chromium, page, width, dark)
    assert complaints(chromium) == []
    assert requests(chromium) == [page.as_uri()]
    assert chromium.execute_script("return document.documentElement.scrollWidth") <= width


def test_pointing_at_a_column_lights_its_whole_way_and_nothing_else(
    chromium: WebDriver, page: Path
) -> None:
    look(chromium, page)
    picture = chromium.find_element(By.CSS_SELECTOR, "svg.columns-picture")
    hits = picture.find_elements(By.CSS_SELECTOR, ".hit")
    titles = "return [...arguments[0].querySelectorAll('.hit title')].map(t => t.textContent)"
    names = [title.split("\n")[0] for title in chromium.execute_script(titles, picture)]
    chromium.execute_script("arguments[0].scrollIntoView()", picture)
    hit = hits[names.index("sources.people.mail")]
    ActionChains(chromium).move_to_element(hit).perform()
    lit = """return [...arguments[0].querySelectorAll('.wire')]
        .filter(w => getComputedStyle(w).strokeOpacity === '1').length"""
    assert chromium.execute_script(lit, picture) == 2
    backs = """return [...arguments[0].querySelectorAll('.back')]
        .filter(b => getComputedStyle(b).fill !== 'rgba(0, 0, 0, 0)').length"""
    assert chromium.execute_script(backs, picture) == 3
