"""Try to refute certificates: ``python -m campaigns.certificates``; writes a part of docs/trust.md.

Small classifiers of several kinds are trained; their predictions are certified at several radii in both
norms. Every proven sample is attacked by projected gradient descent, by the square attack, and at points of
its ball: a grid that is exhaustive to one hundredth of the radius for two inputs, corners and random points
for more. Each engine predicts the points.

Networks as ONNX files with properties that hold by a narrow margin are verified, and every proven property
is tried by onnxruntime, if it is installed, and by the onnx library at a grid and at random inputs, in
float32. What is in the folder is not repeated. The campaign fails if a certificate was refuted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import chainrule as cr
from chainrule.bounds.requirement import Case
from chainrule.bounds.verification import verify
from chainrule.bounds.verified_network import Subject
from chainrule.engines import compile
from chainrule.graph import Graph
from chainrule.interop.onnx import read_onnx

try:
    import onnxruntime
except ImportError:
    onnxruntime = None

PAGE = Path(__file__).parents[1] / "docs" / "trust.md"
BEGIN, END = "<!-- certificates -->", "<!-- end of certificates -->"
KINDS: dict[str, Callable[[], cr.Layer]] = {
    "relu": lambda: cr.Sequential(cr.Dense(8, "relu"), cr.Dense(8, "relu"), cr.Dense(3)),
    "tanh": lambda: cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(3)),
    "gelu": lambda: cr.Sequential(cr.Dense(8, "gelu"), cr.Dense(3)),
    "leaky_relu": lambda: cr.Sequential(cr.Dense(8, "leaky_relu"), cr.Dense(3)),
    "images, max pooling": lambda: cr.Sequential(
        cr.Conv(4, 3, padding="same", activation="relu"), cr.MaxPool(2), cr.Flatten(), cr.Dense(3)
    ),
    "images, average pooling": lambda: cr.Sequential(
        cr.Conv(4, 3, padding="same", activation="relu"), cr.AveragePool(2), cr.Flatten(), cr.Dense(3)
    ),
}
ENGINES = ("reference", "native")
RADII = (0.05, 0.2, 0.5)
PROPERTIES = "properties"
GRID = 201  # points along an axis
ROWS = 12  # certified of each network
SECONDS = 1.0  # of branch and bound for each sample


def data(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples around one center for each of three classes."""
    rng = np.random.default_rng(seed)
    shape = (4, 4, 1) if kind.startswith("images") else (2,)
    y = rng.integers(0, 3, 90)
    x = rng.normal(size=(3, *shape))[y] + 0.4 * rng.normal(size=(90, *shape))
    return x.astype("float32"), y


def trained(kind: str, seed: int) -> tuple[cr.Model, np.ndarray]:
    """A trained classifier and its samples."""
    x, y = data(kind, seed)
    model = cr.Model(KINDS[kind](), "cross_entropy", cr.Adam(0.03), engine="reference")
    model.fit(x, y, epochs=15, seed=seed, verbose=False, doctor=False, probes=False)
    return model, x


