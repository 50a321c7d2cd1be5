"""Every layer and every network of ``cr.models`` as a PyTorch program, run and compared.

    python -m campaigns.torch_exports                   all, for the table of docs/exporting.md
    python -m campaigns.torch_exports --only models

Each network has random parameters. Its program runs in a new process, loads its weights strictly, and its
outputs are compared with those of the reference engine: the difference is a share of the largest output, or
of 1. PyTorch must be installed.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from chainrule import nn
from chainrule.interop.export.formats import TOLERANCE
from chainrule.interop.export.torch_file import program, raw_outputs
from chainrule.interop.torch.state_dict import torch_state
from chainrule.models import MODELS
from chainrule.symbolic_shape import Size, Spec

PAGE = Path(__file__).parents[1] / "docs" / "exporting.md"
BEGIN, END = "<!-- PyTorch -->", "<!-- end of PyTorch -->"
ROWS = 2
SMALL: dict[str, Mapping[str, Any]] = {  # fewer words or positions than in the paper
    "gpt2": {"vocabulary_size": 500, "length": 32},
    "bert": {"vocabulary_size": 500, "length": 32},
}
Trial = tuple[nn.Built, dict[str, np.ndarray], dict[str, np.ndarray]]


def of_layers() -> Iterator[tuple[str, Callable[[], Trial]]]:
    """The cases of all layers, as in the tests."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    cases: Any = importlib.import_module("layer_cases")

    def trial(case: Any) -> Trial:
        built, arrays = cases.ready(case, dtype="float32")
        inputs = {key: arrays[key] for key in built.inputs}
        return built, inputs, {key: value for key, value in arrays.items() if key not in inputs}

    for name, case in cases.CASES.items():
        yield name, lambda case=case: trial(case)


def of_models() -> Iterator[tuple[str, Callable[[], Trial]]]:
    """All named networks with the sizes of their papers, but short texts."""
    for name, card in MODELS.items():
        yield name, lambda card=card: model_trial(card)


def model_trial(card: Any) -> Trial:
    """A named network with initial parameters and inputs of its shapes."""
    settings = SMALL.get(card.name, {})
    specs = {
        name: Spec(
            (
                Size.symbol("B"),
                *(
                    min(n, 20) if spec.dtype != "float32" and i == 1 else n
                    for i, n in enumerate(spec.shape[1:], 1)
                ),
            ),
            spec.dtype,
        )
        for name, spec in card.inputs.items()
    }
    built = nn.build(card.net(**settings), specs, "float32")
    rng = np.random.default_rng(0)
    limits: dict[str, int] = {}
    for (_, source), size in built.book.tables.items():
        limits[source] = min(size, limits.get(source, size))
    inputs = {}
    for name, spec in specs.items():
        shape = (ROWS, *map(int, map(str, spec.shape[1:])))
        inputs[name] = (
            rng.normal(size=shape).astype("float32")
            if spec.is_float
            else rng.random(shape) < 0.8
            if spec.dtype == "bool"
            else rng.integers(0, limits.get(name, 2), shape)
        )
    arrays = {
        path: (rng.normal(size=p.spec.at({}).shape) * scale_of(p.spec.at({}).shape)).astype("float32")
        for path, p in built.parameters.items()
    }
    arrays |= {
        path: rng.uniform(0.5, 1.5, p.spec.at({}).shape).astype("float32") for path, p in built.states.items()
    }
    return built, inputs, arrays


def scale_of(shape: tuple[int, ...]) -> float:
    """A scale of weights that keeps the size of values."""
    return 1.0 / max(1.0, float(np.prod(shape[1:]))) ** 0.5 if len(shape) > 1 else 0.5


DRIVER = """
import importlib.util, pathlib, sys
import numpy as np
for file in sorted(pathlib.Path(sys.argv[1]).glob("*_torch.py")):
    spec = importlib.util.spec_from_file_location("network", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    np.savez(file.with_suffix(".npz"), **{name: value.numpy() for name, value in module.outputs().items()})
"""


def write_program(trial: Trial, file: Path) -> tuple[dict[str, np.ndarray], bool]:
    """Write the program of a network; return its outputs, and whether it has a module of PyTorch."""
    built, inputs, arrays = trial
    with np.errstate(all="ignore"):
        expected = raw_outputs(built, arrays, inputs)
    text = program(built, arrays, inputs, expected, file.name)
    file.write_text(text)
    file.with_suffix(".safetensors").write_bytes(save(torch_state(built, arrays)))
    return expected, " = nn." in text.replace("nn.Module()", "").replace("nn.Parameter", "")


def difference(expected: dict[str, np.ndarray], file: Path) -> float:
    """The largest difference of an output, as a share of the largest or of 1."""
    largest = 0.0
    with np.load(file.with_suffix(".npz"), allow_pickle=False) as received:
        for name, values in expected.items():
            scale = max(1.0, float(abs(values[np.isfinite(values)].astype("float64")).max(initial=0.0)))
            if received[name].shape != values.shape:
                return float("inf")
            away = abs(received[name].astype("float64") - values).max(initial=0.0)
            largest = max(largest, float(away) / scale)
    return largest


SECTIONS = {"layers": of_layers, "models": of_models}


def results(trials: Mapping[str, Callable[[], Trial]]) -> Iterator[tuple[float, bool]]:
    """Run programs in a new process: the difference of each, and whether it has modules."""
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / f"n{i:03}_torch.py" for i, name in enumerate(trials)}
        outputs = {name: write_program(trial(), files[name]) for name, trial in trials.items()}
        subprocess.run([sys.executable, "-I", "-c", DRIVER, folder], check=True)
        for name, (expected, has_modules) in outputs.items():
            away = difference(expected, files[name])
            print(f"{away:9.1e}  {name}", flush=True)
            yield away, has_modules


def row(section: str, names: list[str]) -> str:
    """The line of the table of a section; each network of a paper has a process of its own."""
    begin = time.process_time()
    trials = {name: trial for name, trial in SECTIONS[section]() if not names or name in names}
    groups = [trials] if section == "layers" else [{name: trial} for name, trial in trials.items()]
    rows = [one for group in groups for one in results(group)]
    passed = [away for away, _ in rows if away <= TOLERANCE]
    modules = sum(has for _, has in rows)
    print(f"{section}: {len(passed)} of {len(rows)}, {time.process_time() - begin:.0f} s")
    return f"| {section} | {len(rows)} | {len(passed)} | {modules} | {max(away for away, _ in rows):.0e} |"


def write(rows: Iterable[str]) -> None:
    """Put rows into the table of the page, each in the place of the row of its section."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    table, _, after = rest.partition(END)
    known = {line.split()[1]: line for line in table.splitlines() if line.startswith("| ")}
    known |= {line.split()[1]: line for line in rows}
    head = [
        "| networks | cases | within 1e-5 | with modules | largest difference |",
        "|---|---:|---:|---:|---:|",
    ]
    lines = [BEGIN, *head, *(known[section] for section in SECTIONS if section in known), END]
    PAGE.write_text(before + "\n".join(lines) + after, encoding="utf-8")


def main() -> None:
    """Compare all programs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=list(SECTIONS))
    parser.add_argument("--case", action="append", default=[], metavar="NAME")
    options = parser.parse_args()
    rows = [row(section, options.case) for section in ([options.only] if options.only else SECTIONS)]
    if not options.case:
        write(rows)


if __name__ == "__main__":
    main()
