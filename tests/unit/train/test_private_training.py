"""Private training: the step against NumPy, sampling and noise, resuming, and everything that is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.errors import ChainruleError, FileError, TrainingError, UsageError
from chainrule.events import Event, StepDone
from chainrule.graph import Graph
from chainrule.store import RunFolder
from chainrule.train.private.accounting import epsilon_of
from chainrule.train.private.clipped_noisy_gradient import PrivateObjective, grid, noise_label
from chainrule.train.private.entropy import padded_size, poisson_rows, standard_normal
from chainrule.train.private.ledger import LEDGER, write_ledger
from chainrule.train.private.privacy import Phase
from chainrule.train.step_graph import training_step

PRIVACY = cr.Privacy(epsilon=3, delta=1e-5)


def data(rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose class is the sign of a sum."""
    x = np.random.default_rng(0).normal(size=(rows, 4)).astype("float32")
    return x, (x[:, 0] + x[:, 1] > 0).astype(int)


def model(*layers: cr.Layer) -> cr.Model:
    return cr.Model(
        cr.Sequential(*(layers or (cr.Dense(6, "tanh"), cr.Dense(2)))), "cross_entropy", cr.Adam(0.02)
    )


def fit(epochs: int = 2, **options: Any) -> cr.Model:
    one, (x, y) = model(), data()
    one.fit(x, y, **{"epochs": epochs, "batch_size": 40, "verbose": False, "privacy": PRIVACY, **options})
    return one


def test_a_step_adds_the_clipped_gradients_of_the_drawn_rows_to_the_noise() -> None:
    x, y = data(12)
    one = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy", cr.SGD(1.0), dtype="float64")
    one.initialize(x.astype("float64"))
    network, before = one.network, one.parameters()
    assert network is not None
    step = training_step(network, True, 1, (), False, PrivateObjective(0.3, 2.0, 5))
    rng = np.random.default_rng(1)
    noise = {noise_label(path): rng.normal(size=a.shape) for path, a in before.items()}
    sampled = (np.arange(12) % 3 > 0).astype(float)
    arrays = {
        "x": x.astype("float64"),
        "target": y,
        "sample_weight": sampled,
        **before,
        **noise,
        "step": np.array(0),
    }
    after = step.program.single().run({k: arrays[k] for k in step.graph.inputs})
    z = x @ before["dense1.weight"].T + before["dense1.bias"]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    slope = p - np.eye(2)[y]
    gradients = np.concatenate([np.einsum("bo,bi->boi", slope, x).reshape(12, -1), slope], axis=1)
    limit, h = 0.3 * (1 - 2.0**-20 - 2.0**-20), grid(0.3, 10)
    factors = sampled * np.minimum(1, limit / np.linalg.norm(gradients, axis=1))
    total = factors @ gradients

    def noisy(part: np.ndarray, path: str) -> np.ndarray:
        steps = np.floor(part / h + 0.5) + np.floor(0.6 * noise[noise_label(path)] / h + 0.5)
        return steps * h / 5

    weight = noisy(total[:8].reshape(2, 4), "dense1.weight")
    np.testing.assert_allclose(after["parameter.dense1.weight"], before["dense1.weight"] - weight, rtol=1e-9)
    bias = noisy(total[8:], "dense1.bias")
    np.testing.assert_allclose(after["parameter.dense1.bias"], before["dense1.bias"] - bias, rtol=1e-9)


COMPILED: dict[str, tuple[tuple[cr.Layer, ...], tuple[int, ...], int]] = {  # layers, shape, vocabulary
    "convolutions": (
        (
            cr.Conv(4, 3, stride=2, padding="same"),
            cr.GroupNorm(2),
            cr.Activation("relu"),
            cr.Conv(4, 2, groups=2),
            cr.MaxPool(2),
        ),
        (9, 9, 2),
        0,
    ),
    "sequences": ((cr.Embedding(11, 5), cr.LSTM(4), cr.LayerNorm()), (6,), 11),
    "attention": ((cr.Dense(4), cr.MultiHeadAttention(2), cr.Dense(3)), (5, 3), 0),
}


