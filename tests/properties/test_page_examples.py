"""The Python examples of every documentation page run and print exactly the documented output.

The pages of errors are tested in tests/unit/errors, the page that needs a data set in tests/end_to_end.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from page_examples import DOCS, check_examples, examples, expected_output, matches

ELSEWHERE = ("errors", "decisions", "fashion-mnist.md")
PAGES = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if page.relative_to(DOCS).parts[0] not in ELSEWHERE and examples([page])
]
FILES = {"pretrained-weights.md": {"model.keras": Path(__file__).parents[1] / "golden/keras/residual.keras"}}
"""Files that a page reads."""


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS).with_suffix("")))
def test_the_examples_of_a_page_print_their_documented_output(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, file in FILES.get(page.name, {}).items():
        shutil.copy(file, name)
    check_examples(page, capsys)


def test_output_that_is_not_documented_is_reported() -> None:
    code = 'print(1)  # 1\nfor i in range(2):\n    print(i)\n# 0\n# 1\nprint("a")\n# …\n# not printed: x'
    assert expected_output("print(1)  # 1\nprint(2)\n# 2\n# 3\n\n# a remark") == ["1", "2", "3"]
    assert expected_output(code)[:3] == ["1", "0", "1"]
    assert matches(["1", "…"], "1\n2\n3\n")
    assert matches(["a … c"], "a b c\n")
    assert not matches(["1"], "1\n2\n")
    assert not matches(["1", "2"], "1\n")
    assert len(PAGES) > 20
