"""A forked child works or raises an error; it never hangs. Every child is a real fork, limited to 30 s."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule import fork_safety

TABLE = "a,b,label\n" + "".join(f"{i},{i % 7},{'no' if i % 2 else 'yes'}\n" for i in range(40))
START = '''
import json, multiprocessing, os, signal, sys
import numpy as np
import chainrule as cr
from chainrule.errors import ChainruleError

def network(outputs=2):
    return cr.Sequential(cr.Dense(8, activation="tanh"), cr.Dense(outputs))

def trained(x, y, **options):
    model = cr.Model(network(), loss="cross_entropy")
    model.fit(x, y, epochs=2, **options)
    return model

def child(work):
    """The outcome of work in a forked child: an error code, "works", or how the child ended."""
    read, write = os.pipe()
    if not (process := os.fork()):
        signal.alarm(30)
        try:
            work()
            outcome = "works"
        except ChainruleError as error:
            outcome = f"{error.code} {error.fix}"
        except BaseException as error:
            outcome = repr(error)
        os.write(write, outcome.encode())
        os._exit(0)
    os.close(write)
    outcome = os.fdopen(read).read()
    ended = os.waitpid(process, 0)[1]
    return outcome if ended == 0 else "hangs" if ended == signal.SIGALRM else f"ends with {ended}"

generator = np.random.default_rng(0)
x = generator.normal(size=(400, 64)).astype(np.float32)
y = (x[:, 0] > 0).astype(int)
'''
USES = """
frame = cr.read_table("table.csv").frame
numbers = frame.select("a", "b")
model = trained("table.csv", "label")
arrays = trained(x, y)
arrays.predict(x)
frame.write_parquet("table.parquet")
table = cr.read_table("table.csv")
pandas = frame.to_dict(as_series=False)
from chainrule import data
uses = {
    "read a CSV file": lambda: cr.read_table("table.csv"),
    "read a Parquet file": lambda: cr.read_table("table.parquet"),
    "read a dict": lambda: cr.read_table(pandas),
    "count blocks": lambda: list(cr.read_blocks("table.parquet")),
    "sample rows": lambda: cr.sample_rows("table.parquet", 5),
    "train on a file": lambda: trained("table.csv", "label"),
    "train on a frame": lambda: trained(frame, "label"),
    "train on a frame of numbers": lambda: trained(numbers, np.arange(40) % 2),
    "predict a file": lambda: model.predict("table.csv"),
    "predict a frame": lambda: model.predict(frame),
    "predict a frame of numbers": lambda: arrays.predict(numbers),
    "evaluate": lambda: model.evaluate(frame, "label"),
    "explain": lambda: model.explain(table),
    "take rows of a table of the parent": lambda: table.take(np.arange(3)),
    "describe a table of the parent": lambda: data.describe(table, "label"),
    "check a table of the parent": lambda: cr.check(table, "label"),
    "the fingerprint of a table of the parent": lambda: table.fingerprint,
}
print(json.dumps({name: child(use) for name, use in uses.items()}))
"""
NAMES = [line.split('"')[1] for line in USES.splitlines() if line.startswith('    "')]


def run(code: str, folder: Path) -> str:
    (folder / "table.csv").write_text(TABLE)
    (folder / "program.py").write_text(START + code)
    call = [sys.executable, "-W", "ignore", "program.py"]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The outcome of each use of a table in a child forked after its parent had read one."""
    return json.loads(run(USES, tmp_path_factory.mktemp("fork")))


@pytest.mark.parametrize("name", NAMES)
def test_tables_in_a_forked_child_are_refused_with_a_start_method_that_works(
    name: str, outcomes: dict[str, str]
) -> None:
    assert outcomes[name].startswith("E130")
    assert "spawn" in outcomes[name]


@pytest.mark.long
def test_arrays_can_be_trained_and_predicted_in_a_forked_child(tmp_path: Path) -> None:
    code = """
cr.read_table("table.csv")
wide = generator.normal(size=(2000, 64)).astype(np.float32)
model = trained(x, y)
before = model.predict_proba(wide)
def work():
    assert (model.predict_proba(wide) == before).all()
    assert (trained(x, y).predict_proba(wide) == before).all()
    image = cr.Model(cr.Sequential(cr.Conv(4, 3), cr.Flatten(), cr.Dense(2)), loss="cross_entropy")
    image.fit(generator.normal(size=(64, 8, 8, 1)), np.arange(64) % 2, epochs=2)
print(json.dumps([child(work) for _ in range(3)] + [child(lambda: print(child(work)))]))
"""
    assert json.loads(run(code, tmp_path)) == ["works"] * 4


