"""An error inside nested layers names the innermost layer by its path, and the line of the user's code."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ChainruleError
from chainrule.errors.exceptions import Place
from chainrule.symbolic_shape import Size, Spec


def refused(net: cr.Layer, *shape: int) -> str:
    with pytest.raises(ChainruleError) as caught:
        nn.build(net, {"x": Spec((Size.symbol("B"), *shape), "float32")}, "float32")
    return str(caught.value).splitlines()[0]


def line() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_a_layer_created_by_a_layer_has_the_line_of_the_outer_one() -> None:
    wide, at = cr.SeparableConv(8, 9), line()
    block = cr.Sequential(cr.SeparableConv(8, 3), wide)
    message = refused(cr.Sequential(cr.Conv(3, 1), block), 6, 6, 3)
    assert f'DepthwiseConv "sequential1.separable_conv2.depthwise" (test_site.py:{at})' in message


def test_a_layer_that_a_command_creates_has_no_line() -> None:
    file = "lib/site-packages/typer/main.py"
    called: dict[str, Any] = {}
    exec(compile("def call(function): return function()", file, "exec"), called)
    assert called["call"](Place.of_caller) is None
    exec(compile("def call(function): return function()", "own/typer/main.py", "exec"), called)
    assert str(called["call"](Place.of_caller)) == "main.py:1"


def test_a_layer_in_a_layer_has_its_own_line() -> None:
    inner, at = cr.Conv(4, 3), line()
    message = refused(cr.Sequential(cr.Residual(cr.Sequential(cr.Dense(4), inner))), 6)
    assert f'Conv "residual1.sequential.conv1" (test_site.py:{at})' in message


def test_the_error_of_a_custom_layer_has_the_line_in_its_code() -> None:
    lines: list[int] = []

    @cr.layer
    class Block(cr.Layer):
        def __call__(self, x: Any, scope: Any) -> Any:
            inner, at = cr.Conv(4, 9), line()
            lines.append(at)
            return scope.run(inner, x)

    message = refused(cr.Sequential(Block()), 6, 6, 3)
    assert f'Conv "block1.conv" (test_site.py:{lines[0]})' in message


def test_a_layer_outside_a_network_has_its_line() -> None:
    dense, at = cr.Dense(3), line()
    assert dense.place.line == at  # type: ignore[attr-defined]
