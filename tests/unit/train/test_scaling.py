"""The estimated cost of a step: operations counted by hand, and what changes with the devices."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.errors import UsageError
from chainrule.graph import input_node
from chainrule.ops.linear.convolution import convolution
from chainrule.train.monitor.scaling import KINDS, cost_of


def _model() -> cr.Model:
    net = cr.Sequential(cr.Dense(64, "relu"), cr.Dense(3))
    return cr.Model(net, "cross_entropy", cr.Adam(1e-3)).initialize(np.zeros((1, 20), "float32"))


def test_the_products_of_a_step_are_counted() -> None:
    batch = 50
    scaling = _model().scaling(batch, devices=[1])
    forward = 2 * batch * (20 * 64 + 64 * 3)
    backward = 2 * batch * (20 * 64 + 2 * 64 * 3)  # no gradient of the data
    assert forward + backward < scaling.operations < 1.3 * (forward + backward)
    assert scaling.parameters == 4 * (20 * 64 + 64 + 64 * 3 + 3)


def test_a_convolution_and_a_loop_over_time_are_counted() -> None:
    x, w = input_node("x", (None, 8, 8, 3), "float32"), input_node("w", (5, 3, 3, 3), "float32")
    operations, _ = cost_of(cr.Graph({"y": convolution(x, w)}).nodes, {"B": 2})
    assert operations >= 2 * (2 * 6 * 6 * 5) * 27
    net = cr.Sequential(cr.LSTM(4), cr.Dense(1))
    model = cr.Model(net, "mse")
    short, long = (model.initialize(np.zeros((1, n, 2), "float32")).scaling(8, devices=[1]) for n in (10, 40))
    assert 3 < long.operations / short.operations < 5


def test_each_device_has_its_part_of_the_batch() -> None:
    model = _model()
    one, four = model.scaling(4096, devices=[1, 4]).placements
    assert (one.rows, four.rows) == (4096, 1024)
    assert one.exchange == 0 < four.exchange
    with cr.settings.using(parallel="fast"):
        (fast,) = model.scaling(4096, devices=[4]).placements
    assert fast.exchange < four.exchange
    with cr.settings.using(parallel="fast", sharding="parameters"):
        assert model.scaling(4096, devices=[4]).placements[0].memory < fast.memory


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_prints_a_table(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "iris", "--devices", "3", "--kind", kind, "--lang", "en"]) == 0
    output = capsys.readouterr().out
    assert KINDS[kind].name in output
    assert [line.split()[0] for line in output.splitlines() if "✓" in line] == ["1", "2", "3"]


def test_the_table_is_in_the_language_of_the_user() -> None:
    with cr.settings.using(lang="zh"):
        lines = str(_model().scaling(32, devices=[1])).splitlines()
    assert "参数" in lines[0]
    assert lines[1].split() == [
        "设备数",
        "每个设备的行数",
        "一步",
        "其中通信",
        "速度",
        "每个设备的内存",
        "放得下",
    ]


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(UsageError, match="E101"):
        _model().scaling(32, kind="h1000")
    with pytest.raises(UsageError, match="E102"):
        _model().scaling(32, devices=[0])
