"""Every command that computes a network prints on the XLA engine what it prints on the native one.

Each command runs in a new process for each engine, ``--engine native`` and ``--engine xla``, in a folder in
which the native engine has trained a classifier, a regression and a model that generates texts. The words of
both outputs must be the same; numbers may differ by 0.002, relative to the larger of the two and 1, because
they are rounded as they are printed. Times, file sizes and prediction sets are masked: random numbers of the
latter are functions of all bits of the probabilities, and the width of intervals is that at which a row is
just contained. The two servers receive a request.

    python -m campaigns.xla_commands                    about five minutes of processor time
    python -m campaigns.xla_commands --only evaluate serve
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import chainrule as cr
from chainrule.apps.cli.main import COMMANDS

ENGINES = ("native", "xla")
LIMIT = 2e-3
MAIN = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"
PREPARATION = """
train iris --out run --epochs 5 --net "8 relu"
train cars.csv --target mpg --out values --epochs 5 --net "8 relu"
"""
CASES: dict[str, str] = {
    "train": 'train iris --epochs 3 --net "8 relu" --out new',
    "train, the default": "train iris --out default",
    "tune": "tune iris --trials 2 --epochs 2 --quick --out search",
    "predict": "predict run iris --proba",
    "predict values": "predict values cars.csv",
    "evaluate": "evaluate run iris",
    "calibrate": "calibrate run iris",
    "quantize": "quantize run iris",
    "explain": "explain run iris --row 3 --depth 1",
    "explain a prediction": "explain run iris --row 3",
    "attribute": "attribute run iris --row 3",
    "attack": "attack run iris --radius 0.3",
    "labels": "labels run iris --epochs 2",
    "drift": "drift run iris",
    "audit": "audit run iris",
    "generate": "generate poet.safetensors 春 --greedy",
    "export": "export run --out run.onnx",
    "export to a page": "export run --out run.html",
    "plot": "plot run confusion-matrix iris",
    "check": 'check iris --net "8 relu"',
}
EXAMPLES = ("article", "digits", "moons")
"""Those that train for some seconds, so that differences of the last bits do not grow."""
CASES |= {f"example {name}": f"example {name}" for name in EXAMPLES}
SERVERS = {"serve": "serve run --no-token", "serve, two processes": "serve run --no-token --workers 2"}
WITHOUT = {
    "resume": "continues a training: tests/properties/test_xla_state.py",
    "plan": "trains nothing",
    "show": "prints what is stored",
    "doctor": "prints what is stored",
    "verify": "exact bounds, by the reference implementation",
    "data": "no network",
    "learn": "no network",
    "studio": "a page; its trainings: tests/unit/studio/test_workbench.py",
}
"""Commands that are not compared, with the reason."""
MASKED = re.compile(
    r"\d[\d.,]*\s*(?:s|ms|µs|min|MB|GB|kB|KB|bytes)\b|\d{4}-\d\d-\d\d[T ]?[\d:]*|port \d+|sha256:\w+"
    r"|.*(?:contain the true class|contain the value|lowest class).*"
)
FLOWER = {f"{part} {size} (cm)": 2.5 for part in ("sepal", "petal") for size in ("length", "width")}
CARS = "\n".join(
    ["weight,power,mpg", *(f"{900 + 17 * i},{60 + i * i % 97},{40 - i / 5:.1f}" for i in range(90))]
)
POWERS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:e[-+]?\d+|×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")


def started(line: str, folder: Path, engine: str) -> subprocess.Popen[str]:
    """Start a command on an engine, in its own process; without an engine where it has no such option."""
    name, *words = shlex.split(line)
    option = [] if name in WITHOUT or not engine else ["--engine", engine]
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, name, *option, *words],
        cwd=folder,
        env={**os.environ, "JAX_PLATFORMS": "cpu", "COLUMNS": "100", "CHAINRULE_LANG": "en"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def printed(line: str, folder: Path, engine: str) -> str:
    """Return what a command prints, and its exit code."""
    process = started(line, folder, engine)
    text = process.communicate(timeout=300)[0]
    return f"{text}\nexit code {process.returncode}"


def served(line: str, folder: Path, engine: str) -> str:
    """Return what a server responds to a request for a prediction."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict",
        json.dumps({"rows": [FLOWER]}).encode(),
        {"Content-Type": "application/json"},
    )
    process = started(f"{line} --port {port}", folder, engine)
    end, text = time.monotonic() + 90, ""
    while not text and time.monotonic() < end and process.poll() is None:
        time.sleep(0.5)
        with suppress(OSError), urllib.request.urlopen(request, timeout=60) as response:
            text = response.read().decode()
    process.terminate()
    log = process.communicate(timeout=60)[0]
    body = json.loads(text) if text else {}
    return json.dumps(body.get("predictions", body) or log)


