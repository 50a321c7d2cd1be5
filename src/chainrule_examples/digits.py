"""Handwritten digits: classify 8 x 8 images into ten digits.

The 1,797 images are part of scikit-learn. Early stopping ends the training when the validation loss no longer
improves and restores the weights of the best epoch.
"""

from __future__ import annotations

import numpy as np

import chainrule as cr
from chainrule.messages import Texts, in_language

TEXTS: Texts = {
    "result": "{right} of {rows} test digits correct: accuracy {accuracy:.3f}",
    "epochs": "{epochs} epochs, stopped by early stopping",
    "wrong": "First error: true digit {true}, predicted {predicted}",
}


def train() -> tuple[cr.Model, np.ndarray, np.ndarray]:
    """Train a network; returns it with the test images and their digits."""
    table = cr.read_table("digits").frame
    x = table.drop("digit").to_numpy() / 16.0  # (1797, 64), gray levels 0 .. 1
    y = table["digit"].cast(int).to_numpy()
    net = cr.Sequential(cr.Dense(64, "relu"), cr.Dropout(0.2), cr.Dense(10))  # (B, 64) -> (B, 10)
    model = cr.Model(net, "cross_entropy", cr.Adam(0.003), metrics=["accuracy"], penalty=cr.L2(1e-3))
    training, test = slice(0, 1437), slice(1437, None)  # the last fifth, by other writers
    stop = cr.EarlyStopping(patience=8)
    model.fit(x[training], y[training], epochs=60, validation=0.15, seed=0, callbacks=[stop], verbose=False)
    return model, x[test], y[test]


def image_text(image: np.ndarray) -> str:
    """An image as text, two characters per pixel."""
    return "\n".join("".join(" .:+#@"[int(level * 5.99)] * 2 for level in row) for row in image.reshape(8, 8))


def main(lang: str = "en") -> None:
    """Train, evaluate, and print an error.

    Args:
        lang: ``"en"`` or ``"zh"``.
    """
    texts = in_language(TEXTS, lang)
    model, x, y = train()
    predicted = np.asarray(model.predict(x))
    right = int((predicted == y).sum())
    print(texts["epochs"].format(epochs=len(model.history)))
    print(texts["result"].format(rows=len(y), right=right, accuracy=right / len(y)))
    if right < len(y):
        i = int(np.argmax(predicted != y))
        print(texts["wrong"].format(true=y[i], predicted=predicted[i]))
        print(image_text(x[i]))


if __name__ == "__main__":
    main()
