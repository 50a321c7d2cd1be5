"""Layers connected in any order: a directed graph without cycles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.layer import Layer, Sample, Value, layer
from chainrule.nn.layers.containers import require_layer
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.merge import Merge
from chainrule.nn.scope import Scope
from chainrule.validation import require


@layer
class LayerGraph(Layer):
    """Layers connected by names: each reads the inputs of the network or the results of earlier layers.

    Shapes: given one node, it is called ``x``; given nodes by name, each has its name.

    Args:
        steps: for each layer its name, the layer, and what it reads. One name is passed as it is; several are
            passed by name, each under its own or as ``"name=source"``, such as ``"query=x"``. A result of a
            layer that has several is ``"source.name"``. A layer that is called again with the same parameters
            has the same name with a number: ``"tower"``, ``"tower#2"``.
        outputs: the names of the results that are returned; one is returned as it is, several by name. By
            default the last.

    Raises:
        UsageError E102: a step of another form, a name that two steps have, or that no earlier step has.
        UsageError E104: something that is not a layer.

    Example:
        >>> net = LayerGraph(
        ...     (("hidden", Dense(4, "tanh"), ("x",)), ("sum", Merge("add"), ("hidden", "x")))
        ... )
        >>> print(net)
        LayerGraph(
          hidden: Dense(4, activation='tanh') <- x
          sum: Merge('add') <- hidden, x
        )
    """

    chinese = ("层的连接图", "按名字连接的层：每一层读取网络的输入或前面各层的结果。")
    samples = (
        Sample(
            (3,), {"steps": (("hidden", Dense(3, "tanh"), ("x",)), ("sum", Merge("add"), ("hidden", "x")))}
        ),
    )
    steps: tuple[tuple[str, Layer, tuple[str, ...]], ...]
    _: KW_ONLY
    outputs: tuple[str, ...] = ()

    def check(self) -> None:
        expected = fact("steps (name, layer, names), each name once")
        require(self, "steps", isinstance(self.steps, tuple) and len(self.steps) > 0, expected)
        known: set[str] = set()
        for step in self.steps:
            fits = (
                isinstance(step, tuple) and len(step) == 3 and _are_names((step[0],)) and _are_names(step[2])
            )
            require(self, "steps", fits and bool(step[2]) and step[0] not in known, expected)
            require_layer(fact('LayerGraph, step "{name}"', name=step[0]), step[1])
            known.add(step[0])
        fits = isinstance(self.outputs, tuple) and _are_names(self.outputs)
        fits = fits and known.issuperset(name.partition(".")[0] for name in self.outputs)
        require(self, "outputs", fits, fact("names of steps"))

    def __call__(self, x: Value, scope: Scope) -> Value:
        values = dict(x) if isinstance(x, Mapping) else {"x": x}
        inputs = list(values)
        for name, part, sources in self.steps:
            values[name] = scope.run(part, self._read(values, sources, inputs), name.partition("#")[0])
        outputs = self.outputs or (self.steps[-1][0],)
        if len(outputs) == 1:
            return self._value(values, outputs[0], inputs)
        return {name.replace(".", "_"): self._value(values, name, inputs) for name in outputs}

    def _read(self, values: Mapping[str, Value], sources: tuple[str, ...], inputs: list[str]) -> Value:
        """Return what a step reads: one value, or several by name."""
        if len(sources) == 1 and "=" not in sources[0]:
            return self._value(values, sources[0], inputs)
        pairs = [source.rpartition("=")[::2] for source in sources]
        return {key or source: self._value(values, source, inputs) for key, source in pairs}

    def _value(self, values: Mapping[str, Value], name: str, inputs: list[str]) -> Node:
        """Return a result by its name, or by the name of a step and of one of its results."""
        value = values.get(name)
        step, _, part = name.partition(".")
        several = values.get(step)
        if value is None and part and isinstance(several, Mapping):
            value = several.get(part)
        expected = fact("inputs {names}, or earlier steps, read by one name", names=", ".join(inputs))
        require(self, "steps", value is not None, expected, "")
        return value  # pyright: ignore[reportReturnType]  # a layer inside checks what it reads

    def __str__(self) -> str:
        lines = [
            f"  {name}: {part} <- {', '.join(sources)}".replace("\n", "\n  ")
            for name, part, sources in self.steps
        ]
        outputs = [f"  outputs: {', '.join(self.outputs)}"] if self.outputs else []
        return "\n".join(["LayerGraph(", *lines, *outputs, ")"])


def _are_names(names: object) -> bool:
    return isinstance(names, tuple) and all(isinstance(name, str) and name for name in names)
