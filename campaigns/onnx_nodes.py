"""The test cases of the ``onnx`` library, run by imported networks.

    python -m campaigns.onnx_nodes                        all cases; writes docs/onnx-operators.md
    python -m campaigns.onnx_nodes --operators Conv Gemm  cases of these operators; writes nothing

Each case is a network with inputs and expected outputs: one operator (node cases), a network that a
framework exported (converted and simple cases), or a network for images in its full size (real cases),
whose file states weights that are all equal by ``ConstantOfShape``: they are written out before it is
loaded. A case passes if all outputs have the expected dtype, shape and values, within the tolerance that
the case states. The plain cases are the node cases that are not expanded to other operators, of float32,
int32, int64 and bool, in the default domain.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.interop.onnx.network import OnnxNetwork, network_of
from chainrule.interop.onnx.values import carrier

PAGE = Path(__file__).parents[1] / "docs" / "onnx-operators.md"
BEGIN, END = "<!-- cases -->", "<!-- end of cases -->"
FAMILIES = ("node", "simple", "pytorch-converted", "pytorch-operator", "real")
CONVERTED = FAMILIES[1:4]
PLAIN = (1, 6, 7, 9)  # float32, int32, int64, bool
RUNTIME = {"node": 1588, "plain": 946}  # passes of ONNX Runtime 1.32


@dataclass(frozen=True)
class Outcome:
    """What a case did.

    Args:
        name: of the case.
        family: one of ``FAMILIES``.
        operator: that the case tests.
        is_plain: whether it is plain.
        reason: why it failed; empty if it passed.
        is_compiled: whether an engine computed it from some of the inputs. Otherwise all inputs determine
            shapes, or have dtypes that our graphs do not have, and it was computed during the import.
    """

    name: str
    family: str
    operator: str
    is_plain: bool
    reason: str
    is_compiled: bool = True


def cases(family: str) -> list[Any]:
    """The cases of a family."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test import loader  # noqa: PLC0415 (computes the cases)

        return loader.load_model_tests(kind=family)


def with_weights(model: Any) -> Any:
    """A network with weights in place of the operators that create them."""
    import onnx  # noqa: PLC0415

    shapes = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    created = [n for n in model.graph.node if n.op_type == "ConstantOfShape" and n.input[0] in shapes]
    for node in created:
        number = onnx.numpy_helper.to_array(node.attribute[0].t).reshape(-1)[0]
        array = np.full(shapes[node.input[0]], number)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, node.output[0]))
        model.graph.node.remove(node)
    return model


def model_of(case: Any) -> tuple[Any, bytes, str]:
    """The model of a case, its content, and its path."""
    import onnx  # noqa: PLC0415

    if case.model is not None:
        return case.model, case.model.SerializeToString(), ""
    if case.model_dir is None:
        model = with_weights(onnx.load(str(light_file(case, ".onnx"))))
        return model, model.SerializeToString(), ""
    path = Path(case.model_dir, "model.onnx")
    return onnx.load(str(path), load_external_data=False), path.read_bytes(), str(path)


def light_file(case: Any, end: str) -> Path:
    """A file of a real case, which is part of the library."""
    import onnx  # noqa: PLC0415

    path = Path(onnx.__file__).parent.joinpath(*Path(case.url).parts[1:])
    return path.with_name(path.stem + end)


def operator_of(name: str, model: Any) -> str:
    """The operator that a case tests."""
    kinds = list(dict.fromkeys(node.op_type for node in model.graph.node))
    if "_expanded" in name:
        return f"{_title(name)} (expanded)"
    return kinds[0] if len(kinds) == 1 else (kinds[-1] if kinds else "")


def _title(name: str) -> str:
    return name.removeprefix("test_").split("_expanded")[0].split("_")[0]