def difference(native: str, xla: str) -> tuple[float, str]:
    """Return the largest difference of a number, and the first line whose words differ; ``""``: none."""
    worst = 0.0
    lines = [[line.rstrip() for line in MASKED.sub("-", text).splitlines()] for text in (native, xla)]
    if len(lines[0]) != len(lines[1]):
        return worst, f"{len(lines[0])} lines, {len(lines[1])} lines: {lines[1][-1]}"
    for own, other in zip(*lines, strict=True):
        if own == other:
            continue
        if [NUMBER.sub("#", own).split()] != [NUMBER.sub("#", other).split()]:
            return worst, f"{own!r}, {other!r}"
        for a, b in zip(NUMBER.findall(own), NUMBER.findall(other), strict=True):
            x, y = (float(text.translate(POWERS).replace("×10", "e")) for text in (a, b))
            worst = max(worst, abs(x - y) / max(1.0, abs(x), abs(y)))
    return worst, ""


def write_poet(path: Path) -> None:
    """Write a model that generates texts."""
    poems = ["春眠不觉晓处处闻啼鸟", "夜来风雨声花落知多少"] * 4
    tokenizer = cr.Tokenizer.learn(poems, "character")
    x, y = cr.text_rows(tokenizer.encode_all(poems, ends=True), 14)
    net = cr.models.gpt2("small", tokenizer.size, 14, 0.0, width=24, depth=1, heads=2)
    model = cr.Model(net, cr.CrossEntropy(ignore_index=0), cr.Adam(0.02), metrics=[], tokenizer=tokenizer)
    model.fit(x, y, epochs=20, seed=0, verbose=False)
    model.save(path)


def main() -> None:
    """Run the commands on both engines, and print how the outputs compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=[*CASES, *SERVERS], metavar="CASE")
    only = parser.parse_args().only
    compared = {line.split()[0] for line in (*CASES.values(), *SERVERS.values())}
    missing = set(COMMANDS) - compared - set(WITHOUT)
    is_good = not missing
    print(*(f"{name}: no case" for name in missing), sep="\n", end="")
    with TemporaryDirectory() as place:
        Path(place, "cars.csv").write_text(CARS, encoding="utf-8")
        write_poet(Path(place, "poet.safetensors"))
        for line in PREPARATION.strip().splitlines():
            text = printed(line, Path(place), "")
            if not text.endswith("exit code 0"):
                sys.exit(f"{line}\n{text}")
        for name, line in {**CASES, **SERVERS}.items():
            if only and name not in only:
                continue
            run = served if name in SERVERS else printed
            outputs = []
            for engine in ENGINES:
                own = line.replace("--out ", f"--out {engine}-") if name not in ("predict",) else line
                outputs.append(run(own, Path(place), engine).replace(f"{engine}-", ""))
            worst, words = difference(*outputs)
            is_same = worst <= LIMIT and not words
            is_good &= is_same
            print(f"{name}: {words or f'{worst:.1g}'}{'' if is_same else '  DIFFERENT'}", flush=True)
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
