"""The table of metrics in ``docs/metrics.md``: ``python -m pages.metric_table`` writes it from the records.

A metric belongs to the row of the part of a prediction that it reads. A test compares the page with the
records.
"""

from __future__ import annotations

import re
from pathlib import Path

from chainrule.metrics.calibration import PROBABILITIES
from chainrule.metrics.classification import ACCURACIES, CLASSES
from chainrule.metrics.ranking import AREAS, THRESHOLDS
from chainrule.metrics.regression import ERRORS, MORE_ERRORS

FILE = Path(__file__).parents[1] / "docs" / "metrics.md"
ROWS = {
    "the decision": (*ACCURACIES, *CLASSES),
    "the order": (*AREAS, *THRESHOLDS),
    "the probabilities": PROBABILITIES,
    "values": (*ERRORS, *MORE_ERRORS),
}
_HEAD = "| based on | metrics |\n|---|---|\n"


def text(page: str) -> str:
    """The page with the table of all metrics in place of its own.

    Args:
        page: the text of the page.

    Example:
        >>> print(text("| based on | metrics |\\n|---|---|\\n| old | `old` |\\n\\nText").splitlines()[3][:30])
        | the order | `roc_auc` `pr_au
    """
    names = {row: " ".join(f"`{metric.name}`" for metric in metrics) for row, metrics in ROWS.items()}
    table = _HEAD + "".join(f"| {row} | {cell} |\n" for row, cell in names.items())
    return re.sub(re.escape(_HEAD) + r"(?:\|.*\n)*", lambda _: table, page, count=1)


if __name__ == "__main__":
    FILE.write_text(text(FILE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote the table of {FILE.name}")
