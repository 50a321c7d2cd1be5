"""The pages on sequence models: the counts of BERT's sizes are right."""

from __future__ import annotations

from chainrule.models import MODELS
from page_examples import DOCS


def test_the_page_of_bert_counts_every_size() -> None:
    text = (DOCS / "models" / "bert.md").read_text(encoding="utf-8")
    for size in ("minilm", "small", "base", "large"):
        assert f"{MODELS['bert'].count(size=size):,}" in text