def test_a_child_forked_during_a_training_can_finish_it(tmp_path: Path) -> None:
    code = """
def fork_once(event):
    if type(event).__name__ == "EpochDone" and not seen:
        seen.append(os.fork())
        if not seen[0]:
            signal.alarm(30)
seen, parent = [], os.getpid()
with cr.settings.using(threads=2):
    wide = cr.Sequential(cr.Dense(256, activation="tanh"), cr.Dense(256, activation="tanh"), cr.Dense(2))
    model = cr.Model(wide, loss="cross_entropy")
    model.fit(x, y, epochs=4, batch_size=200, callbacks=[fork_once])
if os.getpid() != parent:
    os._exit(0)
print(json.dumps([len(seen), os.waitpid(seen[0], 0)[1]]))
"""
    assert json.loads(run(code, tmp_path)) == [1, 0]


@pytest.mark.long
def test_a_child_reads_tables_if_its_parent_has_read_none(tmp_path: Path) -> None:
    code = """
import polars
print(json.dumps([child(lambda: trained("table.csv", "label").predict("table.csv")) for _ in range(2)]))
"""
    assert json.loads(run(code, tmp_path)) == ["works", "works"]


@pytest.mark.parametrize("imports", ["", "from chainrule.data import read_table\n"])
def test_polars_used_directly_by_the_parent_is_detected(imports: str, tmp_path: Path) -> None:
    code = (
        imports
        + """
import polars
frame = polars.read_csv("table.csv").select(polars.col("a") * 2.0, "label")
print(json.dumps(child(lambda: trained(frame, "label"))))
"""
    )
    assert json.loads(run(code, tmp_path)).startswith("E130")


@pytest.mark.long
def test_a_spawned_pool_reads_tables_as_the_fix_suggests(tmp_path: Path) -> None:
    code = """
def rows(name):
    return cr.read_table(name).rows
if __name__ == "__main__":
    cr.read_table("table.csv")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(json.dumps(pool.map(rows, ["table.csv"] * 3)))
"""
    assert json.loads(run(code, tmp_path)) == [40, 40, 40]


def test_the_error_of_a_forked_worker_reaches_its_parent(tmp_path: Path) -> None:
    code = """
def rows(name):
    return cr.read_table(name).rows
cr.read_table("table.csv")
with multiprocessing.get_context("fork").Pool(2) as pool:
    try:
        pool.map_async(rows, ["table.csv"] * 3).get(60)
    except ChainruleError as error:
        print(json.dumps([error.code, error.fix]))
"""
    code, fix = json.loads(run(code, tmp_path))
    assert code == "E130"
    context = eval(fix.removesuffix(".Pool(2)"), {"multiprocessing": __import__("multiprocessing")})
    assert context.get_start_method() == "spawn"


@pytest.mark.long
def test_a_fork_during_compilation_in_another_thread_leaves_no_lock_held(tmp_path: Path) -> None:
    code = """
import tempfile, threading, time
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(dir=".")
def train(width):
    rows = np.random.default_rng(0).normal(size=(20, width))  # NumPy's generators hold locks
    cr.Model(network(1), loss="mse").fit(rows, rows[:, 0], epochs=1, probes=False, doctor=False)
train(2)  # loads all modules: Python's import locks are not tested here
is_over = False
def compile_on():
    width = 3
    while not is_over:
        train(width)
        width += 1
thread = threading.Thread(target=compile_on)
thread.start()
outcomes = []
for i in range(12):
    time.sleep(0.1)
    outcomes.append(child(lambda: train(100 + i)))
is_over = True
thread.join()
print(json.dumps(outcomes))
"""
    assert json.loads(run(code, tmp_path)) == ["works"] * 12


@pytest.mark.parametrize(
    ("threads", "is_running"),
    [
        ({"1": "python"}, False),
        ({"1": "python", "2": "polars-ooc-clea"}, False),
        ({"1": "python", "2": "polars-0"}, True),
        ({"1": "python", "2": "polars-15"}, True),
        ({}, True),
    ],
)
def test_the_polars_pool_is_recognized_by_its_thread_names(
    threads: dict[str, str], is_running: bool, tmp_path: Path
) -> None:
    for number, name in threads.items():
        (tmp_path / number).mkdir()
        (tmp_path / number / "comm").write_text(name + "\n")
    assert fork_safety._pool_is_running(tmp_path / ("" if threads else "absent")) == is_running
