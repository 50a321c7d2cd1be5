"""A training of several processes: the bits of one device, and errors that name what is wrong."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.apps.cli import process_supervisor
from chainrule.apps.cli.main import main
from chainrule.apps.cli.process_supervisor import Processes
from chainrule.errors import TrainingError, UsageError

pytest.importorskip("jax")

from chainrule.engines.xla import processes as xla_processes

DIFFERENT = "the processes of the training differ"
TRAINING = """
import sys
import numpy as np
import chainrule as cr
from chainrule.engines.xla import processes
from chainrule.errors import ChainruleError
port, count, number, shift, rows = map(int, sys.argv[1:6])
words = [word for word in sys.argv[6:] if number == 1 and "=" in word]
options = {name: int(value) for name, value in (word.split("=") for word in words)}
cr.settings.devices = options.pop("devices", 1)
if count > 1:
    processes.join(f"127.0.0.1:{port}", count, number)
if "--without-service" in sys.argv:
    sys.modules["jax._src.distributed"] = None  # as in a version of JAX without this module
x = np.random.Generator(np.random.Philox(3)).standard_normal((rows, 6)) + shift * number
norm = cr.BatchNorm() if rows % 20 > 1 else cr.LayerNorm()  # one row has no variance
net = cr.Sequential(cr.Dense(8, "relu"), cr.Dropout(0.3), norm, cr.Dense(1))
model = cr.Model(net, "mse", cr.AdamW(1e-2), engine="xla", clip=cr.ClipGlobalNorm(0.5))
try:
    model.fit(x, x[:, 0] ** 2, **{"epochs": 3, "batch_size": 20, "verbose": False, **options})
except ChainruleError as error:
    sys.exit(str(error))