def is_plain(name: str, model: Any) -> bool:
    """Whether a case is plain."""
    values = [*model.graph.input, *model.graph.output]
    dtypes = {value.type.tensor_type.elem_type for value in values}
    domains = {node.domain for node in model.graph.node}
    return "_expanded" not in name and dtypes <= set(PLAIN) and domains <= {"", "ai.onnx"}


def data_sets(case: Any, model: Any) -> Iterator[tuple[list[Any], list[Any]]]:
    """The inputs and the expected outputs of a case."""
    import onnx  # noqa: PLC0415

    def plain(value: Any) -> Any:
        return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value

    if case.data_sets is None and case.model_dir is None:
        weights = {tensor.name for tensor in model.graph.initializer}
        (pixels,) = (value for value in model.graph.input if value.name not in weights)
        shape = [d.dim_value for d in pixels.type.tensor_type.shape.dim]
        image = np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)
        tensor = onnx.TensorProto()
        tensor.ParseFromString(light_file(case, "_output_0.pb").read_bytes())
        yield [image.astype("float32")], [onnx.numpy_helper.to_array(tensor)]
        return
    for inputs, expected in case.data_sets or ():
        yield list(map(plain, inputs)), list(map(plain, expected))
    if case.data_sets is not None:
        return

    for folder in sorted(Path(case.model_dir).glob("test_data_set*")):
        arrays: list[list[Any]] = [[], []]
        for kind, results in (("input", arrays[0]), ("output", arrays[1])):
            for i in range(len(list(folder.glob(f"{kind}_*.pb")))):
                tensor = onnx.TensorProto()
                tensor.ParseFromString((folder / f"{kind}_{i}.pb").read_bytes())
                results.append(onnx.numpy_helper.to_array(tensor))
        yield arrays[0], arrays[1]


def is_compiled(network: OnnxNetwork) -> bool:
    """Whether some input of a network that has run is one of its compiled graph."""
    tensors = (one for one in network.declared if one.is_tensor and carrier(one.dtype))
    return any(one.name not in network.static for one in tensors)  # pyright: ignore[reportAttributeAccessIssue]


def run(case: Any, model: Any, content: bytes, path: str, engine: str | None) -> tuple[str, bool]:
    """Run a case; return why it failed, or an empty text, and whether it was compiled."""
    network = None
    try:
        network = network_of(content, path or case.name)
        names = [one.name for one in network.declared]
        for inputs, expected in data_sets(case, model):
            every = [value.name for value in model.graph.input]
            every = names if len(inputs) == len(names) else every
            feeds = {name: value for name, value in zip(every, inputs, strict=False) if name in names}
            feeds |= {name: None for name in names if name not in feeds}
            outputs = network.run(feeds, engine)
            reason = difference(list(outputs.values()), expected, case.rtol, case.atol)
            if reason:
                return reason, is_compiled(network)
    except ChainruleError as error:
        return f"{error.code}: {error.where} {getattr(error, 'name', '')}: {error.received}"[:200], False
    except Exception as error:  # a failure is reported, whatever it is
        return f"{type(error).__name__}: {error}"[:200], False
    return "", is_compiled(network)


def difference(outputs: Sequence[Any], expected: Sequence[Any], rtol: float, atol: float) -> str:
    """Why outputs are not the expected ones; empty if they are."""
    if len(outputs) != len(expected):
        return f"{len(outputs)} outputs, not {len(expected)}"
    for output, target in zip(outputs, expected, strict=True):
        if isinstance(target, list | tuple):
            reason = difference(output, target, rtol, atol) if isinstance(output, list) else "no sequence"
        elif target is None:
            reason = "" if output is None else "a value where none is expected"
        else:
            reason = _difference(np.asarray(output), np.asarray(target), rtol, atol)
        if reason:
            return reason
    return ""


