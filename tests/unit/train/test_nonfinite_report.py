"""The non-finite tracer: reports of injected faults, their files, notices, texts and exactness."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pytest
from campaigns import nonfinite as campaign
from campaigns.nonfinite_faults import FAMILIES, NETS, Apply, fitted, rows_of
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import FileError, TrainingError
from chainrule.events import Channel, Event, Notice, StepDone, notices
from chainrule.graph import Node
from chainrule.messages import translated
from chainrule.nn import Layer, layer
from chainrule.nn.scope import Scope
from chainrule.train.callback.callback import every_step
from chainrule.train.nonfinite import Cause, InputValue, NonfiniteReport, StepStatistics, is_finite
from chainrule.train.nonfinite.record import NAME
from chainrule.train.nonfinite.report_text import CAUSES, REMEDIES, WORDS
from page_examples import DOCS

EVERY = {"an operation of the network": 5, "a learning rate": 10}  # of the other families every second fault
CHINESE = re.compile("[一-鿿]")
SOME = [
    pytest.param(fault, id=f"{family}: {fault.kind}, {fault.name}")
    for family, source in FAMILIES.items()
    for fault in list(source())[:: EVERY.get(family, 2)]
]
WHOLE = NonfiniteReport(
    "backward",
    "divide",
    "root1",
    "Root",
    "net.py:7",
    5,
    2,
    1,
    float("nan"),
    (0, 1),
    3,
    8,
    (4, 17),
    (),
    (InputValue("x", (1, 0), 0.0, 17), InputValue("dense1.weight", (2,), float("inf"))),
    2,
    -1,
    (
        Cause("overflow_product", {"limit": 3e38}),
        Cause("loss_grew", {"factor": 1e6, "steps": 3, "learning_rate": 0.1}),
    ),
    "clip=cr.ClipGlobalNorm(1.0)",
    (StepStatistics(4, 1.0, 0.1), StepStatistics(5, 2.0, 0.1, 3.0, 4.0, {"dense1": 2.0})),
    "native",
)


@pytest.mark.parametrize("fault", SOME)
def test_a_fault_is_located(fault: Any) -> None:
    report = campaign.report_of(fault)
    assert campaign.wrong(fault, report) == []
    assert report is not None
    assert NonfiniteReport.of_record(report.to_record()).lines("zh", 3) == report.lines("zh", 3)


def test_the_page_counts_every_fault() -> None:
    total = sum(len(list(source())) for source in FAMILIES.values())
    page = (DOCS / "nonfinite-values.md").read_text(encoding="utf-8")
    assert f"**{total} of {total} located.**" in page, "python campaigns/nonfinite.py writes it"
    shares = re.findall(r"([0-9.]+) % \|\n", page)
    assert len(shares) == len(campaign.NETS)
    assert all(float(share) < 5 for share in shares)


def test_a_cause_has_both_languages_with_the_same_facts_and_a_remedy() -> None:
    def named(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert CAUSES.keys() == REMEDIES.keys()
    assert not CHINESE.search(" ".join(WORDS.values()))
    for key, en in CAUSES.items():
        zh = translated(en, "zh", key)
        assert named(en) == named(zh), key
        assert CHINESE.search(zh), key
        assert not CHINESE.search(en), key
        assert named(REMEDIES[key]) <= named(en) | {"optimizer"}, key


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_depths(lang: str) -> None:
    lines = [WHOLE.lines(lang, depth) for depth in range(4)]
    assert [len(text) for text in lines] == sorted({len(text) for text in lines}), (
        "depths must grow in length"
    )
    assert lines[0] == [WHOLE.cause(lang)]
    assert all(bool(CHINESE.search("\n".join(text))) == (lang == "zh") for text in lines)
    assert "17" in "\n".join(lines[2])
    assert "dense1" in "\n".join(lines[3])


def test_a_record_is_read_back_equal() -> None:
    assert repr(NonfiniteReport.of_record(WHOLE.to_record())) == repr(WHOLE)


def test_a_record_that_is_none_is_refused() -> None:
    assert len(list(paths(WHOLE.to_record()))) > 20
    for path in paths(WHOLE.to_record()):
        for value in (None, "gone", {"a": None}, [None]):
            record: Any = WHOLE.to_record()
            *way, last = path
            part = record
            for key in way:
                part = part[key]
            if (
                value == "gone"
                and isinstance(part, dict)
                and part is not record["recent_steps"][1].get("weights")
            ):
                del part[last]
            else:
                part[last] = value
            with pytest.raises(FileError, match="E555"):
                NonfiniteReport.of_record(record)


def paths(part: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every number and text of a record."""
    keys = part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
    for key in keys:
        inner = list(paths(part[key], (*before, key)))
        yield from inner or [(*before, key)]


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"step": NaN}', "\udcff"])
def test_a_file_that_is_no_record_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(FileError, match="E555"):
        cr.read_nonfinite_report(tmp_path)


