"""Networks as PyTorch programs, and their parameters under PyTorch's names.

``python -m campaigns.torch_exports`` runs each program in a process of its own, with all networks of papers.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision

import chainrule as cr
from chainrule import nn
from chainrule.errors import FileError, UsageError
from chainrule.interop.export.torch_file import program, raw_outputs
from chainrule.interop.export.torch_operations import OPERATIONS
from chainrule.interop.torch.state_dict import torch_state
from chainrule.ops import CARDS
from chainrule.symbolic_shape import Size, Spec
from layer_cases import CASES, ready

RANDOM = {"convolution_weight", "normal", "uniform"}  # of gradients and of random values


def network_of(text: str) -> Any:
    """The network of a program, without its weights, in inference."""
    scope: dict[str, Any] = {"__name__": "network", "__file__": "network_torch.py"}
    exec(text, scope)
    return scope["Network"]().eval()


def difference_of(name: str) -> str:
    """The difference of the program of a layer from the layer; "" if there is none."""
    built, arrays = ready(CASES[name], dtype="float32")
    inputs = {key: arrays.pop(key) for key in built.inputs}
    with np.errstate(all="ignore"):
        expected = raw_outputs(built, arrays, inputs)
    network = network_of(program(built, arrays, inputs, expected, "network_torch.py"))
    state = torch_state(built, arrays)
    network.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    with torch.no_grad():
        result = network(*map(torch.from_numpy, inputs.values()))
    outputs = result if isinstance(result, dict) else dict.fromkeys(expected, result)
    try:
        for key, values in expected.items():
            assert outputs[key].shape == values.shape
            np.testing.assert_allclose(outputs[key].numpy().astype("float64"), values, 2e-5, 2e-5)
    except AssertionError as error:
        return f"{name}: {error}"
    return ""


def test_every_operation_is_written_except_gradients_and_random_values() -> None:
    assert {card.name for card in CARDS} - RANDOM == OPERATIONS.keys()


@pytest.mark.long
def test_the_program_of_every_layer_has_its_values() -> None:
    differences = [difference_of(name) for name in CASES]
    assert len(differences) > 200
    assert [text for text in differences if text] == []


def trained() -> tuple[cr.Model, np.ndarray]:
    """A model of images with modules of several kinds."""
    net = cr.Sequential(
        cr.Conv(4, 3, padding="same", activation="relu"),
        cr.BatchNorm(),
        cr.MaxPool(2),
        cr.Flatten(),
        cr.Dense(6, "tanh"),
        cr.Dense(3),
    )
    model = cr.Model(net, "cross_entropy")
    x = np.random.default_rng(0).normal(size=(12, 8, 8, 2)).astype("float32")
    model.fit(x, np.arange(12) % 3, epochs=1, verbose=False)
    return model, x


@pytest.mark.long
def test_an_exported_program_runs_by_itself_and_takes_the_state_dict(tmp_path: Path) -> None:
    model, x = trained()
    report = model.export(tmp_path / "net_torch.py")
    assert report.difference <= 1e-5
    done = subprocess.run(
        [sys.executable, "-I", "net_torch.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "7 example rows: the outputs are those of the model\n"
    text = (tmp_path / "net_torch.py").read_text()
    assert "self.conv1 = nn.Conv2d(2, 4, 3, padding=1)" in text
    assert "self.dense1 = nn.Linear(64, 6)" in text
    network = network_of(text)
    network.load_state_dict(model.to_torch_state_dict(tensors=True))
    with torch.no_grad():
        scores = network(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(scores, np.asarray(model(x)), rtol=0, atol=1e-5)


def test_a_plain_sequence_in_pytorch_takes_the_state_dict() -> None:
    model, x = trained()
    parts = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.BatchNorm2d(4),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 6),
        torch.nn.Tanh(),
        torch.nn.Linear(6, 3),
    ).eval()
    state = list(model.to_torch_state_dict(tensors=True).values())
    names = [name for name in parts.state_dict() if not name.endswith("num_batches_tracked")]
    order = list(model.to_torch_state_dict())
    assert sorted(order[:2]) == ["conv1.bias", "conv1.weight"]
    modules = {"conv1": "0", "batch_norm1": "2", "dense1": "5", "dense2": "7"}
    renamed = {
        f"{modules[key.partition('.')[0]]}.{key.partition('.')[2]}": t
        for key, t in zip(order, state, strict=True)
    }
    assert sorted(renamed) == sorted(names)
    parts.load_state_dict(renamed)
    with torch.no_grad():
        scores = parts(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(scores, np.asarray(model(x)), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("net", "theirs"),
    [
        (cr.models.resnet18, torchvision.models.resnet18),
        (cr.models.mobilenet_v3_small, torchvision.models.mobilenet_v3_small),
    ],
    ids=["resnet18", "mobilenet"],
)
def test_a_network_of_torchvision_takes_the_state_dict(net: Any, theirs: Any) -> None:
    built = nn.build(net(classes=5), {"x": Spec((Size.symbol("B"), 64, 64, 3), "float32")}, "float32")
    rng = np.random.default_rng(0)
    arrays = {
        path: (rng.normal(size=p.spec.shape) / max(1, np.prod(p.spec.shape[1:])) ** 0.5).astype("float32")
        for path, p in built.parameters.items()
    }
    arrays |= {path: np.ones(p.spec.shape, "float32") for path, p in built.states.items()}
    x = rng.normal(size=(2, 64, 64, 3)).astype("float32")
    expected = raw_outputs(built, arrays, {"x": x})["y"]
    network = theirs(num_classes=5).eval()
    state = torch_state(built, arrays, "torchvision")
    network.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    with torch.no_grad():
        outputs = network(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5 * max(1.0, abs(expected).max()))


def test_names_that_do_not_fit_are_refused() -> None:
    model, _ = trained()
    with pytest.raises(UsageError) as caught:
        model.to_torch_state_dict("torchvison")
    assert caught.value.code == "E101"
    with pytest.raises(FileError) as refused:
        model.to_torch_state_dict("resnet")
    assert refused.value.code == "E462"


def test_random_values_in_inference_are_refused_by_the_name_of_the_layer() -> None:
    class Shaken(cr.Layer):
        def __call__(self, x: Any, scope: Any) -> Any:
            return x + scope.uniform("noise", x.shape)

    built = nn.build(
        cr.Sequential(cr.Dense(3), cr.layer(Shaken)()), {"x": Spec((4, 2), "float32")}, "float32"
    )
    arrays = {path: np.ones(p.spec.at({}).shape, "float32") for path, p in built.parameters.items()}
    with pytest.raises(FileError, match="shaken1") as caught:
        program(built, arrays, {}, {}, "network_torch.py")
    assert caught.value.code == "E462"
