"""Activation functions: nonlinearities between the layers, without which a deep network would be a linear
map.

Input: a name, such as ``"relu"``, and settings. Output: nodes. ``ACTIVATIONS`` is the registry, with formula,
suitable initializer, names in PyTorch, Keras and Chinese, and reference of each.
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
