"""Shared fixtures: English messages, repeatable runs of hypothesis, golden texts."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import hypothesis
import pytest
from pages.translations import catalog_files, compile_catalog

from chainrule.events import NoticeQueue, notices
from chainrule.settings import settings

hypothesis.settings.register_profile(
    "repeatable",
    deadline=None,  # a loaded machine is slow, which is no defect
    derandomize=True,  # the same examples on every machine, so that a failure can be reproduced
    max_examples=60,
)
hypothesis.settings.load_profile("repeatable")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start background processes
    signal.signal(signal.SIGINT, signal.default_int_handler)

THREADED = ("engines", "engine_parity", "native_engine", "parallel_partitions", "thread", "fork")
"""Parts of the paths of tests that run with as many threads as there are cores, also in a parallel run."""
GOLDEN = Path(__file__).parent / "golden"
LONG_CASES = frozenset((Path(__file__).parent / "long_cases.txt").read_text(encoding="utf-8").splitlines())
"""Expensive cases of functions whose other cases are cheap; written by ``python -m campaigns.test_costs``."""

os.environ.pop("CHAINRULE_DATA", None)  # archives of the user; tests read generated ones

gc.disable()  # until all tests are collected: imported objects are never garbage


def pytest_collection_finish() -> None:
    """Exempt the objects of libraries and tests from garbage collection; limit PyTorch to one thread.

    With Python's own thresholds the collector would take 9 % of the time of the tests, not 3 %.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Limit libraries to one thread in the processes of a parallel run, which share the cores.

    Python keeps compiled modules: hundreds of tests start the command line, which imports them.
    """
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ.setdefault(variable, "1")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite the files of tests/golden")
    parser.addoption(
        "--vector-bytes", type=int, default=0, help="the widest vectors of compiled code: 16, 32, 64"
    )
    parser.addoption("--cores", type=int, default=0, help="the number of cores to plan for")


def pytest_configure(config: pytest.Config) -> None:
    """Set the target of the options, for fixtures of every scope; compile the catalogs of translations."""
    if not hasattr(config, "workerinput"):
        for catalog in catalog_files():
            compile_catalog(catalog)
    settings.vector_bytes, settings.cores = config.getoption("vector_bytes"), config.getoption("cores")


@pytest.hookimpl(tryfirst=True)  # before tests are selected by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the expensive cases of functions whose other cases are cheap."""
    for item in items:
        if item.nodeid in LONG_CASES:
            item.add_marker(pytest.mark.long(case=True))


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Free the syntax trees of the sources after the tests of a folder that read them: later tests fork
    this process and collect its garbage.
    """
    is_last = nextitem is None or nextitem.path.parent != item.path.parent
    if is_last and "source_files" in sys.modules:
        sys.modules["source_files"].release()


def _is_parallel() -> bool:
    """Whether another process runs tests at the same time: then threads of both would wait for each other."""
    return int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1


@pytest.fixture(autouse=True)
def _default_settings(request: pytest.FixtureRequest) -> Iterator[None]:
    """Start every test with the same settings, for any locale and order of tests."""
    target = {name: request.config.getoption(name) for name in ("vector_bytes", "cores")}
    if _is_parallel() and not any(name in str(request.node.path) for name in THREADED):
        target["threads"] = 1
    present = {field.name: getattr(settings, field.name) for field in fields(settings)}
    with settings.using(**{**present, "lang": "en", "dtype": "float32", **target}):
        yield  # a test may change any of them: all are restored


@pytest.fixture(autouse=True)
def _empty_notices() -> None:
    """Start every test without the notices that a process emits only once."""
    vars(notices).update(vars(NoticeQueue()))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the file of that name in ``tests/golden``; ``--accept`` rewrites the file."""

    def compare(name: str, text: str) -> None:
        file = GOLDEN / name
        if request.config.getoption("--accept"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        if not file.exists():
            pytest.fail(f"tests/golden/{name} does not exist; review the text, then run pytest with --accept")
        assert text == file.read_text(encoding="utf-8"), f"differs from tests/golden/{name}"

    return compare
