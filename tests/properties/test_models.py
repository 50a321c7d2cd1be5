"""Every named model: its number of parameters, its text, training, file and explanation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import onnxruntime
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.engines.xla import portable_program, run_portable
from chainrule.interop.onnx.export.file import onnx_bytes
from chainrule.models import MODELS, ModelCard
from chainrule.symbolic_shape import Size, Spec
from small_models import ROWS, SMALL, samples, targets_of

DOCS = Path(__file__).parents[2] / "docs" / "models"
CATALOGS = DOCS.parent / "locale" / "zh_CN" / "LC_MESSAGES" / "models"


@pytest.fixture(params=MODELS)
def card(request: pytest.FixtureRequest) -> ModelCard:
    """Each card of the table in turn."""
    return MODELS[request.param]


def home(card: ModelCard) -> str:
    """The file a model lives in."""
    return card.net.__module__.rpartition(".")[2]


class Trained(NamedTuple):
    """A small model after two steps, with its inputs and initial parameters."""

    model: cr.Model
    x: Any
    first: dict[str, np.ndarray]


@pytest.fixture(scope="module", params=SMALL)
def trained(request: pytest.FixtureRequest) -> Trained:
    """Each small model, trained."""
    small, first = SMALL[request.param], {}
    net = small.net()
    model = cr.Model(net, "cross_entropy", cr.SGD(0.01), engine="reference")

    class Begin(cr.Callback):
        """Copies the initial parameters."""

        def start(self, training: Any) -> Any:
            first.update({path: value.copy() for path, value in training.parameters().items()})
            return lambda event: None

    x = samples(small)
    history = model.fit(
        x, targets_of(small, net), epochs=2, batch_size=ROWS, verbose=False, callbacks=[Begin()]
    )
    assert all(np.isfinite(epoch["loss"]) for epoch in history)
    return Trained(model, x, first)


def test_every_kind_of_model_is_trained() -> None:
    assert {home(MODELS[name]) for name in SMALL} == {home(card) for card in MODELS.values()}


def test_a_model_is_a_function_with_a_card_in_its_module(card: ModelCard) -> None:
    assert getattr(cr.models, card.name) is card.net
    assert MODELS[card.name] is card
    assert card.name in dir(cr.models)


def test_the_number_of_parameters_agrees_with_the_card(card: ModelCard) -> None:
    assert card.count() == card.parameters


def test_a_card_describes_the_model_in_both_languages(card: ModelCard) -> None:
    english, chinese = card.says
    assert english.endswith(".")
    assert not re.search("[一-鿿]", english)
    assert chinese.endswith("。")
    assert re.search("[一-鿿]", card.chinese)
    assert re.search(r"\(\d{4}\)", card.reference)
    assert card.source


def test_the_page_of_a_model_states_its_parameter_count_in_both_languages(card: ModelCard) -> None:
    """The Chinese is on the page, or in its catalog."""
    texts = {page: page.read_text(encoding="utf-8") for page in DOCS.glob("*.md")}
    named = re.compile(rf"`{card.name}`|\bcr\.models\.{card.name}\b")
    matching = [page for page, text in texts.items() if named.search(text) and f"{card.parameters:,}" in text]
    catalogs = [CATALOGS / f"{page.stem}.po" for page in matching]
    chinese = [catalog.read_text(encoding="utf-8") for catalog in catalogs if catalog.exists()]
    assert any(re.search("[一-鿿]{6}", text) for text in [*map(texts.get, matching), *chinese] if text)


def test_networks_print_in_lines_of_at_most_110_columns(card: ModelCard) -> None:
    lines = str(card.net()).splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= 110


def test_every_part_of_a_network_is_named(card: ModelCard) -> None:
    paths = nn.build(card.net(), card.inputs, "float32").parameters
    assert [path for path in paths if re.search(r"sequential|(^|\.)(conv|dense)\d*\.\w+\.\w+\.", path)] == []


def test_networks_are_restored_equal_from_their_record(card: ModelCard) -> None:
    net = card.net()
    again = nn.net_from_record(nn.net_to_record(net))
    assert again == net
    assert str(again) == str(net)


def test_every_weight_changes_in_two_steps(trained: Trained) -> None:
    first, then = trained.first, trained.model.parameters()
    assert first.keys() == then.keys()
    weights = [path for path in first if path.endswith(".weight")]
    assert weights
    still = [path for path in weights if np.array_equal(first[path], then[path])]
    assert still == []


def test_a_model_file_restores_the_same_bits(trained: Trained, tmp_path: Path) -> None:
    model, x, _ = trained
    model.save(tmp_path / "model.safetensors")
    again = cr.load(tmp_path / "model.safetensors")
    before, read = model.parameters(), again.parameters()
    assert before.keys() == read.keys()
    assert all(np.array_equal(before[path], read[path]) for path in before)
    with cr.settings.using(engine="reference"):
        np.testing.assert_array_equal(model(x), again(x))
    assert again.recipe.net == model.recipe.net


@pytest.mark.parametrize(("name", "weight"), [("lenet5", "c3.weight[2,1,3,0]")])
def test_one_weight_of_a_network_is_explained(name: str, weight: str) -> None:
    small = SMALL[name]
    model = cr.Model(small.net(), "cross_entropy", cr.SGD(0.01), engine="reference")
    x = samples(small)
    y = targets_of(small, model.recipe.net)
    model.fit(x, y, epochs=1, batch_size=ROWS, verbose=False)
    text = str(model.explain(x[0], y[0], weight=weight))
    assert weight in text


def test_every_network_is_a_program_for_cpus_gpus_and_tpus(card: ModelCard) -> None:
    built = nn.build(card.net(), card.inputs, "float32")
    exported = jax.export.deserialize(bytearray(portable_program({"y": built.output}, {})))
    assert exported.platforms == ("cpu", "cuda", "tpu")
    (shape,) = {aval.shape for aval in exported.out_avals}
    assert str(shape[0]) == "B"


@pytest.mark.long
@pytest.mark.parametrize("name", SMALL)
def test_an_exported_model_has_its_probabilities_at_any_batch(name: str) -> None:
    small = SMALL[name]
    kind = "int64" if small.words else "float32"
    specs = {key: Spec((Size.symbol("B"), *shape), kind) for key, shape in small.shapes.items()}
    model = cr.Model(small.net(), "cross_entropy").initialize(specs)
    session = onnxruntime.InferenceSession(onnx_bytes(model.state), providers=["CPUExecutionProvider"])
    program = portable_program(model.state.network.predictions(), model.state.arrays)
    rng = np.random.default_rng(0)
    for rows in (1, 2, 7):
        x = {
            key: rng.integers(0, small.words, (rows, *shape))
            if small.words
            else rng.normal(size=(rows, *shape))
            for key, shape in small.shapes.items()
        }
        feeds = {key: array.astype(kind) for key, array in x.items()}
        expected = model.predict_proba(feeds if len(feeds) > 1 else feeds["x"])
        (received,) = session.run(["probabilities"], feeds)
        (portable,) = run_portable(program, feeds).values()
        for values in (received, portable.reshape(expected.shape)):
            np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-5)
