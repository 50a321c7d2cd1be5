"""Every number of the studio equals that of ``chainrule explain``, to the last printed digit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.notation import number
from chainrule.page.page import Lines
from chainrule.step_explanation.writer import figure, signed
from chainrule.studio.points import SETS, write_set
from chainrule.studio.project import Project
from chainrule.studio.step_view import StepView
from chainrule.trace.tracer import trace_rows
from chainrule.train.evaluation.rows import encode_labeled

NETS = ("3 tanh", "", "4 relu, 3 sigmoid", "2 gelu, dropout 0.2, 2 softsign", "3 x*sigmoid(2*x)")
OPTIMIZERS = ("sgd", "adam", "rmsprop", "lion")


@pytest.fixture(scope="module", autouse=True)
def working_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("studio"))
        yield


def project_of(name: str, net: str, optimizer: str, seed: int) -> Project:
    return Project.of_data(str(write_set(name))).changed(
        {"net": net, "optimizer": optimizer, "seed": seed, "learning_rate": 0.05, "batch_size": 16}
    )


def numbers_of_page(page: Any) -> list[str]:
    """The values of all equations of a page of ``explain``."""
    parts = [part for section in page.sections for part in section.parts if isinstance(part, Lines)]
    equations = [equation for part in parts for equation in part.equations]
    return [number(e.value, fixed=True) for e in equations if e.value is not None]


def numbers_of_record(record: dict[str, Any]) -> list[str]:
    parts = [part for section in record["sections"] for part in section["parts"]]
    equations = [equation for part in parts for equation in part.get("equations", ())]
    return [e["value"] for e in equations if e["value"] is not None]


@settings(max_examples=8)
@given(
    st.sampled_from(sorted(SETS)),
    st.sampled_from(NETS),
    st.sampled_from(OPTIMIZERS),
    st.integers(0, 3),
    st.integers(1, 6),
    st.integers(1, 200),
    st.data(),
)
def test_numbers_are_those_of_explain(
    name: str, net: str, optimizer: str, seed: int, step: int, row: int, data: st.DataObject
) -> None:
    project = project_of(name, net, optimizer, seed)
    plan, rows = project.plan, project.plan.prepared.training
    model = cr.Model.of(project.initial)
    replayed = model.replay(step, rows.x, plan.prepared.labels(rows), **plan.fit_options())
    table = project.table.take(np.array([row - 1]))
    after = cr.Model.of(replace(project.initial, parameters=dict(replayed.update.after)))
    view = StepView(trace_rows(encode_labeled(after.state, table, None, "explain")))
    drawing = view.drawing()
    wire = data.draw(st.sampled_from(drawing["wires"]))
    path, _, index = wire["key"][2:].rpartition(":")
    page = after.explain(table, weight=f"{path}[{index}]", depth=3, lang="en")
    expected = numbers_of_page(page)
    assert len(expected) > 3
    assert numbers_of_record(view.derivation(wire["key"], "en", 3)) == expected
    place = tuple(int(part) for part in index.split(","))
    assert wire["value"] == figure(float(view.trace.parameters[path][place]))
    assert wire["gradient"] == signed(float(view.trace.gradients[path][place]))
    position = int(np.ravel_multi_index(place, view.trace.parameters[path].shape))
    (listed,) = view.weights(path, position, 1)["rows"]
    assert (listed["value"], listed["gradient"]) == (wire["value"], wire["gradient"])
    assert drawing["loss"] == figure(view.trace.loss)
