"""Complete trainings without a fault: small forms of the project's examples, and networks of every kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from campaigns.doctor_cases.case import Case
from campaigns.doctor_cases.training import Rules, blobs, curve, trained

import chainrule as cr
from chainrule.data import read_table
from chainrule.diagnosis import compare_seeds
from chainrule.train.default_table_ensemble import CrossValidation, EnsembleTraining, recipe_for
from chainrule_examples import digits, moons

Training = Callable[[], Rules]


def rules_of(model: cr.Model) -> Rules:
    """The rules that reported a finding in a model's training."""
    assert model.diagnosis is not None
    return model.diagnosis.rules


def table(name: str, outputs: int, loss: str = "cross_entropy", seed: int = 0) -> Training:
    """A bundled data set, trained as ``chainrule train`` does."""

    def run() -> Rules:
        frame = read_table(name)
        net = cr.Sequential(cr.Dense(32, "relu"), cr.Dense(32, "relu"), cr.Dense(outputs))
        model = cr.Model(net, loss, cr.Adam(0.002), penalty=cr.L2(1e-4))
        model.fit(
            frame.take(np.arange(min(600, frame.rows))),
            epochs=100,
            validation=0.2,
            seed=seed,
            verbose=False,
            callbacks=[cr.EarlyStopping(patience=10)],
        )
        return rules_of(model)

    return run


