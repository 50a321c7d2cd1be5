"""The pages on metrics and callbacks: examples print what the page shows, tables are complete."""

from __future__ import annotations

import re

import chainrule as cr
from chainrule.metrics import METRICS
from chainrule.train.callback import CALLBACKS
from page_examples import DOCS

PAGES = [DOCS / f"{name}.md" for name in ("metrics", "callbacks")]


def test_the_tables_are_complete() -> None:
    metrics, callbacks = (page.read_text(encoding="utf-8") for page in PAGES)
    listed = [
        name
        for row in re.findall(r"^\| the .*|^\| values .*", metrics, re.MULTILINE)
        for name in re.findall("`(.*?)`", row)
    ]
    assert sorted(listed) == sorted(METRICS)
    assert all(f"| `{name}` |" in callbacks for name in CALLBACKS)
    for name in re.findall(r"`cr\.(\w+)", metrics + callbacks):
        assert hasattr(cr, name), name