def changes(radius: float, norm: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Changes within a ball: a grid for two inputs, else corners or directions and random ones."""
    size = int(np.prod(shape))
    if size == 2:
        axis = np.linspace(-radius, radius, GRID)
        points = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    else:
        points = np.concatenate(
            [np.sign(rng.normal(size=(2000, size))), 2.0 * rng.random((2000, size)) - 1.0]
        )
        points *= radius
    if norm == "2":
        length = np.linalg.norm(points, axis=1, keepdims=True)
        points = points * np.minimum(1.0, 0.9999999 * radius / np.maximum(length, 1e-30))
    return points.reshape(-1, *shape)


def refuted(model: cr.Model, x: np.ndarray, radius: float, norm: Any, seed: int) -> Counter[str]:
    """Certify samples and try to refute each proof; counts by what was done."""
    certificate = model.certify(x, radius=radius, norm=norm, seconds=SECONDS, seed=seed)
    is_proven = np.array([status == "proven" for status in certificate.status])
    counts = Counter({status: certificate.status.count(status) for status in ("proven", "broken", "unknown")})
    for method in ("pgd", "square"):
        result = model.attack(x, certificate.predictions, radius=radius, norm=norm, method=method, seed=seed)
        counts[method] += int((is_proven & result.success).sum())
    rng = np.random.default_rng(seed)
    network = model.network
    assert network is not None
    graph = Graph({"y": network.inference.output})
    for engine in ENGINES:
        program = compile(graph, engine)
        for i in np.flatnonzero(is_proven):
            points = (x[i] + changes(radius, norm, x.shape[1:], rng)).astype("float32")
            distance = np.abs(points.astype(np.float64) - x[i]).reshape(len(points), -1)
            size = distance.max(1) if norm == "inf" else np.linalg.norm(distance, axis=1)
            inside = points[size <= radius]
            classes = program.run({**model.parameters(), "x": inside})["y"].argmax(1)
            counts["points"] += len(inside)
            counts["grid"] += int((classes != certificate.predictions[i]).any())
    return counts


def of_kind(kind: str, networks: int) -> Counter[str]:
    """The counts of several networks of a kind."""
    total: Counter[str] = Counter()
    for seed in range(networks):
        model, x = trained(kind, seed)
        for radius in RADII:
            for norm in ("inf", "2"):
                total += refuted(model, x[:ROWS], radius, norm, seed)
    return total


def onnx_file(seed: int, folder: Path) -> Path:
    """A network of two inputs, two layers with relu and two outputs, with weights of different sizes."""
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.integers(-2, 3)
    arrays = {
        "w0": scale * rng.normal(size=(2, 16)),
        "b0": rng.normal(size=16),
        "w1": rng.normal(size=(16, 16)) / 4,
        "b1": rng.normal(size=16),
        "w2": rng.normal(size=(16, 2)),
        "b2": rng.normal(size=2),
    }
    steps, name = [], "x"
    for i in range(3):
        steps.append(helper.make_node("Gemm", [name, f"w{i}", f"b{i}"], [f"h{i}"]))
        name = f"h{i}"
        if i < 2:
            steps.append(helper.make_node("Relu", [name], [f"r{i}"]))
            name = f"r{i}"
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 2]) for n in ("x", "h2"))
    tensors = [numpy_helper.from_array(a.astype("float32"), n) for n, a in arrays.items()]
    graph = helper.make_graph(steps, "net", [x], [y], tensors)
    path = folder / f"{seed}.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def evaluators(path: Path) -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """Other programs that run a network."""
    reference: Any = ReferenceEvaluator(onnx.load(str(path)))
    yield lambda x: reference.run(None, {"x": x})[0]
    if onnxruntime is not None:
        session: Any = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        yield lambda x: session.run(None, {"x": x})[0]


def narrow(seed: int, folder: Path, seconds: float = 2.0) -> Counter[str]:
    """Verify a property that holds by a narrow margin on a grid, and try to refute a proof."""
    rng = np.random.default_rng(seed)
    path = onnx_file(seed, folder)
    network = read_onnx(path)
    subject = Subject(network.output, network.arrays)
    axis = np.linspace(-1, 1, 401)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    points = np.concatenate([grid, 2.0 * rng.random((100_000, 2)) - 1.0]).astype("float32")
    row = np.array([[1.0, -1.0]])
    excess = subject.run(points).astype(np.float64) @ row[0]
    margin = float(10.0 ** rng.uniform(-7, -2)) * float(np.ptp(excess))
    limit = Fraction(float(excess.min()) - margin)
    one = Fraction(1)
    verdict = verify(subject, [Case((-one, -one), (one, one), row, (limit,))], seconds=seconds)
    counts = Counter({verdict.status: 1})
    if verdict.status == "holds":
        for run in evaluators(path):
            counts["points"] += len(points)
            counts["refuted"] += int((run(points).astype(np.float64) @ row[0] <= float(limit)).any())
    return counts


def section(totals: dict[str, Counter[str]], properties: Counter[str], networks: int) -> str:
    """The tables of the page."""
    radii = ", ".join(f"{radius:g}" for radius in RADII)
    count = sum(properties[status] for status in ("holds", "violated", "unknown"))
    lines = [
        f"By `python -m campaigns.certificates --networks {networks} --properties {count}`:",
        f"{networks} networks of each kind, {ROWS} samples of each, at radii of {radii} in both norms.",
        "*Refuted* counts proven samples for which an attack or a point found another class.",
        "",
        "| network | proven | broken | unknown | refuted by PGD | by square attack | by points | points |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, c in totals.items():
        numbers = (c["proven"], c["broken"], c["unknown"], c["pgd"], c["square"], c["grid"])
        lines.append(f"| {kind} | {' | '.join(f'{n:,}' for n in numbers)} | {c['points']:,} |")
    others = "the reference evaluator of the onnx library"
    if onnxruntime is not None:
        others += f" and onnxruntime {onnxruntime.__version__}"
    lines += [
        "",
        "Properties of ONNX files whose margin is 1e-7 to 1e-2 of the range of the output: "
        f"{properties['holds']} hold, {properties['violated']} violated,",
        f"{properties['unknown']} unknown. Refuted by {others}, at {properties['points']:,} inputs: "
        f"{properties['refuted']}.",
    ]
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> int:
    """Run the campaign and write the section; return 1 if a certificate was refuted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--networks", type=int, default=5, help="of each kind")
    parser.add_argument("--properties", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path("runs/certificates"))
    parser.add_argument("--only", choices=[*KINDS, PROPERTIES])
    options: Any = parser.parse_args(words)
    options.out.mkdir(parents=True, exist_ok=True)
    totals: dict[str, Counter[str]] = {}
    for name in (*KINDS, PROPERTIES):
        file = options.out / f"{name.replace(', ', '-').replace(' ', '-')}.json"
        if not file.exists() and options.only in (None, name):
            counts = (
                of_properties(options.properties) if name == PROPERTIES else of_kind(name, options.networks)
            )
            file.write_text(json.dumps(counts), encoding="utf-8")
        if file.exists():
            totals[name] = Counter(json.loads(file.read_text(encoding="utf-8")))
            print(name, dict(totals[name]), flush=True)
    if len(totals) == len(KINDS) + 1:
        write(totals, options.networks)
    return int(any(c[key] for c in totals.values() for key in ("pgd", "square", "grid", "refuted")))


def of_properties(count: int) -> Counter[str]:
    """The counts of several properties of ONNX files."""
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(count):
            total += narrow(seed, Path(folder))
    return total


def write(totals: dict[str, Counter[str]], networks: int) -> None:
    """Replace the section of the page."""
    networks_of_kind = {kind: totals[kind] for kind in KINDS}
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    text = section(networks_of_kind, totals[PROPERTIES], networks)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