print(*(array.tobytes().hex() for _, array in sorted(model.parameters().items())), flush=True)
"""


def _outputs(count: int, shift: int = 0, rows: int = 43, *words: str) -> list[str]:
    """The parameters, or the error, of each process of a training; words are options of the second one."""
    port = process_supervisor._free_port()
    commands = [
        [sys.executable, "-c", TRAINING, *map(str, (port, count, number, shift, rows)), *words]
        for number in range(count)
    ]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) for command in commands]
    results = [process.communicate(timeout=300) for process in started]
    codes = [process.returncode for process in started]
    return [e if code else o.splitlines()[-1] for code, (o, e) in zip(codes, results, strict=True)]


@pytest.mark.long
@pytest.mark.parametrize("rows", [43, 41])  # the last batch has three rows, or fewer than processes
def test_two_processes_compute_the_bits_of_one(rows: int) -> None:
    (alone,) = _outputs(1, rows=rows)
    assert alone.count(" ") > 3
    assert set(alone) <= set("0123456789abcdef "), alone
    assert _outputs(2, rows=rows) == [alone, alone]


@pytest.mark.long
def test_processes_with_other_rows_are_refused() -> None:
    first, second = _outputs(2, shift=1)
    for fact in ("E632", "the rows", "process 1"):
        assert fact in first
        assert fact in second


@pytest.mark.long
@pytest.mark.parametrize("word", ["epochs=4", "batch_size=10", "seed=1", "devices=2"])
def test_processes_of_a_program_with_other_options_are_refused(word: str) -> None:
    name = word.partition("=")[0]
    what = f"the setting {name}" if name == "devices" else f"the option {name}"
    outputs = _outputs(2, 0, 43, word)
    assert len(outputs) == 2
    for errors in outputs:
        assert errors.startswith(f"TrainingError E632 in fit: {DIFFERENT}: {what}\n"), errors
        assert "process 1 differs from process 0" in errors


@pytest.mark.long
def test_the_devices_compare_options_where_jax_has_no_service() -> None:
    (alone,) = _outputs(1)
    assert _outputs(2, 0, 43, "--without-service") == [alone, alone]
    for errors in _outputs(2, 0, 43, "--without-service", "epochs=4"):
        assert errors.startswith(f"TrainingError E632 in fit: {DIFFERENT}: the option epochs\n"), errors


def _refusals(second: str = "", code: str = "") -> list[str]:
    """What each of two commands prints as errors; the second one has other options, or runs other code."""
    address = f"127.0.0.1:{process_supervisor._free_port()}"
    words = [sys.executable, "-c", "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"]
    words += ["train", "iris", "--quick", "--engine", "xla", "--processes", "2", "--coordinator", address]
    pipe, path = subprocess.PIPE, os.pathsep.join(filter(None, (code, os.environ.get("PYTHONPATH"))))
    started = [
        subprocess.Popen(
            [*words, "--process", number, *own], stdout=pipe, stderr=pipe, text=True, env=variables
        )
        for number, own, variables in (
            ("0", (), os.environ),
            ("1", second.split(), {**os.environ, "PYTHONPATH": path}),
        )
    ]
    results = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [2, 2], results
    return results


@pytest.mark.long
@pytest.mark.parametrize(
    "option",
    [
        "--epochs 3",
        "--batch-size 16",
        "--devices 2",
        "--parallel fast",
        "--net 4",
        "--seed 1",
        "--processes 4",
    ],
)
def test_processes_with_other_options_are_refused_before_they_compute(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, _ = option.split()
    for errors in _refusals(option):
        assert errors.startswith(f"TrainingError E632 in --processes: {DIFFERENT}: the option {name}\n"), (
            errors
        )
        assert "process 1 differs from process 0" in errors


@pytest.mark.long
def test_processes_with_other_code_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(Path(cr.__file__).parent, tmp_path / "other" / "chainrule")
    with (tmp_path / "other" / "chainrule" / "nn" / "__init__.py").open("a") as file:
        file.write("\n")
    for errors in _refusals(code=str(tmp_path / "other")):
        expected = f"TrainingError E632 in --processes: {DIFFERENT}: the code of chainrule\n"
        assert errors.startswith(expected), errors


@pytest.mark.long
def test_a_file_that_one_machine_lacks_ends_the_training_on_both(tmp_path: Path) -> None:
    folders, pipe = [tmp_path / "0", tmp_path / "1"], subprocess.PIPE
    for folder in folders:
        folder.mkdir()
    lines = [f"{n % 7},{n % 5},{'yes' if n % 3 else 'no'}" for n in range(60)]
    (folders[0] / "data.csv").write_text("\n".join(["a,b,y", *lines]))
    words = ["train", "data.csv", "--target", "y", "--net", "4", "--engine", "xla", "--processes", "2"]
    words += ["--coordinator", f"127.0.0.1:{process_supervisor._free_port()}"]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", process_supervisor.MEMBER, *words, "--process", str(number)],
            cwd=folder,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )
        for number, folder in enumerate(folders)
    ]
    first, second = (process.communicate(timeout=60)[1] for process in started)
    assert [process.returncode for process in started] == [1, 2], (first, second)
    assert "E631" in first
    assert "--resume" in first
    assert second.startswith("DataError E301 in data.csv")


@pytest.mark.long
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_supervisor_that_is_ended_ends_its_processes(tmp_path: Path, sent: signal.Signals) -> None:
    words = ["train", "iris", "--out", "run", "--engine", "xla", "--processes", "2", "--epochs", "300000"]
    command = [sys.executable, "-c", process_supervisor.MEMBER, *words, "--patience", "0", "--net", "4"]
    errors = tmp_path / "errors.txt"
    with errors.open("w") as file:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=file)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    checkpoints = tmp_path / "run" / "checkpoints"
    while process.poll() is None and not (checkpoints.is_dir() and any(checkpoints.iterdir())):
        time.sleep(0.05)
    members = children.read_text().split()
    process.send_signal(sent)
    process.wait(30)
    end = time.monotonic() + 30
    while any(Path("/proc", member).exists() for member in members) and time.monotonic() < end:
        time.sleep(0.1)
    assert len(members) == 2
    assert not [member for member in members if Path("/proc", member).exists()]
    if sent == signal.SIGTERM:
        assert "chainrule train iris --out run --resume --engine xla --processes 2\n" in errors.read_text()


@pytest.mark.long
def test_a_process_that_is_killed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    children = Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children")
    before = set(children.read_text().split())  # of earlier tests

    def kill_one() -> None:
        while len(started := [n for n in children.read_text().split() if n not in before]) < 2:
            time.sleep(0.01)
        os.kill(int(started[1]), signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    words = ["train", "iris", "--engine", "xla", "--processes", "2", "--out", "run"]
    with pytest.raises(TrainingError, match="process 1 of 2: SIGKILL") as failed:
        process_supervisor.supervise(Processes(2), words, "chainrule train iris --resume")
    killer.join()
    assert failed.value.code == "E630"  # before it had joined; E631 later


def test_an_address_without_a_listener_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_supervisor, "JOIN_SECONDS", 0.3)
    with pytest.raises(TrainingError, match="E630") as failed:
        process_supervisor._await_listener(f"127.0.0.1:{process_supervisor._free_port()}", 2)
    assert "refused" in str(failed.value)


@pytest.mark.parametrize(
    "words",
    [
        "--processes 2",
        "--engine xla --process 1",
        "--engine xla --processes 2 --process 1",
        "--engine xla --processes 2 --epsilon 1 --delta 1e-5 --public columns.toml",
        "--engine xla --processes 2 --process 2 --coordinator a:1",
        "--engine xla --processes 2 --coordinator a:1",
        "--engine xla --processes 2 --process 1 --coordinator a",
        "--engine xla --processes 2 --process 0 --coordinator :29500",
        "--engine xla --processes 2 --process 0 --coordinator a:99999",
    ],
)
def test_options_that_contradict_each_other_are_refused(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "iris", *words.split()]) == 2
    assert "E601" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        ("--processes 0", "--processes 2"),
        ("--processes 3", "--parallel fast"),
        ("--processes 16 --process 0 --coordinator a:1", "--parallel fast"),
    ],
)
def test_a_number_of_processes_that_is_impossible_is_refused_before_any_starts(
    words: str, fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "iris", "--engine", "xla", *words.split()]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("UsageError E102 in --processes: ")
    assert f"fix       {fix}\n" in errors
    with cr.settings.using(parallel="fast"):
        assert Processes.of(3, None, None, "xla") == Processes(3)


def test_more_devices_than_exist_are_refused() -> None:
    training_devices = pytest.importorskip("chainrule.engines.xla.devices").training_devices
    with cr.settings.using(devices=3), pytest.raises(UsageError, match="E102"):
        training_devices()


@pytest.mark.parametrize("coordinator", ["127.0.0.1:29500", "localhost:29500", "[::1]:29500"])
def test_processes_of_one_machine_exchange_arrays_at_the_loopback_interface(coordinator: str) -> None:
    assert xla_processes.own_address(coordinator) == ""


def test_an_address_of_this_machine_is_that_of_its_connection() -> None:
    own = xla_processes.own_address("no.such.machine.invalid:29500")  # as a name that is not resolved here
    assert own == "" or not ip_address(own).is_loopback
    if own:
        assert xla_processes.own_address(f"{own}:29500") == own


MESH = """
import jax
import numpy as np
import chainrule as cr
from chainrule.events import EpochDone
cr.settings.devices = 4
jax.config.update("jax_num_cpu_devices", 4)  # before their first use by this program
x = np.random.default_rng(3).standard_normal((32, 6))
divided = set()
def watch(event):
    if isinstance(event, EpochDone):
        parts = {(a.shape, a.sharding.shard_shape(a.shape)) for a in jax.live_arrays()}
        divided.update(f"{whole}->{part}" for whole, part in parts if whole != part)
