"""``fit`` on batches of an iterable: DataLoaders, generators, lists, functions."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, DataError, TrainingError, UsageError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 4)).astype("float32")
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int64)
WEIGHTS = RNG.uniform(0.5, 2, 70).astype("float32")
BATCHES = [(X[i : i + 32], Y[i : i + 32]) for i in range(0, 70, 32)]  # the last one is smaller
ENGINES = ["native", "reference"]


def model(engine: Any = "native", optimizer: Any = None, **options: Any) -> cr.Model:
    net = cr.Sequential(cr.Dense(6, "tanh"), cr.BatchNorm(), cr.Dropout(0.2), cr.Dense(2))
    return cr.Model(net, "cross_entropy", optimizer or cr.Adam(0.01), engine=engine, **options)


def on_arrays(engine: Any = "native", options: dict[str, Any] | None = None, **fit: Any) -> cr.Model:
    trained = model(engine, **(options or {}))
    trained.fit(X, Y, epochs=3, shuffle=False, verbose=False, doctor=False, probes=False, **fit)
    return trained


def equal(a: cr.Model, b: cr.Model) -> bool:
    arrays, others = a.state.arrays, b.state.arrays
    return a.history == b.history and all(np.array_equal(arrays[path], others[path]) for path in arrays)


def tensors() -> Any:
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    return torch.utils.data.DataLoader(data, batch_size=32)


class Exported:
    """An array that other libraries read by DLPack only."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()


SOURCES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "list": lambda: (BATCHES, None),
    "function": lambda: ((lambda: iter(BATCHES)), None),
    "lists": lambda: ([list(batch) for batch in BATCHES], None),
    "dicts": lambda: ([{"x": x, "y": y} for x, y in BATCHES], None),
    "named target": lambda: ([{"image": x, "label": y} for x, y in BATCHES], "label"),
    "dlpack": lambda: ([(Exported(x), y) for x, y in BATCHES], None),
    "columns": lambda: ([(x, y[:, None]) for x, y in BATCHES], None),
    "float64": lambda: ([(x.astype("float64"), y.astype("int32")) for x, y in BATCHES], None),
    "DataLoader": lambda: (tensors(), None),
}


@pytest.mark.parametrize("name", SOURCES)
def test_predictions_and_measures_take_batches(name: str) -> None:
    trained = on_arrays()
    x, y = SOURCES[name]()
    assert trained.evaluate(x, y) == trained.evaluate(X, Y)
    for method in (trained.predict, trained.predict_proba):
        x, y = SOURCES[name]()
        if y is None:  # batches that are dicts with a target have it in ``evaluate`` only
            assert np.array_equal(method(x), method(X))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SOURCES)
def test_batches_of_the_same_rows_give_the_same_bits(name: str, engine: Any) -> None:
    batches, y = SOURCES[name]()
    trained = model(engine)
    history = trained.fit(batches, y, epochs=3, validation=(X, Y), verbose=False)
    assert equal(trained, on_arrays(engine, validation=(X, Y)))
    assert len(history) == 3
    assert trained.facts["rows"] == 70
    assert trained.facts["steps"] == 9
    assert "val_accuracy" in history[-1]


@pytest.mark.parametrize(
    "options",
    [
        {"penalty": cr.L2(0.1)},
        {"clip": cr.ClipNorm(0.01)},
        {"optimizer": cr.EMA(cr.SGD(0.1, momentum=0.9))},
        {"optimizer": cr.SGD(cr.ReduceOnPlateau(0.5, monitor="val_loss", patience=0))},
        {"optimizer": cr.SGD(cr.Cosine(0.1))},
        {"frozen": ["dense1"]},
    ],
    ids=str,
)
def test_every_optimizer_option_and_callback_acts_as_on_arrays(options: dict[str, Any]) -> None:
    common: dict[str, Any] = {"validation": (X, Y), "callbacks": [cr.EarlyStopping(patience=1)]}
    trained = model(**options)
    trained.fit(BATCHES, epochs=3, verbose=False, **common)
    assert equal(trained, on_arrays(options=options, **common))


