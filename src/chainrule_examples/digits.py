"""Handwritten digits: classify 8 x 8 images into ten digits, beside the nearest neighbors.

The 1,797 images are part of scikit-learn. Early stopping ends the training when the validation loss no longer
improves and restores the weights of the best epoch. Among pixels of the same place, the most similar training
images are a strong baseline.
"""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

import chainrule as cr
from chainrule.messages import Texts, in_language
from chainrule.metrics import mean_score
from chainrule_examples import COMMON
from chainrule_examples.score_table import Score, every_fifth_apart, npz, print_scores, save_run

TEXTS: Texts = {
    "result": "{right} of {rows} test digits correct: accuracy {accuracy:.3f}",
    "epochs": "{epochs} epochs, stopped by early stopping",
    "usual": "most frequent class",
    "neighbors": "three nearest neighbors",
    "net": "network",
    "wrong": "First error: true digit {true}, predicted {predicted}",
}
OPTIONS: Texts = {"out": COMMON["out"]}
TRAINING, TEST = slice(0, 1437), slice(1437, None)  # the last fifth is by other writers


def images() -> tuple[np.ndarray, np.ndarray]:
    """The images (1797, 64), gray levels 0 .. 1, and their digits (1797,)."""
    table = cr.read_table("digits").frame
    return table.drop("digit").to_numpy() / 16.0, table["digit"].cast(int).to_numpy()


def train() -> tuple[cr.Model, np.ndarray, np.ndarray]:
    """Train a network; returns it with the test images and their digits."""
    x, y = images()
    net = cr.Sequential(cr.Dense(64, "relu"), cr.Dropout(0.2), cr.Dense(10))  # (B, 64) -> (B, 10)
    model = cr.Model(net, "cross_entropy", cr.Adam(0.003), metrics=["accuracy"], penalty=cr.L2(1e-3))
    stop = cr.EarlyStopping(patience=8)
    model.fit(x[TRAINING], y[TRAINING], epochs=60, validation=0.15, seed=0, callbacks=[stop], verbose=False)
    return model, x[TEST], y[TEST]


def all_scores(predicted: np.ndarray) -> list[Score]:
    """The accuracy of two baselines and of the predictions of the network, (360,), on the test images."""
    x, y = images()
    neighbors = KNeighborsClassifier(3).fit(x[TRAINING], y[TRAINING])
    methods = {
        "usual": np.full(len(y[TEST]), np.bincount(y[TRAINING]).argmax()),
        "neighbors": neighbors.predict(x[TEST]),
        "net": predicted,
    }
    right = {name: mean_score(own == y[TEST]) for name, own in methods.items()}
    return [Score.on_test_set(TEXTS[name], [{"accuracy": own}]) for name, own in right.items()]


def image_text(image: np.ndarray) -> str:
    """An image as text, two characters per pixel."""
    return "\n".join("".join(" .:+#@"[int(level * 5.99)] * 2 for level in row) for row in image.reshape(8, 8))


def main(lang: str = "en", out: str = "") -> None:
    """Train, evaluate, compare, print an error, and save the model.

    Args:
        lang: ``"en"`` or ``"zh"``.
        out: folder for the model, the scores and a page.
    """
    texts = in_language(TEXTS, lang)
    model, x, y = train()
    predicted = np.asarray(model.predict(x))
    right = int((predicted == y).sum())
    print(texts["epochs"].format(epochs=len(model.history)))
    print(texts["result"].format(rows=len(y), right=right, accuracy=right / len(y)))
    print_scores(scores := all_scores(predicted), lang, "accuracy")
    if right < len(y):
        i = int(np.argmax(predicted != y))
        print(texts["wrong"].format(true=y[i], predicted=predicted[i]))
        print(image_text(x[i]))
    if out:
        known = every_fifth_apart({"x": images()[0][TRAINING]})
        save_run(out, model, scores, {"test.npz": npz(x=x, y=y)}, known=known)


if __name__ == "__main__":
    main()