def trained(engine):
    net = cr.Sequential(cr.Dense(16, "relu"), cr.BatchNorm(), cr.Dense(8, "tanh"), cr.Dense(1))
    model = cr.Model(net, "mse", cr.AdamW(1e-2), engine=engine, dtype="float64")
    options = {"verbose": False, "callbacks": [watch], "probes": False, "doctor": False}
    model.fit(x, x[:, 0] ** 2, epochs=2, batch_size=16, **options)
    return model.parameters()
expected = trained("reference")
cr.settings.parallel, cr.settings.mesh = "fast", "data=2, model=2"
for sharding in ("copies", "parameters", "dense1=model, dense2.weight=data"):
    divided.clear()
    cr.settings.sharding = sharding
    received = trained("xla")
    error = max(np.abs(received[name] - value).max() for name, value in expected.items())
    print(error < 1e-9, *sorted(divided), sep="|")
"""


@pytest.mark.long
def test_layers_are_divided_along_the_axes_of_a_mesh() -> None:
    words = [sys.executable, "-c", MESH]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    copies, parameters, layers = (line.split("|") for line in done.stdout.splitlines())
    assert copies == ["True"]
    assert {"(16, 6)->(4, 6)", "(8, 16)->(8, 4)", "(1, 8)->(1, 2)"} <= set(parameters)
    assert layers == ["True", "(16, 6)->(8, 6)", "(16,)->(8,)", "(8, 16)->(8, 8)"]  # the others are copies


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mesh", "data=3"),
        ("mesh", "a"),
        ("mesh", "a=1, a=1"),
        ("sharding", "x y"),
        ("sharding", "dense1=rows"),
    ],
)
def test_a_mesh_that_does_not_fit_is_refused(name: str, value: str) -> None:
    x = np.zeros((8, 2))
    with (
        pytest.raises(UsageError, match="E102"),
        cr.settings.using(devices=1, parallel="fast", **{name: value}),
    ):
        cr.Model(cr.Dense(1), "mse", engine="xla").fit(x, x[:, 0], epochs=1, verbose=False)


STREAM = """
import sys
import chainrule as cr
from chainrule.data import ParquetRows
from chainrule.data.readers import parquet_rows
from chainrule.engines.xla import processes
from chainrule.errors import ChainruleError
port, count, number, folder = *map(int, sys.argv[1:4]), sys.argv[4]
if count > 1:
    processes.join(f"127.0.0.1:{port}", count, number)