def test_weights_of_batches_are_sample_weights() -> None:
    trained = model()
    trained.fit(
        [(*batch, WEIGHTS[i : i + 32]) for i, batch in zip(range(0, 70, 32), BATCHES, strict=True)],
        epochs=3,
        verbose=False,
    )
    assert equal(trained, on_arrays(sample_weight=WEIGHTS))


def test_several_outputs_have_their_losses_in_the_history() -> None:
    net = cr.Parallel("none", kind=cr.Dense(2), size=cr.Dense(1))
    losses = {"kind": "cross_entropy", "size": "mse"}
    batches = [(x, {"kind": y, "size": x[:, 0]}) for x, y in BATCHES]
    first, second = cr.Model(net, losses), cr.Model(net, losses)
    first.fit(batches, epochs=2, verbose=False)
    second.fit(X, {"kind": Y, "size": X[:, 0]}, epochs=2, shuffle=False, verbose=False)
    assert equal(first, second)
    assert {"kind_loss", "size_loss"} <= first.history[0].keys()


def endless() -> Iterator[Any]:
    while True:
        yield from BATCHES


def test_an_endless_generator_is_read_for_the_steps_of_each_epoch() -> None:
    trained = model()
    trained.fit(endless(), epochs=3, steps_per_epoch=3, verbose=False)
    assert equal(trained, on_arrays())
    optimizer = cr.SGD(cr.Cosine(0.1))
    assert len(model(optimizer=optimizer).fit(endless(), epochs=2, steps_per_epoch=4, verbose=False)) == 2


def test_steps_of_an_epoch_continue_a_pass_over_a_list() -> None:
    seen: list[int] = []

    def batches() -> Iterator[Any]:
        for i, batch in enumerate(BATCHES):
            seen.append(i)
            yield batch

    model().fit(batches, epochs=2, steps_per_epoch=4, verbose=False)
    assert seen == [0, 1, 2, 0, 1, 2, 0, 1]


def test_a_generator_is_one_epoch() -> None:
    trained = model()
    history = trained.fit((batch for batch in BATCHES), epochs=1, verbose=False)
    assert len(history) == 1
    assert trained.facts["steps"] == 3


def test_batches_of_other_lengths_and_sizes_share_the_parameters() -> None:
    net = cr.Sequential(cr.Embedding(9, 4), cr.GRU(3), cr.Dense(2))
    batches = [(RNG.integers(0, 9, (n, t)), np.arange(n) % 2) for n, t in ((8, 5), (8, 7), (3, 5), (9, 11))]
    trained, expected = cr.Model(net, "cross_entropy"), cr.Model(net, "cross_entropy")
    history = trained.fit(batches, epochs=2, verbose=False)
    assert len(history) == 2
    assert trained.facts["rows"] == 28
    expected.initialize(batches[0][0])
    trainer = expected.trainer(*batches[0])
    for _ in range(2):
        for x, y in batches:
            trainer.step(x, y)
    trainer.commit()
    parameters = expected.parameters()
    assert all(np.array_equal(value, parameters[path]) for path, value in trained.parameters().items())


def test_validation_batches_are_read_once_and_joined() -> None:
    passes: list[int] = []

    def rows() -> Iterator[Any]:
        passes.append(1)
        yield from BATCHES

    trained = model()
    trained.fit(BATCHES, epochs=3, validation=rows, verbose=False)
    assert passes == [1]
    assert equal(trained, on_arrays(validation=(X, Y)))
    assert on_arrays(validation=BATCHES).history == on_arrays(validation=(X, Y)).history


