"""Devices that are missing or too small, and a version of JAX that is too old, are named."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.command_line import WITH_ENGINE
from chainrule.apps.cli.main import main
from chainrule.apps.cli.signature import with_engine
from chainrule.errors import DataError, TrainingError, UsageError
from chainrule.graph import Graph, constant, input_node
from chainrule.optional_dependency import require_version
from chainrule.train.monitor.memory import refuse_on_devices
from chainrule.train.monitor.scaling import step_memory
from chainrule.train.step_graph import training_step

jax = pytest.importorskip("jax")

MAIN = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"
VERSIONS = """
import sys
from types import ModuleType
from chainrule.errors import ChainruleError
import chainrule as cr
old = ModuleType("jax")
old.__version__ = "0.4.30"
for module in (None, old):
    sys.modules["jax"] = module
    try:
        cr.Model(cr.Dense(1), "mse", engine="xla").fit([[1.0]], [1.0], epochs=1, verbose=False)
    except ChainruleError as error:
        print(error.code, error.received, error.fix, sep="|")
"""
NOTICES = """
import jax
import chainrule as cr
from chainrule.events import Notice
def watch(event):
    if isinstance(event, Notice):
        print(event.en, event.zh, sep="|")
x = [[1.0], [2.0], [3.0]]
for platforms in ("cpu", "", ""):
    jax.config.update("jax_platforms", platforms)  # as JAX_PLATFORMS
    print(f"{platforms}:")
    model = cr.Model(cr.Dense(1), "mse", engine="xla")
    model.fit(x, [1.0, 2.0, 3.0], epochs=1, callbacks=[watch], verbose=False)