def test_a_run_stores_the_report_until_the_training_is_resumed(tmp_path: Path) -> None:
    x = rows_of((3,))
    x[22, 2] = 0.0
    with pytest.raises(TrainingError) as stopped:
        fitted(NETS["dense"][1](Apply("log of 0")), x, run=tmp_path / "run")
    report = cr.read_nonfinite_report(tmp_path / "run")
    assert repr(report) == repr(stopped.value.report)
    fitted(NETS["dense"][1](Apply("log of 0")), rows_of((3,)), run=tmp_path / "run")
    assert cr.read_nonfinite_report(tmp_path / "run") is None


def test_the_last_steps_equal_those_of_an_uninterrupted_training() -> None:
    x = rows_of((3,))
    net = cr.Sequential(Apply("log of 0"), cr.Dense(4, "tanh"), cr.Dense(1))
    losses: dict[int, float] = {}
    norms: dict[int, float] = {}

    class Watch(cr.Callback):
        """Records the loss and the gradient norm of every step."""

        def start(self, training: Any) -> Any:
            def listen(event: Event) -> None:
                if isinstance(event, StepDone):
                    norms[event.step + 1] = float(np.linalg.norm(list(training.gradient_norms().values())))
                    losses[event.step] = event.loss

            return every_step(listen)

    fitted(net, x[:36], callbacks=[Watch()], epochs=1)
    x[37, 1] = 0.0
    with pytest.raises(TrainingError) as stopped:
        fitted(net, x, epochs=1)
    report = stopped.value.report
    assert [moment.step for moment in report.recent_steps] == list(range(3, 11))
    for moment in report.recent_steps[:-1]:
        assert moment.loss == pytest.approx(losses[moment.step], rel=1e-6)
        if moment.step < 9:
            assert moment.gradient == pytest.approx(norms[moment.step], rel=1e-5)
        assert set(moment.weights) == {"dense1", "dense2"}
        assert 0 < moment.largest < 10


def test_rows_whose_infinity_is_not_selected_are_not_named() -> None:
    @layer
    class Guarded(Layer):
        """A logarithm that is not selected where the first number of the row is negative."""

        def __call__(self, x: Node, scope: Scope) -> Node:
            logs = cr.log(x[:, 1:]).reshape((x.shape[0], 1, 2))
            first = x[:, :1].reshape((x.shape[0], 1, 1))
            both = cr.concatenate([first, first], 2)
            return cr.where(cr.greater(both, 0.0), logs, 0.0).reshape((x.shape[0], 2))

    x = rows_of((3,))
    x[[1, 3, 9], 2] = 0.0
    x[[1, 9], 0] = -1.0
    with pytest.raises(TrainingError) as stopped:
        fitted(cr.Sequential(Guarded(), cr.Dense(1)), x, epochs=1)
    assert stopped.value.report.op == "log"
    assert stopped.value.report.rows == (3,)


def test_non_finite_predictions_are_reported_and_explained() -> None:
    x = rows_of((3,))
    model = fitted(cr.Sequential(Apply("log of 0"), cr.Dense(1)), x, epochs=1)
    assert cr.trace_nonfinite(model, x) is None
    x[[4, 9], 1] = 0.0
    events: list[Event] = []
    with notices.deliver_to(Channel([events.append])):
        assert not np.isfinite(model.predict(x)).all()
        assert not np.isfinite(model.evaluate(x, np.ones(len(x)))["loss"])
    reports = [event for event in events if isinstance(event, Notice)]
    assert len(reports) == 1, "the notice must be emitted once"
    assert "2 of 42 predictions are not finite" in reports[0].en
    assert "log of 0" in reports[0].en
    assert CHINESE.search(reports[0].zh)
    with pytest.warns(UserWarning, match="2 of 42 predictions are not finite") as warned:
        model.predict(x)  # a program has no channel
    assert [w.filename for w in warned] == [__file__]
    report = cr.trace_nonfinite(model, x)
    assert report is not None
    assert (report.op, report.layer, report.phase, report.rows, report.step) == (
        "log",
        "apply1",
        "forward",
        (4, 9),
        0,
    )


def test_an_untrained_model_has_no_report() -> None:
    with pytest.raises(TrainingError, match="E503"):
        cr.trace_nonfinite(cr.Model(cr.Sequential(cr.Dense(1)), "mse"), [[1.0]])


@hypothesis_settings(max_examples=50)
@given(st.lists(st.floats(width=32), min_size=0, max_size=9), st.sampled_from(["float32", "float64"]))
def test_is_finite_equals_numpys(values: list[float], dtype: str) -> None:
    array = np.array(values, dtype)
    assert is_finite(array) == np.isfinite(array).all()
    assert is_finite(np.stack([array, array])[:, ::2]) == np.isfinite(array[::2]).all()