def test_callbacks_read_the_present_weights_and_stop_the_training() -> None:
    norms: list[float] = []

    class Watch(cr.Callback):
        def start(self, training: Any) -> Any:
            def watch(event: Any) -> bool:
                if isinstance(event, cr.events.StepDone):
                    norms.append(float(np.abs(training.parameters()["dense1.weight"]).sum()))
                    assert training.gradients()["dense1.weight"].shape == (6, 4)
                return training.step == 5

            watch.every_step = True  # type: ignore[attr-defined]
            return watch

    trained = model()
    trained.fit(BATCHES, epochs=3, callbacks=[Watch()], verbose=False)
    assert trained.facts["ended"] == "callback"
    assert len(set(norms)) == len(norms) == 5
    assert float(np.abs(trained.parameters()["dense1.weight"]).sum()) == norms[-1]


def test_a_value_that_is_not_finite_keeps_the_weights_before_it() -> None:
    trained, large = model(), X[:8].copy()
    large[3] = np.inf
    with pytest.raises(TrainingError, match="E501"):
        trained.fit([*BATCHES, (large, Y[:8])], epochs=2, verbose=False)
    expected = model()
    expected.fit(BATCHES, epochs=1, verbose=False)
    assert np.array_equal(trained.parameters()["dense2.weight"], expected.parameters()["dense2.weight"])


def test_warm_start_continues_and_every_other_fit_starts_again() -> None:
    trained, again = model(), model()
    trained.fit(BATCHES, epochs=1, verbose=False)
    before = trained.parameters()
    trained.fit(BATCHES, epochs=0, warm_start=True, verbose=False)
    assert all(np.array_equal(value, before[path]) for path, value in trained.parameters().items())
    trained.fit(BATCHES, epochs=1, verbose=False)
    again.fit(BATCHES, epochs=1, verbose=False)
    assert equal(trained, again)


def test_classes_that_the_first_batch_lacks_are_declared() -> None:
    names = np.array(["a", "b"])
    batches = [(X[:4], names[[0, 0, 0, 0]]), (X[4:8], names[[1, 1, 0, 1]])]
    with pytest.raises(DataError, match="classes="):
        model().fit(batches, epochs=1, verbose=False)
    trained = model(classes=["a", "b"])
    assert len(trained.fit(batches, epochs=1, verbose=False)) == 1
    assert trained.labels == ("a", "b")


