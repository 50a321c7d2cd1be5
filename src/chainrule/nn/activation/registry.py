"""All activations by name: the union of PyTorch's and Keras's."""

from __future__ import annotations

from chainrule.nn.activation import piecewise, smooth, softmax_and_glu
from chainrule.nn.activation.definition import Curve

ACTIVATIONS: dict[str, Curve] = {
    curve.name: curve
    for curve in sorted(
        (*piecewise.CURVES, *smooth.CURVES, *softmax_and_glu.CURVES), key=lambda curve: curve.name
    )
}
