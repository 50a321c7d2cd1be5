"""The command ``data`` states how each data set is checked."""

from __future__ import annotations

import pytest

from chainrule.apps.cli.main import main
from chainrule.data.datasets import DATASETS
from chainrule.data.datasets.dataset import Dataset


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_the_command_prints_how_a_data_set_is_checked(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "list", dataset.name]) == 0
    expected = dataset.digest or getattr(dataset.source, "md5", "") or "No checksum"
    assert expected in capsys.readouterr().out
