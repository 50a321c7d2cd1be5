"""Rule 24 before a training: batch normalisation that sees few samples at a time.

It learns with the mean and variance of the batch and answers with running ones. Those of few samples are far
from these, so the net that answers is not the one that was trained.
"""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.diagnosis.context import Look
from chainrule.diagnosis.rule import Evidence

SMALL_BATCH = 8  # samples in a batch
SMALL_BATCHES = (
    '"{path}" takes means and variances of {size} samples at a time',
    "“{path}”每次只用 {size} 个样本求均值和方差",
)


def small_batches(look: Look) -> Iterator[Evidence]:
    """Batch normalisation with small batches."""
    size = look.order.batch_size
    if size >= SMALL_BATCH or look.order.steps < 2:
        return
    for path, layer in look.network.training.book.layers.items():
        if type(layer).__name__ == "BatchNorm":
            facts, remedy = (
                {"size": size, "path": path},
                "model.fit(x, y, batch_size=64)  # or cr.LayerNorm()",
            )
            yield Evidence(size, SMALL_BATCH, facts, layer=path, form="small_batch", remedy=remedy)
            return
