"""The report as a browser shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from compiler.report.html.render import write_report
from tests.browser import chromium, command, complaints, look, requests
from tests.report.sample import documents, profile, sample
from tests.report.sample_graph import HOSTILE

__all__ = ["chromium"]

CONTRAST = """
const parse = c => c.match(/[\\d.]+/g).map(Number);
const over = (a, b) => { const t = a[3] ?? 1;
  return [0, 1, 2].map(i => a[i] * t + b[i] * (1 - t)); };
const back = e => { const layers = [];
  for (let n = e; n; n = n.parentElement) layers.push(parse(getComputedStyle(n).backgroundColor));
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]); };
const light = c => { const [r, g, b] = c.map(v => v / 255)
  .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b; };
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m);
  return (x + .05) / (y + .05); };
const texts = [...document.querySelectorAll('body *')].filter(e => !e.closest('svg')
  && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()));
return texts.filter(e => ratio(parse(getComputedStyle(e).color), back(e)) < 4.5)
  .map(e => e.tagName + ' ' + e.className + ' ' + e.textContent.slice(0, 30)).slice(0, 9);
"""
"""Texts whose contrast with what is behind them is below 4.5 (WCAG AA)."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report") / "report.html"
    write_report(sample(), place)
    return place


def texts(browser: WebDriver, selector: str) -> list[str]:
    """Texts as they are read, in the page's order; those of closed details too."""
    script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent.trim())"
    found: list[str] = browser.execute_script(script, selector)
    return found


def test_it_renders_without_a_complaint_and_asks_for_nothing_else(
    chromium: WebDriver, page: Path
) -> None:
    look(chromium, page)
    assert complaints(chromium) == []
    assert requests(chromium) == [page.as_uri()]
    assert chromium.title == "flights – stackc report"
    assert chromium.find_element(By.ID, "verdict").text.endswith("Done, with something to look at")


def test_the_picture_has_every_step_and_every_label_can_be_read(
    chromium: WebDriver, page: Path
) -> None:
    look(chromium, page)
    steps = chromium.find_elements(By.CSS_SELECTOR, "svg.graph g.step")
    shown = sorted(str(step.get_attribute("data-address")) for step in steps)
    assert shown == sorted(node.address for node in sample().graph)
    for label in chromium.find_elements(By.CSS_SELECTOR, "svg.graph text.label"):
        assert label.size["height"] >= 10
    script = """
      return [...document.querySelectorAll('svg.graph g.step')].filter(step => {
        const row = step.querySelector('.row').getBoundingClientRect();
        const text = step.querySelector('.label').getBoundingClientRect();
        return text.left < row.left || text.right > row.right - 14;
      }).length"""
    assert chromium.execute_script(script) == 0


def test_metrics_and_gates_are_the_documents(chromium: WebDriver, page: Path) -> None:
    look(chromium, page)
    found = documents()["models.late/evaluate", "metrics"]
    names = texts(chromium, "#models\\.late .metrics dt")
    values = texts(chromium, "#models\\.late .metrics dd")
    assert dict(zip(names, values, strict=True)) == {
        "roc_auc": "0.7123", "f1": "0.4321", "log_loss": "0.5012", "brier": "–", "rows": "28,756",
        "demographic_parity_difference": "0.3000", "equal_opportunity_ratio": "–",
    }  # fmt: skip
    confusion = texts(chromium, "#models\\.late .confusion td")
    assert confusion == [f"{count:,}" for row in found["confusion"] for count in row]
    gates = documents()["models.late/gates", "gates"]["gates"]
    assert texts(chromium, "#models\\.late .gates tbody th") == [gate["text"] for gate in gates]
    slices = texts(chromium, "#models\\.late .slices tbody th")
    assert slices == ["UA", "B6", "EV", "DL", "AA", HOSTILE, "null"]


def test_groups_are_told_with_who_is_furthest_apart(chromium: WebDriver, page: Path) -> None:
    look(chromium, page)
    tables = "#models\\.late .groups"
    assert texts(chromium, f"{tables} tbody th") == [
        *("EWR", HOSTILE, "null"), *("EWR, UA", f"{HOSTILE}, UA", "null, UA"),
    ]  # fmt: skip
    heads = texts(chromium, f"{tables} thead th")
    assert [head for head in heads[:7] if head] == [
        "origin", "rows", "selection rate", "true positive rate",
    ]  # fmt: skip
    small = [text for text in texts(chromium, f"{tables} td") if text.startswith("too few")]
    assert len(small) == 2
    row = texts(chromium, "#models\\.late .disparities tbody tr:first-child td")[:5]
    assert row == [
        "0.3000", "selection rate", f"{HOSTILE}: 0.2000", "EWR: 0.5000",
        "1 group below 30 rows not judged",
    ]  # fmt: skip
    remark = texts(chromium, "#models\\.late .disparities tbody tr:last-child td")[4]
    assert remark == "fewer than two groups by `origin` have positives"
    assert any("Positive is true" in text for text in texts(chromium, "#models\\.late p"))


def test_rules_and_drift_are_the_documents(chromium: WebDriver, page: Path) -> None:
    look(chromium, page)
    rules = documents()["sources.flights/validate", "verdict"]["rules"]
    assert texts(chromium, "#sources\\.flights tbody th") == [rule["name"] for rule in rules]
    assert HOSTILE in texts(chromium, "#sources\\.flights code")
    drift = documents()["monitors.late_drift/compare", "drift"]
    found = {
        text
        for text in texts(chromium, "#drift .heat td")
        if text == "–" or re.fullmatch(r"(▲ )?\d\.\d{3}", text)
    }
    wanted = {
        "–" if c["distance"] is None else ("▲ " if c["drifted"] else "") + f"{c['distance']:.3f}"
        for window in drift["windows"]
        for c in window["columns"]
    }
    assert found == wanted
    columns = texts(chromium, "#drift .heat thead th")[2:]
    assert sorted(columns) == sorted(c["column"] for c in drift["windows"][0]["columns"])


def test_every_profiled_column_is_there(chromium: WebDriver, page: Path) -> None:
    look(chromium, page)
    names = [name.removesuffix(c["type"]) for name, c in
             zip(texts(chromium, "#profiles h4"), profile(), strict=True)]  # fmt: skip
    assert names == [column["name"] for column in profile()]
    bars = len(chromium.find_elements(By.CSS_SELECTOR, "#profiles svg.histogram rect"))
    assert bars == sum(len(column["histogram"]["shares"]) for column in profile())


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 420])
def test_nothing_sticks_out_and_text_stands_out(
    chromium: WebDriver, page: Path, width: int, dark: bool
) -> None:
    look(chromium, page, width, dark)
    assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
    assert chromium.execute_script(CONTRAST) == []


def test_printed_it_is_light_whole_and_no_wider_than_the_paper(
    chromium: WebDriver, page: Path
) -> None:
    look(chromium, page, 720, dark=True)
    scheme = {"name": "prefers-color-scheme", "value": "dark"}
    command(chromium, "Emulation.setEmulatedMedia", media="print", features=[scheme])
    try:
        width = "return document.documentElement.scrollWidth"
        paper = "return getComputedStyle(document.body).backgroundColor"
        assert chromium.execute_script(width) <= 720
        assert chromium.execute_script(paper) == "rgb(255, 255, 255)"
        hidden = chromium.find_elements(By.CSS_SELECTOR, "#models details:not([open]) table")
        assert hidden
        assert all(table.size["height"] > 0 for table in hidden)
    finally:
        command(chromium, "Emulation.setEmulatedMedia", media="")