"""
FORK = """
import multiprocessing
import chainrule as cr
x, y = [[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0]
def trained(engine):
    return cr.Model(cr.Dense(1), "mse", engine=engine).fit(x, y, epochs=1, verbose=False)
def work(model, queue):
    for use in (lambda: model.predict(x), lambda: trained("xla"), lambda: trained("native")):
        try:
            use()
            queue.put("works")
        except cr.errors.ChainruleError as error:
            queue.put(f"{error.code} {error.fix}")
model = cr.Model(cr.Dense(1), "mse", engine="xla")
model.fit(x, y, epochs=1, verbose=False)
own = multiprocessing.get_context("fork")
queue = own.Queue()
process = own.Process(target=work, args=(model, queue))
process.start()
print(*(queue.get(timeout=60) for _ in range(3)), sep="|")
"""


def _output(code: str, *words: str, cwd: Path | None = None, **variables: str) -> tuple[int, str, str]:
    environment = {key: value for key, value in os.environ.items() if key != "JAX_PLATFORMS"} | variables
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)
    return done.returncode, done.stdout, done.stderr


def test_jax_that_is_missing_or_too_old_is_named() -> None:
    code, output, errors = _output(VERSIONS)
    assert code == 0, errors
    assert output.splitlines() == [
        "E350||python -m pip install 'chainrule[xla]'",
        "E350|JAX 0.4.30|python -m pip install --upgrade 'chainrule[xla]'",
    ]


@pytest.mark.long
def test_a_forked_process_is_refused_what_would_hang() -> None:
    code, output, errors = _output(FORK, JAX_PLATFORMS="cpu")
    refused = 'E130 multiprocessing.get_context("spawn")'
    assert (code, output.strip()) == (0, f"{refused}|{refused}|works"), errors


def test_every_command_that_computes_a_network_has_the_option_engine() -> None:
    for name in WITH_ENGINE:
        command = with_engine(getattr(import_module(f"chainrule.apps.cli.commands.{name}"), name))
        assert "engine" in inspect.signature(command).parameters, name
        with pytest.raises(UsageError) as raised:
            command(engine="none")
        assert raised.value.code == "E101", name


@pytest.mark.parametrize(
    ("version", "is_new"), [("0.10.2", True), ("1.0", True), ("0.10.1", False), ("0.9.9", False)]
)
def test_a_version_is_compared_by_its_numbers(version: str, is_new: bool) -> None:
    refused = None
    try:
        require_version("xla", "here", version, (0, 10, 2))
    except DataError as error:
        refused = error
    assert (refused is None) == is_new


@pytest.mark.long
@pytest.mark.skipif(jax.default_backend() != "cpu", reason="this machine has a GPU or TPU")
def test_a_training_on_a_cpu_states_once_that_there_is_no_gpu() -> None:
    code, output, errors = _output(NOTICES)
    assert code == 0, errors
    requested, notice = output.partition("\n:")[::2]
    assert "GPU" not in requested
    assert (notice.count("no GPU or TPU"), notice.count("没有 GPU 或 TPU")) == (1, 1)


@pytest.mark.long
def test_a_platform_that_jax_does_not_have_is_named_before_anything_is_written(tmp_path: Path) -> None:
    words = ("train", "iris", "--engine", "xla", "--out", "run")
    code, _, errors = _output(MAIN, *words, cwd=tmp_path, JAX_PLATFORMS="tpux")
    assert (code, "E633" in errors, "tpux" in errors) == (2, True, True), errors
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        ("--devices 3000", "--devices 1"),
        ("--devices -1", "--devices 2"),
        ("--devices 1 --parallel slow", "--parallel deterministic"),
        ("--devices 1 --mesh data=1", "--parallel fast"),
        ("--devices 1 --sharding parameters", "--parallel fast"),
        ("--devices 1 --parallel fast --mesh data=3", "--mesh data=1"),
        ("--devices 1 --parallel fast --mesh a", "--mesh data=1"),
        ("--devices 1 --parallel fast --sharding x=rows", "--sharding parameters"),
    ],
)
def test_options_of_devices_are_refused_before_anything_is_written(
    words: str, fix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert jax.devices()  # before the option requests virtual ones
    before = {
        name: getattr(cr.settings, name) for name in ("engine", "devices", "parallel", "mesh", "sharding")
    }
    with cr.settings.using(**before):
        code = main(["train", "iris", "--engine", "xla", *words.split(), "--out", str(tmp_path / "run")])
    errors = capsys.readouterr().err
    assert (code, f"fix       {fix}" in errors) == (2, True), errors
    assert "cr.settings" not in errors
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", ["--devices 2", "--parallel fast", "--mesh data=2", "--sharding copies"])
def test_an_option_of_devices_needs_the_engine_xla(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["train", "iris", *words.split(), "--out", str(tmp_path / "run")])
    errors = capsys.readouterr().err
    assert (code, "fix       --engine xla" in errors) == (2, True), errors
    assert words.split()[0] in errors


def test_memory_that_a_device_lacks_is_an_error() -> None:
    one, wide = input_node("x", (None, 1), "float32"), input_node("x", (None, 2**20), "float32")
    large = cr.broadcast_to(one.sum(0), (2**24, 2**24)) * 2.0
    with pytest.raises(MemoryError):
        cr.compile(Graph({"y": large}), "xla").run({"x": np.ones((2, 1), "float32")})
    graph = Graph({"loss": cr.max(wide.T @ wide), "learning_rate": constant(np.float32(1.0))})
    step = import_module("chainrule.engines.xla").CompiledStep(graph, [], {})
    runner = step.trainer({"x": np.ones((4, 2**20), "float32")}, {}, 1, 1)
    with pytest.raises(TrainingError, match="E508") as refused:
        runner.run(np.arange(4), 4, 0, 1, 0, np.zeros((0, 2), np.uint32))
    assert refused.value.fix == "batch_size=2"
    assert "Out of memory" in refused.value.received


def test_a_step_that_does_not_fit_on_the_devices_is_refused_with_the_largest_batch() -> None:
    net = cr.Sequential(cr.Dense(300, "relu"), cr.Dense(2))
    model = cr.Model(net, "mse").initialize({"x": input_node("x", (None, 50), "float32").spec})
    assert model.state.network is not None
    step, data = training_step(model.state.network, False, 1), 10**6
    for devices in (1, 4):
        free = step_memory(step, 1000, devices) + data
        refuse_on_devices(step, 1000, data, devices, free)
        with pytest.raises(TrainingError, match="E508") as refused:
            refuse_on_devices(step, 5000, data, devices, free)
        fits = int(refused.value.fix.removeprefix("batch_size="))
        assert (
            step_memory(step, fits, devices) + data
            <= free
            < step_memory(step, fits + devices, devices) + data
        )
        with pytest.raises(TrainingError, match="a smaller network"):
            refuse_on_devices(step, 5000, data, devices, data)
