"""The command ``python -m benchmarks.exports``: exported networks in time and code size.

Three networks (2-3-1, 784-256-128-10, LeNet-5) predict one row, and 256 rows, with one thread:

    native        the engine of this package, called from Python
    ONNX Runtime  the exported ONNX file, called from Python
    C             the exported C file under ``gcc -O3 -march=native``, called from C, one row at a time
    C, int8       the same with weights in 8 bits
    emlearn       the C code of emlearn for a network with the same weights, compiled the same way

The variants are measured in turn for some rounds, in processor time, which other programs change little; the
table has the median of the rounds. The code size for a
Cortex-M4 is that of ``arm-none-eabi-gcc -Os``: instructions and constants (text), and static memory (bss).
emlearn is measured if ``--emlearn`` names a Python that has it and scikit-learn; it has no convolutions.
onnx2c is not measured: it is distributed as source code alone.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import parsed, parser_of
from benchmarks.measure import environment_of

ROUNDS, SECONDS, BATCH = 7, 0.2, 256
SIZES = ("arm-none-eabi-gcc", "arm-none-eabi-size")
CPU = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-Os", "-std=c99")
MAIN = """#include <stdio.h>
#include <stdlib.h>
#include <time.h>
{head}
int main(int argc, char **argv) {{
    const long count = argc > 1 ? atol(argv[1]) : 1;
    struct timespec start, end;
    for (int i = 0; i < {size}; i++) row[i] = (float)(i % 13) / 13 - 0.5f;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    for (long i = 0; i < count; i++) {{ row[i % {size}] += 1e-6f; {call} }}
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    printf("%.9g\\n", ((double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec))
           / (double)count);
    return 0;
}}
"""
OURS = '#include "{name}.h"\nstatic {name}_input in; static {name}_output out;\n#define row in.{field}'
EMLEARN = """
import sys, warnings
import numpy as np, emlearn
from sklearn.neural_network import MLPRegressor
warnings.simplefilter("ignore")
arrays = np.load(sys.argv[1])
weights = [arrays[f"w{i}"] for i in range(len(arrays.files) // 2)]
x = np.random.default_rng(0).normal(size=(20, len(weights[0])))
y = np.squeeze(np.zeros((20, weights[-1].shape[1])) + np.arange(20)[:, None])
hidden = [w.shape[1] for w in weights[:-1]]
mlp = MLPRegressor(hidden_layer_sizes=hidden, activation="relu", max_iter=1).fit(x, y)
mlp.coefs_, mlp.intercepts_ = weights, [arrays[f"b{i}"] for i in range(len(weights))]
emlearn.convert(mlp, dtype="float", method="inline").save(name="mlp", file=sys.argv[2])
print(emlearn.includedir)
"""
EMLEARN_HEAD = '#include "mlp.h"\nstatic float row[{size}], out[{outputs}];'


def networks() -> Iterator[tuple[str, Any, tuple[int, ...]]]:
    """The name, the model and the shape of a row of each network."""
    import chainrule as cr  # noqa: PLC0415

    relu = [cr.Dense(256, "relu"), cr.Dense(128, "relu")]
    for name, net, shape in (
        ("net2_3_1", cr.Sequential(cr.Dense(3, "relu"), cr.Dense(1)), (2,)),
        ("net784_256_128_10", cr.Sequential(*relu, cr.Dense(10)), (784,)),
        ("lenet5", cr.models.lenet5(), (28, 28, 1)),
    ):
        model = cr.Model(net, "mse")
        yield name, model.initialize(np.zeros((2, *shape), "float32")), shape


def repeated(call: Callable[[], Any]) -> Callable[[], float]:
    """Return what measures a call in Python: seconds of one, over at least ``SECONDS``."""
    call()

    def measure() -> float:
        count, start = 0, time.process_time()
        while (spent := time.process_time() - start) < SECONDS:
            for _ in range(10):
                call()
            count += 10
        return spent / count

    return measure


def compiled(folder: Path, name: str, head: str, call: str, size: int, options: Sequence[str] = ()) -> Any:
    """Compile a program that calls a network; return what measures one call in it."""
    source, program = folder / f"main_{name}.c", folder / f"main_{name}"
    source.write_text(MAIN.format(head=head, size=size, call=call))
    own = [str(path) for path in [folder / f"{name}.c"] if path.exists()]
    flags = ["-std=gnu99", "-O3", "-march=native", f"-I{folder}", *options]
    subprocess.run(["gcc", *flags, "-o", str(program), str(source), *own, "-lm"], check=True)
    count = 1

    def measure() -> float:
        nonlocal count
        while True:
            done = subprocess.run([str(program), str(count)], capture_output=True, check=True)
            seconds = float(done.stdout)
            if seconds * count >= SECONDS / 2:
                return seconds
            count = max(2 * count, int(SECONDS / max(seconds, 1e-9)))

    return measure


def variants(
    folder: Path, name: str, model: Any, shape: Sequence[int], emlearn: str | None
) -> dict[str, Any]:
    """What measures each variant of a network: seconds of one row, and of ``BATCH`` rows where there are."""
    import onnxruntime  # noqa: PLC0415

    size = int(np.prod(shape))
    model.export(folder / f"{name}.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"]
    )
    (key,) = (value.name for value in session.get_inputs())
    measures: dict[str, Any] = {}
    for rows in (1, BATCH):
        x = np.random.default_rng(0).normal(size=(rows, *shape)).astype("float32")
        measures["native", rows] = repeated(lambda x=x: model(x))
        measures["ONNX Runtime", rows] = repeated(lambda x=x: session.run(None, {key: x}))
    for title, suffix, is_int8 in (("C", "", False), ("C, int8", "_int8", True)):
        own = f"{name}{suffix}"
        model.export(folder / f"{own}.c", int8=is_int8)
        call = f"{own}_predict(&in, &out);"
        head = OURS.format(name=own, field=key)
        measures[title, 1] = compiled(folder, own, head, call, size)
    if emlearn and len(shape) == 1:
        measures["emlearn", 1] = with_emlearn(folder, model, size, emlearn)
    return measures


def with_emlearn(folder: Path, model: Any, size: int, program: str) -> Callable[[], float]:
    """Write a network of dense layers by emlearn; return what measures one call of it."""
    arrays = list(model.parameters().values())
    weights = {f"w{i}": array.T for i, array in enumerate(arrays[::2])}  # (O, I) -> (I, O)
    biases = {f"b{i}": array for i, array in enumerate(arrays[1::2])}
    outputs = len(arrays[-1])
    np.savez(folder / "weights.npz", **weights, **biases)
    command = [program, "-c", EMLEARN, str(folder / "weights.npz"), str(folder / "mlp.h")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    call = f"mlp_regress(row, {size}, out, {outputs});"
    head = EMLEARN_HEAD.format(size=size, outputs=outputs)
    return compiled(folder, "emlearn", head, call, size, [f"-I{done.stdout.strip()}", "-w"])


def code_size(folder: Path, name: str) -> tuple[int, int] | None:
    """The bytes of text and bss for a Cortex-M4; ``None`` without its compiler."""
    if not all(map(shutil.which, SIZES)):
        return None
    target = folder / f"{name}.o"
    subprocess.run([SIZES[0], *CPU, "-c", "-o", str(target), str(folder / f"{name}.c")], check=True)
    done = subprocess.run([SIZES[1], str(target)], capture_output=True, text=True, check=True)
    text, _, bss = map(int, done.stdout.splitlines()[1].split()[:3])
    return text, bss


def worker(rounds: int, emlearn: str | None) -> list[dict[str, Any]]:
    """Measure all networks; return the readings and code sizes."""
    results = []
    for name, model, shape in networks():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            seconds = medians(variants(folder, name, model, shape, emlearn), rounds)
            sizes = {"C": code_size(folder, name), "C, int8": code_size(folder, f"{name}_int8")}
        results.append({"name": name, "seconds": seconds, "sizes": sizes})
    return results


def medians(measures: dict[Any, Callable[[], float]], rounds: int) -> list[tuple[str, int, float]]:
    """Measure the variants in turn; return the median of each, with its name and number of rows."""
    readings: dict[Any, list[float]] = {key: [] for key in measures}
    for _ in range(rounds):
        for key, measure in measures.items():
            readings[key].append(measure())
    return [(*key, statistics.median(values)) for key, values in readings.items()]


def table(results: Sequence[dict[str, Any]]) -> str:
    """The medians and code sizes as a table."""
    rows = [
        f"| network | variant | 1 row, µs | {BATCH} rows, µs each | Cortex-M4: code and constants | memory |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for result in results:
        seconds = {(title, count): value for title, count, value in result["seconds"]}
        for title in dict.fromkeys(title for title, _ in seconds):
            batch = seconds.get((title, BATCH))
            cells = [microseconds(seconds[title, 1]), microseconds(batch / BATCH) if batch else ""]
            size = result["sizes"].get(title)
            cells += [f"{size[0]:,}", f"{size[1]:,}"] if size else ["", ""]
            rows.append(f"| `{result['name']}` | `{title}` | {' | '.join(cells)} |")
    return "\n".join(rows)


def microseconds(seconds: float) -> str:
    """A time in microseconds."""
    return f"{seconds * 1e6:,.3g}"


def main(words: Sequence[str] | None = None) -> int:
    """Measure in a process of its own with one thread, and print the table."""
    parser = parser_of("exports", "exported networks in time and code size")
    parser.add_argument("--emlearn", metavar="PYTHON", help="a Python that has emlearn and scikit-learn")
    options = parsed(parser, words)
    rounds = options.rounds or (1 if options.quick else ROUNDS)
    code = "import json; from benchmarks.exports import worker; "
    code += f"print('RESULT', json.dumps(worker({rounds}, {options.emlearn!r})))"
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment_of(1), check=False
    )
    if done.returncode:
        return done.returncode
    results = json.loads(done.stdout.rpartition("RESULT")[2])
    print(table(results))
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
