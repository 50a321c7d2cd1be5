"""Rule 24 before training: batch normalization with small batches.

In training mode the layer uses the mean and variance of the batch, in evaluation mode the running statistics.
Statistics of few samples differ strongly from these, so the evaluated network is not the trained one.
"""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.diagnosis.context import TrainingContext
from chainrule.diagnosis.rule import Evidence

SMALL_BATCH = 8  # samples in a batch
SMALL_BATCHES = '"{path}" computes mean and variance over only {size} samples at a time'


def small_batches(context: TrainingContext) -> Iterator[Evidence]:
    """Report batch normalization with small batches."""
    size = context.order.batch_size
    if size >= SMALL_BATCH or context.order.steps < 2:
        return
    for path, layer in context.network.training.book.layers.items():
        if type(layer).__name__ == "BatchNorm":
            facts, remedy = (
                {"size": size, "path": path},
                "model.fit(x, y, batch_size=64)  # or cr.LayerNorm()",
            )
            yield Evidence(size, SMALL_BATCH, facts, layer=path, form="small_batch", remedy=remedy)
            return