@pytest.mark.parametrize("name", COMPILED)
def test_the_compiled_step_in_microbatches_equals_the_reference(name: str) -> None:
    layers, shape, vocabulary = COMPILED[name]
    rng = np.random.default_rng(0)
    x = rng.integers(0, vocabulary, (70, *shape)) if vocabulary else rng.normal(size=(70, *shape))
    net = cr.Sequential(*layers, cr.Flatten(), cr.Dense(3))
    one = cr.Model(net, "cross_entropy", cr.SGD(1.0), dtype="float64")
    one.initialize(x)
    network, before = one.network, one.parameters()
    assert network is not None
    step = training_step(network, True, 1, (), False, PrivateObjective(0.05, 1.0, 40))
    noise = {noise_label(path): rng.normal(size=a.shape) for path, a in before.items()}
    x, sampled = x.astype(network.inputs["x"].dtype), (rng.random(70) < 0.6).astype(float)
    rows = {"x": x, "target": rng.integers(0, 3, 70), "sample_weight": sampled}
    copies = {label: array.copy() for label, array in {**before, **noise}.items()}
    trainer = step.program.trainer(rows, copies, "native")
    assert trainer is not None
    trainer.run(np.arange(70), 70, 0, 1, 0, np.zeros((0, 2), np.uint32))
    arrays = {**rows, **before, **noise, "step": np.array(0)}
    expected = step.program.single("reference").run({k: arrays[k] for k in step.graph.inputs})
    for path, array in before.items():
        np.testing.assert_allclose(trainer.state[path], expected[f"parameter.{path}"], rtol=1e-9, atol=1e-12)
        assert not np.allclose(trainer.state[path], array)


def test_the_graph_of_a_step_computes_nothing_from_rows_but_the_noisy_gradients() -> None:
    x, _ = data(8)
    one = model()
    one.initialize(x)
    assert one.network is not None
    step = training_step(one.network, True, 1, (), False, PrivateObjective(0.3, 2.0, 5))
    noisy = dict.fromkeys(step.gradients.values())
    for name, output in step.graph.outputs.items():
        reached, waiting = set(), [output]
        while waiting:
            node = waiting.pop()
            if node in noisy or node in reached:
                continue
            reached.add(node)
            waiting += node.inputs
        names = set(Graph({name: output}).inputs) if not noisy else {str(n.op) for n in reached}
        assert not any("'x'" in text or "target" in text or "sample_weight" in text for text in names), name


def test_each_row_is_drawn_with_the_sampling_rate() -> None:
    counts, rows = np.zeros(50), 0
    for _ in range(4000):
        sampled = poisson_rows(50, 0.2)
        counts[sampled] += 1
        rows += len(sampled)
    # 200,000 draws with probability 0.2: eight standard deviations of the total, and of one row
    assert abs(rows - 40_000) < 8 * np.sqrt(200_000 * 0.16)
    assert np.abs(counts - 800).max() < 8 * np.sqrt(4000 * 0.16)
    assert poisson_rows(7, 1.0).tolist() == list(range(7))
    assert len(poisson_rows(5, 1e-12)) == 0


def test_the_noise_is_standard_normal() -> None:
    values = standard_normal(100_001)
    assert stats.kstest(values, "norm").pvalue > 1e-9
    assert np.unique(values).size == values.size
    assert abs(np.corrcoef(values[:50_000], values[50_000:100_000])[0, 1]) < 8 / np.sqrt(50_000)


def test_a_batch_is_padded_to_few_sizes_and_never_cut() -> None:
    sizes = {count: padded_size(count, 64, 1000) for count in range(200)}
    assert all(size >= max(count, 1) for count, size in sizes.items())
    assert len({sizes[count] for count in range(32, 97)}) <= 6
    assert padded_size(20, 64, 25) == 25


def test_two_trainings_with_one_seed_differ_since_noise_does_not_come_from_the_seed() -> None:
    first, second = fit(seed=0).parameters(), fit(seed=0).parameters()
    assert len(first) == 4
    assert [path for path in first if np.array_equal(first[path], second[path])] == []


@pytest.mark.long
def test_empty_batches_are_steps_of_noise_alone() -> None:
    x, y = data(40)
    one = model()
    one.fit(x, y, epochs=1, batch_size=1, verbose=False, privacy=cr.Privacy(50, 1e-5))
    spent = one.privacy_spent
    assert spent is not None
    assert spent.steps == 40  # of which a batch without rows has probability 0.36 each