cr.settings.devices = 1
parquet_rows.BLOCK_BYTES = 64 * 3 * 4
read, rows = parquet_rows.ParquetRows.read, 0
def counted(self, file, start, stop, block):
    global rows
    rows += stop - start
    return read(self, file, start, stop, block)
parquet_rows.ParquetRows.read = counted
def trained(file):
    model = cr.Model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(2)), "cross_entropy", engine="xla")
    model.fit(ParquetRows(file, "y", batch_size=16), epochs=2, verbose=False, probes=False, doctor=False)
    return model
values = (array.tobytes().hex() for _, array in sorted(trained(folder).parameters().items()))
results, code = ["".join(values), rows], ""
try:
    trained(f"{folder}/{number}.parquet")
except ChainruleError as error:
    code = error.code
print(*results, code, flush=True)
"""


@pytest.mark.long
def test_every_process_reads_its_own_rows_of_a_stream(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number, rows in enumerate((100, 93)):  # the last block has one row, which the second process reads
        x = rng.normal(size=(rows, 3))
        columns = {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": np.where(x[:, 0] > 0, "yes", "no")}
        pl.DataFrame(columns).write_parquet(tmp_path / f"{number}.parquet")
    outputs, read = [], []
    for count in (1, 2):
        port = process_supervisor._free_port()
        words = [[str(port), str(count), str(number), str(tmp_path)] for number in range(count)]
        commands = [[sys.executable, "-c", STREAM, *own] for own in words]
        pipe = subprocess.PIPE
        started = [subprocess.Popen(own, stdout=pipe, stderr=pipe, text=True) for own in commands]
        for process in started:
            output, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors
            parameters, rows, *code = output.splitlines()[-1].split()
            outputs.append(parameters)
            read.append(int(rows))
            assert code == (["E632"] if count > 1 else [])
    assert len(set(outputs)) == 1
    assert max(read[1:]) < 0.7 * read[0], read