REFUSED: dict[str, tuple[Callable[[], Any], dict[str, Any], str]] = {
    "epochs of a generator": (lambda: iter(BATCHES), {"epochs": 2}, "E102"),
    "too few batches": (lambda: iter(BATCHES), {"epochs": 2, "steps_per_epoch": 2}, "E343"),
    "empty": (lambda: iter([]), {}, "E343"),
    "empty function": (lambda: lambda: iter([]), {"epochs": 2, "steps_per_epoch": 2}, "E343"),
    "run": (lambda: BATCHES, {"run": "folder"}, "E102"),
    "privacy": (lambda: BATCHES, {"privacy": cr.Privacy(3, 1e-5)}, "E102"),
    "batch_size": (lambda: BATCHES, {"batch_size": 64}, "E102"),
    "class_weight": (lambda: BATCHES, {"class_weight": "balanced"}, "E102"),
    "sample_weight": (lambda: BATCHES, {"sample_weight": WEIGHTS}, "E102"),
    "buckets": (lambda: BATCHES, {"buckets": 4}, "E102"),
    "robust": (lambda: BATCHES, {"robust": cr.NoiseTraining(0.1)}, "E102"),
    "kinds": (lambda: BATCHES, {"kinds": {"a": "category"}}, "E102"),
    "fraction": (lambda: BATCHES, {"validation": 0.2}, "E102"),
    "steps of arrays": (lambda: X, {"y": Y, "steps_per_epoch": 2}, "E102"),
    "a number": (lambda: iter([3]), {}, "E340"),
    "four parts": (lambda: iter([(X, Y, WEIGHTS, Y)]), {}, "E340"),
    "other keys": (lambda: iter([{"a": X, "b": Y}]), {}, "E340"),
    "no such target": (lambda: iter([{"a": X, "b": Y}]), {"y": "c"}, "E340"),
    "no iterable": (lambda: lambda: 3, {}, "E113"),
    "different rows": (lambda: iter([(X, Y[:3])]), {}, "E344"),
    "rows of other lengths": (lambda: iter([(X, Y)]), {"validation": [(X, Y), (X[:, :2], Y)]}, "E341"),
    "none": (lambda: iter([(None, Y)]), {}, "E340"),
    "labels first": (lambda: iter([(Y, X)]), {}, "E341"),
    "a data set": (lambda: tensors().dataset, {}, "E113"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    source, options, code = REFUSED[name]
    with pytest.raises(ChainruleError, match=code):
        model().fit(source(), **{"epochs": 1, "verbose": False, **options})


def notices_of(batches: Any, epochs: int = 2) -> list[str]:
    """The notices of a training."""
    texts: list[str] = []

    def listen(event: Any) -> None:
        if isinstance(event, cr.events.Notice):
            texts.append(event.text)

    model().fit(batches, epochs=epochs, callbacks=[listen], verbose=False)
    return texts


def test_a_data_loader_that_does_not_shuffle_is_noticed() -> None:
    torch = pytest.importorskip("torch")
    shuffled = torch.utils.data.DataLoader(tensors().dataset, batch_size=32, shuffle=True)
    assert sum("shuffle=True" in text for text in notices_of(tensors())) == 1
    for batches, epochs in ((tensors(), 1), (shuffled, 2), (BATCHES, 2)):
        assert not any("shuffle=True" in text for text in notices_of(batches, epochs))


def test_images_of_torchvision_without_channels_last_are_noticed() -> None:
    waves = np.arange(32) / 5
    phases = RNG.uniform(0, 6, (64, 3, 1, 1))
    images = np.sin(waves[:, None] + waves + phases).astype("float32")  # (64, 3, 32, 32)
    for x, is_noticed in ((images, True), (images.transpose(0, 2, 3, 1), False)):
        net = cr.Sequential(cr.Conv(2, 3), cr.GlobalAveragePool(), cr.Dense(2))
        batches = [(x, np.arange(64) % 2)]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            cr.Model(net, "cross_entropy").fit(batches, epochs=1, verbose=False)
        assert any("channels-first" in str(warning.message) for warning in caught) == is_noticed


def test_a_generator_that_ends_early_keeps_what_was_trained() -> None:
    trained, expected = model(), model()
    with pytest.raises(DataError, match="E343"):
        trained.fit((batch for batch in BATCHES), epochs=2, steps_per_epoch=2, verbose=False)
    expected.fit([*BATCHES, BATCHES[0]], epochs=2, steps_per_epoch=2, verbose=False, callbacks=[stop_at(3)])
    assert len(trained.history) == 1
    assert equal(trained, expected)


def stop_at(step: int) -> Callable[[Any], bool]:
    """A callback that stops the training at an update."""
    return lambda event: isinstance(event, cr.events.StepDone) and event.step == step


def test_schedules_that_depend_on_the_number_of_updates_require_it() -> None:
    with pytest.raises(UsageError, match="steps_per_epoch"):
        model(optimizer=cr.SGD(cr.Cosine(0.1))).fit((b for b in BATCHES), epochs=1, verbose=False)


def test_tensors_that_need_a_gradient_are_refused() -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor(X, requires_grad=True)
    for part in (x, torch.tensor(X, dtype=torch.bfloat16)):
        with pytest.raises(DataError, match=r"detach\(\)"):
            model().fit([(part, torch.tensor(Y))], epochs=1, verbose=False)
    assert len(model().fit([(x.detach(), torch.tensor(Y))], epochs=1, verbose=False)) == 1


def test_layers_that_need_all_rows_are_refused() -> None:
    net = cr.Sequential(cr.EnsembleNormalization(2), cr.EnsembleDense(2), cr.EnsembleMean("softmax"))
    with pytest.raises(UsageError, match="all rows"):
        cr.Model(net, "cross_entropy").fit(BATCHES, epochs=1, verbose=False)
