"""What all tests share: English messages, repeatable hypothesis runs, texts that are reviewed as files."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from chainrule.events import NoticeQueue, notices
from chainrule.settings import settings

hypothesis.settings.register_profile(
    "repeatable",
    deadline=None,  # two cores shared by everything: a slow moment is no defect
    derandomize=True,  # the same examples on every machine, so a failure can be seen again
    max_examples=60,
)
hypothesis.settings.load_profile("repeatable")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

GOLDEN = Path(__file__).parent / "golden"

gc.disable()  # until all tests are collected: what is imported stays


def pytest_collection_finish() -> None:
    """What is held by libraries and tests is no garbage; and PyTorch takes one core, as each worker does."""
    gc.freeze()
    gc.enable()
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite tests/golden with what came out")
    parser.addoption(
        "--vector-bytes", type=int, default=0, help="the widest vectors of compiled code: 16, 32, 64"
    )
    parser.addoption("--cores", type=int, default=0, help="for how many cores trainings are planned")


def pytest_configure(config: pytest.Config) -> None:
    """The target that the options name holds for fixtures of every scope."""
    settings.vector_bytes, settings.cores = config.getoption("vector_bytes"), config.getoption("cores")


@pytest.fixture(autouse=True)
def _usual_settings() -> Iterator[None]:
    """Every test starts with the same settings, whatever the locale and the test before it."""
    with settings.using(lang="en", dtype="float32"):
        yield


@pytest.fixture(autouse=True)
def _nothing_said() -> None:
    """Every test starts with nothing said that holds for the process, as a process does."""
    vars(notices).update(vars(NoticeQueue()))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the file of that name in ``tests/golden``; ``--accept`` writes the file anew."""

    def compare(name: str, text: str) -> None:
        file = GOLDEN / name
        if request.config.getoption("--accept"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        if not file.exists():
            pytest.fail(f"tests/golden/{name} does not exist; look at the text and run pytest with --accept")
        assert text == file.read_text(encoding="utf-8"), f"differs from tests/golden/{name}"

    return compare
