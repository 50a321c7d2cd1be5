"""Activations: the functions between the layers, without which a deep network would be one linear map.

In: a name, such as ``"relu"``, and settings. Out: nodes. ``ACTIVATIONS`` is the table of all of them, each
with its formula, the initial weights that suit it, its names in PyTorch, Keras and Chinese, and its origin.
"""

from chainrule.nn.activation.definition import Curve, Setting
from chainrule.nn.activation.layer import Activation, activated, fitting_initializer, known_activation
from chainrule.nn.activation.registry import ACTIVATIONS

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Curve",
    "Setting",
    "activated",
    "fitting_initializer",
    "known_activation",
]
