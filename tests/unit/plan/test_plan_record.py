"""Plan records: saved and loaded without loss; other files are refused with an error code."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import FileError
from chainrule.graph import Graph, input_node
from chainrule.plan.plan import Cut, plan
from chainrule.plan.plan_record import PlanRecord, task_record
from chainrule.plan.tasks import MICROBATCHES, Buffer, Task
from chainrule.plan.views import View
from chainrule.settings import settings
from random_graph import graphs
from training_step import step


@pytest.fixture
def record() -> PlanRecord:
    graph, cut = step()
    return plan(graph, {"B": 10}, cut).record


@given(graphs(25))
def test_saving_and_loading_round_trips(tmp_path_factory: pytest.TempPathFactory, graph: Graph) -> None:
    planned, file = plan(graph, {}), tmp_path_factory.mktemp("plan") / "plan.json"
    planned.save(file)
    loaded = PlanRecord.load(file)
    assert loaded == planned.record
    assert str(loaded) == str(planned)


def test_equal_plans_are_saved_as_equal_bytes(record: PlanRecord, tmp_path: Path) -> None:
    again = plan(step()[0], {"B": 10}, step()[1])
    for name, one in (("a.json", record), ("b.json", again)):
        one.save(tmp_path / name)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_plan_is_printed_in_the_users_language(record: PlanRecord) -> None:
    with settings.using(lang="zh"):
        lines = str(record).splitlines()
    assert lines[0].startswith("计划（B=10），分为 3 个微批")
    assert lines[3].split()[:3] == ["阶段", "内核", "层"]
    assert len(lines) == len(str(record).splitlines())


def test_the_cost_of_a_batch_includes_every_microbatch(record: PlanRecord) -> None:
    inside = sum(e.flops for e in record.tasks if e.phase == MICROBATCHES)
    assert record.microbatches == 3
    assert record.flops == sum(e.flops for e in record.tasks) + 2 * inside
    assert record.memory["work"] == record.layout.size
    assert record.memory["summed"] == 8 * (1 + 2 + 1), "the loss, dw and db"


def test_an_update_belongs_to_the_layer_of_its_parameter() -> None:
    x, w = input_node("x", (None, 3), "float64"), input_node("block1.dense1.weight", (3, 2), "float64")
    loss = cr.mean(cr.square(x @ w))
    (dw,) = cr.grad(loss, [w])
    graph = Graph({"loss": loss, "new": w - 0.1 * dw})
    planned = plan(graph, {"B": 8}, Cut(4, "loss", (dw,), {"new": "block1.dense1.weight"}))
    assert planned.record.tasks[-1].layer == "block1.dense1"
    apart = plan(graph, {"B": 8})
    layers = [task_record(t, apart.buffers, {"new": "block1.dense1.weight"}).layer for t in apart.tasks]
    assert "block1.dense1" in layers


@pytest.mark.parametrize(
    ("view", "numbers"),
    [
        (View(0, (4, 3), (3, 1)), 12),
        (View(0, (4, 3), (0, 1)), 3),  # one row, repeated four times
        (View(0, (4, 3), (0, 0)), 1),
        (View(0, (), ()), 1),
        (View(0, (0, 3), (0, 1)), 0),
    ],
)
def test_a_repeated_value_counts_once_in_the_traffic(view: View, numbers: int) -> None:
    buffers = [Buffer(0, (12,), "float64", "input"), Buffer(1, (), "float32", "work")]
    task = Task("sum", (), (view,), (View(1, (), ()),))
    assert task_record(task, buffers).bytes == 8 * numbers + 4


# --- invalid files


def saved(record: PlanRecord, tmp_path: Path) -> tuple[Path, Any]:
    """Return the path of a saved plan, and its content."""
    file = tmp_path / "plan.json"
    record.save(file)
    return file, json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"format": "other"}', "NaN", "\x00\x01", '{"a": 1}']
)
def test_a_file_that_is_not_from_chainrule_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text, encoding="utf-8")
    with pytest.raises(FileError, match="E421"):
        PlanRecord.load(tmp_path / "plan.json")


@pytest.mark.parametrize(("change", "code"), [({"kind": "model"}, "E423"), ({"version": 2}, "E422")])
def test_other_kinds_and_newer_versions_are_refused(
    record: PlanRecord, tmp_path: Path, change: dict[str, Any], code: str
) -> None:
    file, document = saved(record, tmp_path)
    file.write_text(json.dumps({**document, **change}), encoding="utf-8")
    with pytest.raises(FileError, match=code):
        PlanRecord.load(file)


BREAKS: dict[str, Callable[[Any], object]] = {
    "no tasks": lambda r: r.pop("tasks"),
    "an unknown buffer": lambda r: r["tasks"][0]["reads"][0].update(buffer=99),
    "not an integer": lambda r: r.update(rows=2.5),
    "a boolean as a number": lambda r: r.update(rows=True),
    "a negative size": lambda r: r["buffers"][0].update(shape=[-1]),
    "fewer strides than axes": lambda r: r["tasks"][0]["reads"][0].update(shape=[1, 2, 3]),
    "an unknown dtype": lambda r: r["buffers"][0].update(dtype="object"),
    "an unknown phase": lambda r: r["tasks"][0].update(phase="later"),
    "an offset beyond the arena": lambda r: r["buffers"][-1].update(offset=10**9),
    "operations that are not strings": lambda r: r["tasks"][0].update(operations=[1]),
    "no record": lambda r: r.clear(),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_malformed_record_is_refused(record: PlanRecord, tmp_path: Path, broken: str) -> None:
    file, document = saved(record, tmp_path)
    BREAKS[broken](document["record"])
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(FileError, match="E424"):
        PlanRecord.load(file)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from leaves(item, (*path, key))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**70) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
)


@pytest.mark.long
@given(st.data())
def test_a_damaged_file_loads_or_raises_a_file_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    graph, cut = step()
    file, document = saved(plan(graph, {"B": 10}, cut).record, tmp_path_factory.mktemp("plan"))
    broken = copy.deepcopy(document)
    *path, last = data.draw(st.sampled_from(list(leaves(document))))
    place = broken
    for key in path:
        place = place[key]
    place[last] = data.draw(JSON)
    file.write_text(json.dumps(broken), encoding="utf-8")
    try:
        outcome = str(PlanRecord.load(file))
    except FileError as error:
        outcome = error.code
    assert outcome in ("E421", "E422", "E423", "E424") or "\nmemory: " in outcome


def test_a_name_that_cannot_be_saved_is_refused(record: PlanRecord, tmp_path: Path) -> None:
    x = input_node("\ud800", (3,), "float64")
    with pytest.raises(FileError, match="E425"):
        plan(Graph({"y": x * 2.0}), {}).save(tmp_path / "plan.json")
    assert not list(tmp_path.iterdir())


def test_constants_are_not_saved(tmp_path: Path) -> None:
    secret = np.array([0.123456789, 2.0, 3.0])
    x = input_node("x", (3,), "float64")
    plan(Graph({"y": x * cr.constant(secret, "float64")}), {}).save(tmp_path / "plan.json")
    assert "0.1234" not in (tmp_path / "plan.json").read_text(encoding="utf-8")
