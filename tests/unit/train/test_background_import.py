"""While modules are imported in a thread, threadpoolctl must not list shared libraries."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from threadpoolctl import ThreadpoolController

from chainrule.train.background_import import import_in_background, single_blas_thread, single_openmp_thread

SLOW = """
from threading import Event
started, resumed = Event(), Event()
started.set()
resumed.wait(60)
finished = True
"""


@pytest.fixture
def slow_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module, being imported in the background, that waits for its event ``resumed``."""
    (tmp_path / "slow_module.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    import_in_background(["slow_module"])
    while not hasattr(sys.modules.get("slow_module"), "resumed"):
        pass
    module = sys.modules["slow_module"]
    assert module.started.wait(60)
    yield module
    module.resumed.set()
    del sys.modules["slow_module"]


def test_libraries_are_not_looked_up_during_an_import(slow_module: Any) -> None:
    lookup, lookups = ThreadpoolController.__init__.__code__, []

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code is lookup:
            lookups.append(hasattr(slow_module, "finished"))

    sys.setprofile(note)
    try:
        with single_blas_thread():
            assert lookups == []
            slow_module.resumed.set()
        with single_openmp_thread():
            assert lookups
            assert all(lookups)
    finally:
        sys.setprofile(None)
