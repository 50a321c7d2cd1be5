"""A notebook that a kernel runs: the output of its cells."""

from __future__ import annotations

import re

import nbclient
import nbformat
import pytest

CELLS = (
    "import numpy as np, chainrule as cr\n"
    "x = np.random.default_rng(0).normal(size=(60, 3)).astype('float32')\n"
    "model = cr.Model(cr.Dense(2), 'cross_entropy', cr.SGD(0.1))",
    "model.fit(x, (x[:, 0] > 0).astype(int), epochs=300, validation=0.2, seed=0)",
    "model.fit(x, (x[:, 0] > 0).astype(int), epochs=3, seed=0, verbose=False)",
)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_fit_shows_one_line_and_a_table() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    _, verbose, silent = (cell.outputs for cell in notebook.cells)
    assert [output.output_type for output in verbose] == ["display_data", "execute_result"]
    line, table = (output.data["text/plain"] for output in verbose)
    assert re.fullmatch(r"epoch 300 / 300  loss \S+  val_loss \S+  val_accuracy \S+  rate 0\.1", line)
    assert re.match(r"History of 300 epochs; best epoch: \d+\n", table)
    assert len(table.splitlines()) < 14
    assert "<progress" in verbose[0].data["text/html"]
    assert "<table>" in verbose[1].data["text/html"]
    assert [output.output_type for output in silent] == ["execute_result"]
