"""The page on text generation: its examples print what it shows, its table is complete."""

from __future__ import annotations

import re

from chainrule.generation.sampling_strategies import STRATEGIES
from page_examples import DOCS

PAGE = DOCS / "generation.md"


def test_the_table_has_every_strategy_with_its_formula() -> None:
    rows = re.findall(
        r"^\| `(\w+)=.*?` \| `cr\.(\w+)` \| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert rows == [(name, kind.__name__, kind.formula) for name, kind in STRATEGIES.items()]