def test_both_engines_train(tmp_path: Path) -> None:
    x, y = data(60)
    for engine in ("native", "reference"):
        one = cr.Model(
            cr.Sequential(cr.Dropout(0.1), cr.Dense(2)), "cross_entropy", cr.SGD(0.1), engine=engine
        )
        one.fit(x, y, epochs=1, batch_size=20, verbose=False, privacy=cr.Privacy(8, 1e-5))
        path = tmp_path / f"{engine}.safetensors"
        one.save(path)
        assert str(cr.load(path).privacy_spent) == str(one.privacy_spent)


def test_losses_probes_and_the_diagnosis_are_withheld() -> None:
    one = fit(validation=data(50))
    assert [row["loss"] for row in one.history] == [None, None]
    assert all(isinstance(row["val_accuracy"], float) for row in one.history)
    assert (one.probes, one.diagnosis) == ([], None)
    spent = one.privacy_spent
    assert spent is not None
    assert 2.99 < spent.epsilon <= 3
    assert "noise" not in " ".join(one.parameters())


def stop_after(step: int) -> Any:
    def stop(event: Event) -> bool:
        return isinstance(event, StepDone) and event.step >= step

    return stop


def test_discarded_steps_are_spent_and_repeated_with_new_noise(tmp_path: Path) -> None:
    run = tmp_path / "run"
    stopped = fit(epochs=3, run=run, callbacks=[stop_after(12)])
    assert json.loads((run / LEDGER).read_text()) == {"steps": 12}
    write_ledger(RunFolder.open(run), 17)  # as after five more steps in a process that was killed
    resumed = fit(epochs=3, run=run, resume=True)
    assert resumed.facts["steps"] == 25
    assert resumed.facts["ended"] == "budget"
    for one, steps in ((stopped, 12), (resumed, 30)):
        assert one.privacy_spent is not None
        assert one.privacy_spent.steps == steps
    again = fit(epochs=3, run=run, resume=True)
    assert again.facts["steps"] == 25  # the budget stays spent


def test_steps_are_counted_before_they_are_computed(tmp_path: Path) -> None:
    counted = []

    def look(event: Event) -> None:
        if isinstance(event, StepDone):
            counted.append((json.loads((tmp_path / "run" / LEDGER).read_text())["steps"], event.step))

    fit(run=tmp_path / "run", callbacks=[look])
    assert len(counted) == 20
    assert all(stored >= completed for stored, completed in counted)


