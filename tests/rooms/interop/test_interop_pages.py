"""The examples on the pages about foreign weights and fine-tuning run, those of their errors provoke them."""

from __future__ import annotations

import pytest

from chainrule.errors import CATALOGUE, ChainruleError
from chainrule.errors.catalogue.interop import ENTRIES
from guides import DOCS, examples

PAGES = [DOCS / "foreign-weights.md", DOCS / "fine-tuning.md"]


@pytest.mark.parametrize("code", sorted(ENTRIES))
def test_the_example_of_an_error_page_provokes_it(
    code: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    (example,) = (each.values[0] for each in examples([DOCS / "errors" / f"{code}.md"]))
    with pytest.raises(ChainruleError) as caught:
        exec(compile(str(example), f"{code}.md", "exec"), {"__name__": "page"})
    assert caught.value.code == code
    for lang in ("en", "zh"):
        assert "{" not in caught.value.clause(lang)


def test_the_codes_are_in_the_catalogue() -> None:
    assert ENTRIES.items() <= CATALOGUE.items()