def _difference(output: np.ndarray, target: np.ndarray, rtol: float, atol: float) -> str:
    if output.shape != target.shape:
        return f"shape {output.shape}, not {target.shape}"
    if target.dtype.kind in "OUS":
        same = [str(a) for a in output.ravel()] == [str(b) for b in target.ravel()]
        return "" if same else "other texts"
    if output.dtype != target.dtype:
        return f"dtype {output.dtype}, not {target.dtype}"
    wide = np.complex128 if target.dtype.kind == "c" else np.float64
    a, b = output.astype(wide), target.astype(wide)
    if np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True):
        return ""
    return f"values differ by up to {np.nanmax(np.abs(a - b), initial=0):.3g}"


def outcomes(words: argparse.Namespace) -> Iterator[Outcome]:
    """The outcomes of the chosen cases."""
    for family in FAMILIES:
        for case in cases(family):
            model, content, path = model_of(case)
            operator = operator_of(case.name, model) if family == "node" else family
            if words.operators and operator not in words.operators:
                continue
            if words.cases and not any(text in case.name for text in words.cases):
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reason, compiled = run(case, model, content, path, words.engine)
            plain = family == "node" and is_plain(case.name, model)
            yield Outcome(case.name, family, operator, plain, reason, compiled)


def counts(results: Sequence[Outcome]) -> str:
    """The numbers of passes as a table."""
    groups = {
        "node cases": [o for o in results if o.family == "node"],
        "of these: plain": [o for o in results if o.is_plain],
        "of these: expanded": [o for o in results if o.family == "node" and "_expanded" in o.name],
        "converted and simple cases": [o for o in results if o.family in CONVERTED],
        "real networks": [o for o in results if o.family == "real"],
    }
    rows = ["| cases | number | pass | of these: compiled | ONNX Runtime 1.32 |", "|---|---:|---:|---:|---:|"]
    for name, group in groups.items():
        runtime = {"node cases": RUNTIME["node"], "of these: plain": RUNTIME["plain"]}.get(name)
        cell = f"{runtime:,}" if runtime else ""
        passed = [o for o in group if not o.reason]
        compiled = sum(o.is_compiled for o in passed)
        rows.append(f"| {name} | {len(group):,} | {len(passed):,} | {compiled:,} | {cell} |")
    return "\n".join(rows)


def by_operator(results: Sequence[Outcome]) -> str:
    """The passes by operator, and the reasons of the failures."""
    groups = collections.defaultdict[str, list[Outcome]](list)
    for outcome in results:
        groups[outcome.operator].append(outcome)
    rows = ["| operator | cases | pass |", "|---|---:|---:|"]
    for name, group in sorted(groups.items(), key=lambda item: item[0].lower()):
        rows.append(f"| {name} | {len(group)} | {sum(not o.reason for o in group)} |")
    failed = [o for o in results if o.reason]
    lines = [f"| `{o.name}` | {o.reason.replace('|', ' ')} |" for o in sorted(failed, key=lambda o: o.name)]
    return "\n".join([*rows, "", "Cases that fail:", "", "| case | reason |", "|---|---|", *lines])


def main(words: Sequence[str] | None = None) -> int:
    """Run the cases; write the page after a run of all of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--operators", nargs="*", default=[], help="only cases of these operators")
    parser.add_argument("--cases", nargs="*", default=[], help="only cases whose name contains one of these")
    parser.add_argument("--engine", default="native", choices=("native", "reference"))
    chosen = parser.parse_args(words)
    start, results = time.perf_counter(), list[Outcome]()
    for outcome in outcomes(chosen):
        results.append(outcome)
        if outcome.reason:
            print(f"{outcome.operator:24} {outcome.name}: {outcome.reason}", flush=True)
    print(counts(results))
    print(f"{time.perf_counter() - start:.0f} s")
    if not chosen.operators and not chosen.cases and PAGE.exists():
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        text = f"{counts(results)}\n\n{by_operator(results)}\n"
        command = f"By `python -m campaigns.onnx_nodes --engine {chosen.engine}`"
        PAGE.write_text(
            f"{before}{BEGIN}\n{command}, engine {chosen.engine}:\n\n{text}{END}{rest.partition(END)[2]}",
            encoding="utf-8",
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