def test_a_run_without_its_ledger_does_not_resume(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(epochs=3, run=run, callbacks=[stop_after(12)])
    for text in ("", '{"steps": 11}', '{"steps": "12"}', "[" * 3000):
        (run / LEDGER).write_text(text)
        with pytest.raises(FileError) as caught:
            fit(epochs=3, run=run, resume=True)
        assert caught.value.code == "E594"


def test_the_run_folder_has_no_fingerprint_of_the_rows(tmp_path: Path) -> None:
    fit(run=tmp_path / "run")
    latest = RunFolder.open(tmp_path / "run").latest()
    assert latest is not None
    assert latest.record["identity"]["data"] == "400 private rows"


def test_privacy_of_a_continued_training_adds_up() -> None:
    one, (x, y) = fit(), data()
    first = one.privacy_spent
    one.fit(x, y, epochs=2, batch_size=40, verbose=False, privacy=PRIVACY, warm_start=True)
    second = one.privacy_spent
    assert first is not None
    assert second is not None
    assert second.steps == 2 * first.steps
    assert 3.01 < second.epsilon < 6


def test_parameters_that_were_set_have_no_privacy() -> None:
    one = fit()
    assert one.privacy_spent is not None
    one.load_parameters(fit(privacy=None).parameters())
    assert one.privacy_spent is None


def continued(one: cr.Model, **options: Any) -> cr.Model:
    """A model after a private epoch that starts from its parameters."""
    x, y = data()
    defaults = {"epochs": 1, "batch_size": 40, "verbose": False, "warm_start": True, "privacy": PRIVACY}
    one.fit(x, y, **{**defaults, **options})
    return one


def loaded_weights(folder: Path) -> cr.Model:
    """A private model with the weights of another one."""
    other, path = fit(privacy=None), folder / "weights.safetensors"
    other.save(path)
    one = fit()
    cr.load_weights(one, path)
    return one


def stepped() -> cr.Model:
    """A private model after an update without privacy."""
    one, (x, y) = fit(), data()
    one.partial_fit(x[:40], y[:40])
    return one


def averaged() -> cr.Model:
    """A private model with the average of its parameters and those of another one."""
    one, other = fit(), fit(privacy=None).parameters()
    one.load_parameters({path: (value + other[path]) / 2 for path, value in one.parameters().items()})
    return one


def assigned() -> cr.Model:
    """An untrained model with the parameters of a trained one."""
    one = model().initialize(data()[0])
    one.load_parameters(fit(privacy=None).parameters())
    return one


UNPROTECTED_STARTS: dict[str, tuple[Any, str]] = {
    "trained without privacy": (lambda _: fit(privacy=None), "training"),
    "private, then trained without": (lambda _: continued(fit(), privacy=None), "training"),
    "private, then an update without": (lambda _: stepped(), "training"),
    "private, then the average with others": (lambda _: averaged(), "loaded"),
    "private, then weights of a file": (loaded_weights, "loaded"),
    "initialized, then set": (lambda _: assigned(), "loaded"),
}


@pytest.mark.parametrize("name", UNPROTECTED_STARTS)
def test_changes_outside_of_the_private_training_are_in_the_record(name: str, tmp_path: Path) -> None:
    make, reason = UNPROTECTED_STARTS[name]
    one, path = make(tmp_path), tmp_path / "model.safetensors"
    assert one.privacy_spent is None
    one.save(path)
    stated = cr.Privacy(3, 1e-5, public_start=True)
    for start in (one, cr.load(path)):
        with pytest.raises(TrainingError) as caught:
            continued(start)
        assert caught.value.code == "E573"
        continued(start, privacy=stated).save(path)
        read = cr.load(path)
        for spent in (start.privacy_spent, read.privacy_spent, continued(read, privacy=stated).privacy_spent):
            assert spent is not None
            assert reason in spent.unprotected
            assert "for the rows of the private training alone" in str(spent)
            assert "not protected" in str(spent)


def test_show_states_what_is_not_protected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, path = fit(privacy=None), tmp_path / "model.safetensors"
    continued(one, privacy=cr.Privacy(3, 1e-5, public_start=True)).save(path)
    capsys.readouterr()
    assert main(["show", str(path)]) == 0
    assert "not protected" in " ".join(capsys.readouterr().out.split())


def test_a_calibration_is_not_protected_and_does_not_end_the_guarantee() -> None:
    one, (x, y) = fit(), data()
    one.calibrate(x, y)
    spent = one.privacy_spent
    assert spent is not None
    assert spent.unprotected == ("calibration",)
    spent = continued(one).privacy_spent
    assert spent is not None
    assert spent.unprotected == ()


def test_an_initialized_model_starts_without_a_record() -> None:
    spent = continued(fit(privacy=None).initialize(data()[0]), warm_start=False).privacy_spent
    assert spent is not None
    assert spent.unprotected == ()


def test_groups_of_rows_have_more_than_their_number_times_epsilon() -> None:
    spent = fit().privacy_spent
    assert spent is not None
    alone, pair, five = (spent.for_group(rows) for rows in (1, 2, 5))
    assert alone.epsilon == pytest.approx(spent.epsilon, rel=1e-3)
    assert 2 * spent.epsilon < pair.epsilon < five.epsilon
    assert "for groups of 5 rows" in str(five)
    # The definition alone gives k epsilon, with a delta that grows to the sum of e^(i epsilon) delta.
    delta = spent.delta * sum(np.exp(i * spent.epsilon) for i in range(2))
    assert delta > 2 * spent.delta
    assert spent.for_group(2, delta).epsilon <= 2 * spent.epsilon * 1.01
    for wrong in (0, 65, True, 1.5):
        with pytest.raises(UsageError) as caught:
            spent.for_group(wrong)  # pyright: ignore[reportArgumentType]
        assert caught.value.code == "E102"


def test_a_group_of_a_step_with_all_rows_is_a_normal_distribution_of_larger_shift() -> None:
    four, one = epsilon_of([Phase(4.0, 1.0, 1)], 1e-5, 4), epsilon_of([Phase(1.0, 1.0, 1)], 1e-5)
    assert four == pytest.approx(one, rel=0.02)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a validation part of the training rows": ({"validation": 0.2}, "E590"),
    "weights of classes": ({"class_weight": "balanced"}, "E590"),
    "weights of samples": ({"sample_weight": np.ones(400)}, "E590"),
    "robust training": ({"robust": cr.NoiseTraining(0.1)}, "E590"),
    "early stopping on the training loss": ({"callbacks": [cr.EarlyStopping(monitor="loss")]}, "E101"),
    "an epsilon that is too small": ({"privacy": cr.Privacy(1e-4, 1e-5)}, "E592"),
    "not a privacy": ({"privacy": 3}, "E113"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_read_the_rows_is_refused(name: str) -> None:
    options, code = REFUSED[name]
    with pytest.raises(ChainruleError) as caught:
        fit(**options)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "layers", [(cr.Dense(16), cr.BatchNorm(), cr.Dense(2)), (cr.BatchNorm(), cr.Dense(2))]
)
def test_batch_normalization_is_refused_with_a_replacement_that_works(layers: tuple[cr.Layer, ...]) -> None:
    x, y = data()
    with pytest.raises(TrainingError) as caught:
        model(*layers).fit(x, y, epochs=1, verbose=False, privacy=PRIVACY)
    assert caught.value.code == "E590"
    replacement = eval(str(caught.value.fix), {"cr": cr})
    repaired = [replacement if isinstance(layer, cr.BatchNorm) else layer for layer in layers]
    model(*repaired).fit(x, y, epochs=1, verbose=False, privacy=PRIVACY)


def test_class_weights_of_a_loss_are_refused_since_they_cancel_in_the_loss_of_one_row() -> None:
    x, y = data()
    loss = cr.CrossEntropy(class_weight=(1.0, 5.0))
    with pytest.raises(TrainingError) as caught:
        cr.Model(cr.Sequential(cr.Dense(2)), loss).fit(x, y, epochs=1, verbose=False, privacy=PRIVACY)
    assert caught.value.code == "E590"


def test_the_epsilon_of_the_error_is_possible() -> None:
    with pytest.raises(TrainingError) as caught:
        fit(privacy=cr.Privacy(1e-4, 1e-5))
    assert "rows" in str(caught.value.notes[-1])
    fix = eval(str(caught.value.fix).removeprefix("privacy="), {"cr": cr})
    fit(privacy=fix)


def test_a_private_training_is_not_replayed_and_training_rows_do_not_explain_it() -> None:
    one, (x, y) = fit(), data()
    for call in (lambda: one.replay(1, x, y, epochs=2), lambda: one.influence(x[:1], y[:1], x, y)):
        with pytest.raises(TrainingError) as caught:
            call()
        assert caught.value.code == "E591"
    assert "dense1" in str(one.explain(x[:1], y[:1], lang="en"))


def test_a_large_delta_is_warned_about(capsys: pytest.CaptureFixture[str]) -> None:
    notices: list[Any] = []
    fit(privacy=cr.Privacy(3, 0.01), callbacks=[lambda event: notices.append(str(event))])
    output = capsys.readouterr()
    assert "delta" in " ".join([*notices, output.err, output.out])


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_row_whose_values_overflow_adds_nothing_and_does_not_stop_the_training(engine: Any) -> None:
    x, y = data(60)
    x[3] = 3e38
    net = cr.Sequential(cr.Dense(6, weight_initializer=cr.Fill(9.0)), cr.Dense(2))
    one = cr.Model(net, "cross_entropy", cr.SGD(0.01), engine=engine)
    one.fit(x, y, epochs=2, batch_size=60, verbose=False, privacy=cr.Privacy(8, 1e-5))
    assert one.facts["steps"] == 2
    assert all(np.isfinite(a).all() for a in one.parameters().values())


def test_a_schedule_that_watches_public_rows_takes_effect() -> None:
    x, y = data()
    schedule = cr.ReduceOnPlateau(0.1, monitor="val_loss", patience=1, factor=0.1, min_delta=100.0)
    rates: list[float] = []
    one = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy", cr.SGD(schedule))

    def look(event: Event) -> None:
        if isinstance(event, StepDone):
            rates.append(event.learning_rate)

    options = {"epochs": 5, "batch_size": 100, "verbose": False, "privacy": PRIVACY}
    one.fit(x, y, validation=data(40), callbacks=[look], **options)
    assert rates[0] == pytest.approx(0.1)
    assert rates[-1] < 0.05


def test_a_training_that_diverges_is_refused_without_reading_rows() -> None:
    one = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy", cr.SGD(3e38))
    x, y = data()
    with pytest.raises(TrainingError) as caught:
        one.fit(x, y, epochs=2, batch_size=40, verbose=False, privacy=cr.Privacy(3, 1e-5, max_norm=100))
    assert caught.value.code == "E593"
    assert all(np.isfinite(a).all() for a in one.parameters().values())
