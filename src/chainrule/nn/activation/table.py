"""All activations by name: the union of PyTorch's and Keras's."""

from __future__ import annotations

from chainrule.nn.activation import across, bent, smooth
from chainrule.nn.activation.curve import Curve

ACTIVATIONS: dict[str, Curve] = {
    curve.name: curve
    for curve in sorted((*bent.CURVES, *smooth.CURVES, *across.CURVES), key=lambda curve: curve.name)
}
