"""Processes that open a storage which does not exist yet, at the same time."""

from __future__ import annotations

import threading
from pathlib import Path

import optuna

from chainrule.tabular.search.storage import open_storage


def test_one_of_several_creates_the_tables(tmp_path: Path) -> None:
    address, failures, start = f"sqlite:///{tmp_path / 'search.db'}", [], threading.Barrier(4)

    def connect() -> None:
        start.wait()
        try:
            open_storage(optuna, address)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=connect) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert open_storage(optuna, address).get_all_studies() == []
