"""chrF equals that of sacrebleu."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.metrics import chrf

sacrebleu = pytest.importorskip("sacrebleu")
TEXTS = st.text("ab c打开件", max_size=12)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_chrf_is_that_of_sacrebleu(pairs: list[tuple[str, str]]) -> None:
    translations, references = map(list, zip(*pairs, strict=True))
    expected = sacrebleu.corpus_chrf(translations, [references]).score
    assert chrf(translations, references).value == pytest.approx(expected, abs=1e-9)


def test_the_texts_can_be_sampled() -> None:
    score = chrf(["打开文件", "保存"], ["打开文件", "关闭"])
    assert score.units == 2
    assert score.of(np.array([0, 0])) == 100
    assert score.of(np.array([1])) == 0
