"""Screen of an ONNX file: inputs, outputs, operators, metadata, and the check of its example rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chainrule.apps.cli.texts import text_of
from chainrule.escaping import quoted
from chainrule.interop import TOLERANCE, OnnxNetwork, differences, examples_of, load_onnx
from chainrule.page import screen

SUFFIX = ".onnx"
_SHOWN = 200  # characters of an entry of the metadata
_OWN = "chainrule.examples"


def show_onnx(path: str) -> None:
    """Print the network of an ONNX file; errors as ``load_onnx``."""
    network = load_onnx(path)
    proto = network.file.proto
    screen.line(path, "bold")
    producer = f"{proto.producer_name} {proto.producer_version}".strip() or "?"
    screen.line(
        text_of("onnx_versions").format(version=network.file.versions.get("", "?"), producer=producer)
    )
    header = [text_of("onnx_name"), text_of("onnx_values")]
    screen.heading(text_of("onnx_inputs"))
    screen.table(header, list(network.inputs.items()))
    screen.heading(text_of("onnx_outputs"))
    screen.table(header, list(network.output_specs.items()))
    screen.heading(text_of("onnx_operators"))
    operators = sorted(network.operators.items(), key=lambda item: -item[1])
    screen.table([text_of("onnx_operator"), text_of("onnx_nodes")], operators, numbers=[1])
    weights = network.stored_weights.values()
    numbers = sum(array.size for array in weights)
    screen.line(text_of("onnx_weights").format(arrays=f"{len(weights):,}", numbers=f"{numbers:,}"))
    if entries := list(_metadata(proto)):
        screen.heading(text_of("onnx_stated"))
        screen.table([text_of("fact"), text_of("value")], entries)
    screen.line()
    _examples(network)
    screen.line(text_of("onnx_next").format(file=quoted(path)))


def _metadata(proto: Any) -> Iterator[tuple[str, str]]:
    for entry in proto.metadata_props:
        if entry.key != _OWN:
            text = entry.value[:_SHOWN]
            yield entry.key, text if text == entry.value else f"{text}..."


def _examples(network: OnnxNetwork) -> None:
    """Print whether the network computes the outputs of the example rows, if the file has some."""
    examples = examples_of(network)
    if examples is None:
        return
    difference = max(differences(examples.outputs, network.run(examples.inputs)).values(), default=0.0)
    key, style = ("onnx_equal", "green") if difference <= TOLERANCE else ("onnx_other", "yellow")
    words = {"rows": examples.count, "difference": difference, "tolerance": TOLERANCE}
    screen.line(text_of(key).format(**words), style)
