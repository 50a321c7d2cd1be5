"""Sample settings of every layer, each with its counterpart in PyTorch, for the properties of layers."""

from layer_cases import (
    attention,
    basic,
    combination,
    convolution,
    embedding,
    ensemble,
    graphs,
    normalization,
    preprocessing,
    recurrent,
    resampling,
    residual,
    speech,
    text,
    unpooling,
)
from layer_cases.case import Case, Ready, as_numbers, ready, sample_cases

CASES: dict[str, Case] = {
    **basic.CASES,
    **convolution.CASES,
    **resampling.CASES,
    **normalization.CASES,
    **embedding.CASES,
    **ensemble.CASES,
    **combination.CASES,
    **graphs.CASES,
    **attention.CASES,
    **text.CASES,
    **recurrent.CASES,
    **unpooling.CASES,
    **preprocessing.CASES,
    **residual.CASES,
    **speech.CASES,
    **sample_cases(),
}

__all__ = ["CASES", "Case", "Ready", "as_numbers", "ready"]
