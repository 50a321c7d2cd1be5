"""The estimated cost of a step: operations counted by hand, and what changes with the devices."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.errors import TrainingError, UsageError
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


def test_a_network_larger_than_the_memory_is_estimated_without_parameters() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(10**6, "relu"), cr.Dense(10**6)), "mse", cr.Adam(1e-3))
    with pytest.raises(TrainingError, match="E503"):
        model.scaling(64)
    scaling = model.scaling(64, devices=[1, 64], inputs=np.zeros((1, 20), "float32"))
    assert scaling.parameters == 4 * (20 * 10**6 + 10**12 + 2 * 10**6)
    assert scaling.divided is not None
    assert (scaling.divided.devices, scaling.divided.fits) == (64, False)
    assert "too large, also with" in str(scaling).splitlines()[-1]
    assert model.parameters() == {}


def test_where_copies_are_too_large_the_sharding_that_fits_is_named() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(60000, "relu"), cr.Dense(60000)), "mse", cr.Adam(1e-3))
    scaling = model.scaling(64, devices=[1, 16], inputs=np.zeros((1, 20), "float32"))
    assert not any(one.fits for one in scaling.placements)
    lines = str(scaling).splitlines()
    assert lines[1] == 'settings: parallel="deterministic", sharding="copies"'
    assert 'with parallel="fast" and sharding="parameters" it fits on 16 devices' in lines[-1]
    with cr.settings.using(parallel="fast", sharding="parameters"):
        divided = model.scaling(64, devices=[1, 16], inputs=np.zeros((1, 20), "float32"))
    assert divided.placements[1] == scaling.divided
    assert divided.divided is None


def test_a_sharding_without_an_estimate_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="E102") as refused, cr.settings.using(sharding="parameters"):
        _model().scaling(32)
    assert refused.value.fix == 'cr.settings.parallel = "fast"'
    with (
        pytest.raises(UsageError, match="E102") as refused,
        cr.settings.using(parallel="fast", sharding="dense1=model", mesh="data=2, model=2"),
    ):
        _model().scaling(32)
    assert refused.value.fix == 'cr.settings.sharding = "parameters"'
    assert main(["plan", "iris", "--sharding", "parameters"]) == 2
    output, errors = capsys.readouterr()
    assert (output, "fix       --parallel fast" in errors) == ("", True)


def test_the_table_is_in_the_language_of_the_user() -> None:
    with cr.settings.using(lang="zh"):
        lines = str(_model().scaling(32, devices=[1])).splitlines()
    assert "参数" in lines[0]
    assert lines[2].split() == [
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
