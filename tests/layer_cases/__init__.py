"""Sample settings of every layer, each with the same net in PyTorch: what the laws of layers run over."""

from layer_cases import (
    attention,
    branches,
    images,
    language,
    norms,
    plain,
    recurrent,
    residual,
    sizes,
    unpool,
    words,
)
from layer_cases.case import Case, Ready, ready

CASES: dict[str, Case] = {
    **plain.CASES,
    **images.CASES,
    **sizes.CASES,
    **norms.CASES,
    **words.CASES,
    **branches.CASES,
    **attention.CASES,
    **language.CASES,
    **recurrent.CASES,
    **unpool.CASES,
    **residual.CASES,
}

__all__ = ["CASES", "Case", "Ready", "ready"]
