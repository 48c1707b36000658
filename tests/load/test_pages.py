from __future__ import annotations

import re
from pathlib import Path

import pytest

from compiler.codes import Code
from compiler.load import load
from tests.load.helpers import findings_of, write

LOADING = [code for code in Code if "E101" <= code.value <= "E111"]
LATER = [code for code in Code if "E112" <= code.value <= "E114"]


def specs_of(code: Code) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", code.page, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", LOADING)
def test_the_pages_examples_fail_and_are_mended(tmp_path: Path, code: Code) -> None:
    specs = specs_of(code)
    if not specs:
        assert code.page.count("```console") == 2
        return
    fails, mended = specs
    spec = write(tmp_path, {"stack.yaml": fails})
    assert {finding.code for finding in findings_of(lambda: load(spec))} == {code}
    load(write(tmp_path, {"stack.yaml": mended}))


@pytest.mark.parametrize("code", LATER)
def test_the_examples_of_later_stages_can_be_loaded(tmp_path: Path, code: Code) -> None:
    fails, mended = specs_of(code)
    for text in (fails, mended):
        load(write(tmp_path, {"stack.yaml": text}))
