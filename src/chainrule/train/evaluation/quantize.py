"""Quantization of a trained model for predictions, by the ranges of its products' inputs on samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from chainrule.engines.dispatch import Program
from chainrule.errors import fact
from chainrule.train.evaluation.prediction import blocks
from chainrule.train.evaluation.rows import encode_rows
from chainrule.train.int8_inference_graph import measured_ranges, products
from chainrule.train.model_state import ModelState
from chainrule.validation import out_of_range, trained_network


def quantize(model: ModelState, samples: Any) -> ModelState:
    """Return the model with predictions in 8 bits; see ``chainrule.Model.quantize``."""
    trained_network(model, "quantize")
    encoded = encode_rows(model.in_float(), samples, "quantize")
    network, arrays = encoded.network, {**encoded.model.arrays, **encoded.x}
    if not products(network.inference):
        expected = fact("a float32 network with matrix products or convolutions of weights")
        received = fact("{dtype}, without any", dtype=network.recipe.dtype)
        raise out_of_range(received, "model", "quantize", expected, fix="model.predict(x)")
    count = len(next(iter(encoded.x.values())))

    def batches(program: Program) -> Iterator[Mapping[str, np.ndarray]]:
        for rows in blocks(program, count):
            yield {name: a[rows] if name in encoded.x else a for name, a in arrays.items()}

    ranges = measured_ranges(network.inference, network.engine, batches)
    wrong = [key for key, pair in ranges.items() if not all(map(math.isfinite, pair))]
    if wrong:
        expected, received = fact("finite inputs of every product"), fact("NaN or infinity")
        raise out_of_range(received, wrong[0], "quantize", expected, fix="model.predict(x)")
    return model.in_float().quantized(ranges, count)