def rare_levels(rows: int, levels: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three numbers and the 0/1 features of a category, most of which are 0 in a batch."""
    draw = np.random.default_rng(seed)
    numbers, level = draw.normal(size=(rows, 3)), draw.integers(0, levels, rows)
    y = numbers[:, 0] + (level % 3 == 0) + 0.5 * draw.normal(size=rows) > 0.3
    return np.hstack([numbers, np.eye(levels)[level]]).astype(np.float32), y.astype(int)


def ensemble(rows: int = 240, levels: int = 6, seed: int = 0) -> Training:
    """The default network for a table."""

    def run() -> Rules:
        x, y = rare_levels(rows, levels, seed)
        recipe = recipe_for(rows)
        fold = np.random.default_rng(seed).permutation(rows) % recipe.folds
        plan = CrossValidation(fold, recipe.folds, recipe.members, len(recipe.groups))
        training = EnsembleTraining(recipe, plan, x, 1, "binary_cross_entropy")
        return trained(cr.Model.of(training.model()), x, y, seed=seed, **training.fit_options(y))

    return run


def sparse() -> Rules:
    """One network that reads the 0/1 features of a category with 150 levels."""
    x, y = rare_levels(6000, 150)
    net = cr.Sequential(cr.Dense(32, "relu"), cr.Dense(32, "relu"), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.Adam(0.002), penalty=cr.L2(1e-4))
    return trained(
        model,
        x[:5000],
        y[:5000],
        epochs=40,
        validation=(x[5000:], y[5000:]),
        callbacks=[cr.EarlyStopping(patience=10)],
    )


def article() -> Rules:
    """The article's network on its truth table."""
    model = cr.Model(cr.Sequential(cr.Dense(3, "sigmoid"), cr.Dense(1, "sigmoid")), "half_mse", cr.SGD(0.5))
    return trained(model, [[0, 0], [0, 1], [1, 0], [1, 1]], [0.0, 1.0, 1.0, 1.0], epochs=1000, batch_size=4)


def classes(net: cr.Layer, apart: float = 3.0, seed: int = 0, epochs: int = 25, count: int = 3) -> Training:
    """Clusters of points as classes."""
    x, y = blobs(360, 6, count, apart, seed)

    def run() -> Rules:
        model = cr.Model(net, "cross_entropy", cr.Adam(3e-3))
        return trained(model, x[:300], y[:300], epochs=epochs, validation=(x[300:], y[300:]), seed=seed)

    return run


def values(net: cr.Layer, optimizer: cr.nn.Optimizer, epochs: int = 40, seed: int = 0) -> Training:
    """Regression on a wave."""
    x, y = curve(300, 0.1, seed)
    return lambda: trained(
        cr.Model(net, "mse", optimizer),
        x[:240],
        y[:240],
        epochs=epochs,
        validation=(x[240:], y[240:]),
        seed=seed,
    )


def images(net: cr.Layer, optimizer: cr.nn.Optimizer, seed: int = 0, epochs: int = 8) -> Training:
    """Bright squares at positions that depend on the class."""

    def run() -> Rules:
        draw = np.random.default_rng(seed)
        y = np.arange(240) % 4
        x = draw.uniform(0, 0.6, (240, 12, 12, 1))
        for i, label in enumerate(y):
            x[i, 3 * (label // 2) : 3 * (label // 2) + 4, 5 * (label % 2) : 5 * (label % 2) + 4] += 0.3
        options = {"epochs": epochs, "seed": seed, "validation": (x[200:], y[200:])}
        return trained(cr.Model(net, "cross_entropy", optimizer), x[:200], y[:200], **options)

    return run


def words(net: cr.Layer, seed: int = 0, kinds: int = 16, length: int = 12, epochs: int = 12) -> Training:
    """Texts in which the next word is the current one plus one or two."""

    def run() -> Rules:
        draw = np.random.default_rng(seed)
        start, by = draw.integers(0, kinds, (160, 1)), 1 + draw.integers(0, 2, (160, 1))
        text = (start + np.arange(length + 1) * by) % kinds
        model = cr.Model(net, "cross_entropy", cr.Adam(3e-3), clip=cr.ClipGlobalNorm(1.0))
        return trained(model, text[:, :-1], text[:, 1:], epochs=epochs, batch_size=16, seed=seed)

    return run


def backwards(seed: int = 0) -> Training:
    """A Transformer that reverses a text."""

    def run() -> Rules:
        draw = np.random.default_rng(seed)
        source = draw.integers(2, 8, (120, 5))
        target = np.concatenate([source[:, ::-1], np.ones((120, 1), np.int64)], axis=1)
        decoder_input = np.concatenate([np.ones((120, 1), np.int64), source[:, ::-1]], axis=1)
        net = cr.models.transformer(vocabulary_size=8, width=32, depth=1, heads=2, norm_first=True)
        adam = cr.Adam(cr.Noam(32, warmup_steps=60, scale=0.7), beta2=0.98)
        model = cr.Model(net, cr.CrossEntropy(ignore_index=0, label_smoothing=0.1), adam, metrics=[])
        return trained(model, {"source": source, "target": decoder_input}, target, epochs=12, seed=seed)

    return run


def series(net: cr.Layer, seed: int = 0) -> Training:
    """Prediction of the next value of noisy waves."""

    def run() -> Rules:
        draw = np.random.default_rng(seed)
        wave = np.sin(draw.uniform(0, 6, (200, 1)) + np.arange(13) / 2) + 0.05 * draw.normal(size=(200, 13))
        model = cr.Model(net, "mse", cr.Adam(5e-3), clip=cr.ClipGlobalNorm(1.0))
        return trained(model, wave[:, :-1, None], wave[:, -1], epochs=15, seed=seed)

    return run


def itself() -> Rules:
    """An autoencoder."""
    x, _ = blobs(300, 6, 3)
    net = cr.Sequential(cr.Dense(16, "relu"), cr.Dense(3), cr.Dense(16, "relu"), cr.Dense(6))
    return trained(cr.Model(net, "mse", cr.Adam(3e-3)), x, x, epochs=40)


def seeds_apart() -> Rules:
    """Two trainings that differ over several seeds."""
    return compare_seeds([0.91, 0.93, 0.92], [0.97, 0.98, 0.97]).rules


def mlp(*units: int, outputs: int = 3, activation: str = "relu") -> cr.Layer:
    return cr.Sequential(*(cr.Dense(n, activation) for n in units), cr.Dense(outputs))


def lenet() -> cr.Layer:
    return cr.Sequential(
        cr.Conv(6, 3, padding="same", activation="relu"),
        cr.MaxPool(2),
        cr.Conv(8, 3, activation="relu"),
        cr.Flatten(),
        cr.Dense(24, "relu"),
        cr.Dense(4),
    )


def alexnet() -> cr.Layer:
    return cr.Sequential(
        cr.Conv(8, 5, padding="same", activation="relu"),
        cr.MaxPool(2),
        cr.Conv(16, 3, padding="same", activation="relu"),
        cr.Conv(16, 3, padding="same", activation="relu"),
        cr.MaxPool(2),
        cr.Flatten(),
        cr.Dense(48, "relu"),
        cr.Dropout(0.5),
        cr.Dense(48, "relu"),
        cr.Dropout(0.5),
        cr.Dense(4),
    )


def residual() -> cr.Layer:
    part = cr.Sequential(cr.Conv(8, 3, padding="same", bias=False), cr.BatchNorm(), cr.Activation("relu"))
    return cr.Sequential(
        cr.Conv(8, 3, padding="same"), cr.Residual(part), cr.GlobalAveragePool(), cr.Dense(4)
    )


def gpt(seed: int) -> Training:
    return words(cr.models.gpt2(vocabulary_size=16, length=12, width=32, depth=1, heads=2), seed)


NORMED = cr.Sequential(cr.Dense(32), cr.BatchNorm(), cr.Activation("relu"), cr.Dense(3))
DROPPED = cr.Sequential(cr.Dense(64, "relu"), cr.Dropout(0.3), cr.Dense(3))
GRU = cr.Sequential(cr.Embedding(16, 16), cr.GRU(24, returns="sequence"), cr.Dense(16))
LSTM = cr.Sequential(cr.LSTM(12), cr.Dense(1))
WAVE = mlp(32, 32, outputs=1, activation="tanh")


def seeded(seed: int) -> dict[str, Training]:
    """The trainings that run with several seeds."""
    return {
        "iris": table("iris", 3, seed=seed),
        "wine": table("wine", 3, seed=seed),
        "breast cancer": table("breast-cancer", 1, "binary_cross_entropy", seed),
        "diabetes": table("diabetes", 1, "mse", seed),
        "one hidden layer": classes(mlp(32), seed=seed),
        "five relu layers": classes(mlp(*[32] * 5), seed=seed, epochs=6),
        "classes that overlap": classes(mlp(8), 1.5, seed, 12),
        "batch normalization": classes(NORMED, seed=seed),
        "a wave, Adam": values(WAVE, cr.Adam(5e-3), seed=seed),
        "LeNet on images": images(lenet(), cr.AdamW(cr.OneCycle(4e-3)), seed),
        "GPT on words": gpt(seed),
        "LSTM on waves": series(LSTM, seed),
    }


SINGLE: dict[str, Training] = {
    "digits as a table": table("digits", 10),
    "an ensemble": ensemble(),
    "an ensemble, a level for almost every row": ensemble(levels=200),
    "an ensemble with dropout, rare levels": ensemble(rows=3200, levels=40),
    "rare levels": sparse,
    "the example digits": lambda: rules_of(digits.train()[0]),
    "the example moons": lambda: rules_of(moons.train()[0]),
    "a linear model for moons": lambda: rules_of(moons.train_linear()),
    "the article's network": article,
    "three tanh layers": classes(mlp(16, 16, 16, activation="tanh"), epochs=12),
    "two sigmoid layers": classes(mlp(16, 16, activation="sigmoid"), epochs=40),
    "batches of 4": lambda: trained(
        cr.Model(mlp(8, outputs=2), "cross_entropy", cr.Adam(1e-3)),
        *blobs(200, 4, 2, 1.0),
        epochs=20,
        batch_size=4,
    ),
    "gelu": classes(mlp(24, 24, activation="gelu")),
    "dropout": classes(DROPPED),
    "a wave, relu, SGD with momentum": values(mlp(32, outputs=1), cr.SGD(0.03, momentum=0.9)),
    "a wave, cosine": values(mlp(32, outputs=1, activation="tanh"), cr.Adam(cr.Cosine(3e-2))),
    "residual network on images": images(residual(), cr.Adam(1e-2), epochs=12),
    "GRU on words": words(GRU),
    "a Transformer that writes backwards": backwards(),
    "a small AlexNet": images(alexnet(), cr.AdamW(cr.OneCycle(3e-3)), epochs=25),
    "an autoencoder": itself,
}
CASES = (
    *(
        Case("", f"trained: {name}, seed {seed}", run)
        for seed in range(3)
        for name, run in seeded(seed).items()
    ),
    *(Case("", f"trained: {name}", run) for name, run in SINGLE.items()),
    Case("", "two ways to train that differ", seeds_apart),
)
