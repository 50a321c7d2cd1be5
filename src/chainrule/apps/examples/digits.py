"""Handwritten digits: 64 gray levels in, one of ten digits out.

1,797 images of 8 x 8 pixels come with scikit-learn. The training stops by itself when the validation rows say
that the network has begun to learn by heart, and the weights of the best epoch are kept.
"""

from __future__ import annotations

import numpy as np

import chainrule as cr

SAYS = {
    "result": (
        "{rows} held-out digits, {right} read rightly: accuracy {accuracy:.3f}",
        "{rows} 个留出的数字，读对 {right} 个：准确率 {accuracy:.3f}",
    ),
    "epochs": ("{epochs} epochs, stopped by early stopping", "共 {epochs} 轮，由早停结束"),
    "wrong": (
        "The first one misread: it is a {true}, the network says {said}",
        "第一个读错的：实际是 {true}，网络说是 {said}",
    ),
}


def train() -> tuple[cr.Model, np.ndarray, np.ndarray]:
    """The trained network, and the images that were held out with their digits."""
    table = cr.read_table("digits").frame
    x = table.drop("digit").to_numpy() / 16.0  # (1797, 64), gray levels 0 .. 1
    y = table["digit"].cast(int).to_numpy()
    net = cr.Sequential(cr.Dense(64, "relu"), cr.Dropout(0.2), cr.Dense(10))  # (B, 64) -> (B, 10)
    model = cr.Model(net, "cross_entropy", cr.Adam(0.003), metrics=["accuracy"], penalty=cr.L2(1e-3))
    rest, held_out = slice(0, 1437), slice(1437, None)  # the last fifth: other writers than the first
    stop = cr.EarlyStopping(patience=8)
    model.fit(x[rest], y[rest], epochs=60, validation=0.15, seed=0, callbacks=[stop], verbose=False)
    return model, x[held_out], y[held_out]


def picture(image: np.ndarray) -> str:
    """An image as text, two signs for a pixel."""
    return "\n".join("".join(" .:+#@"[int(level * 5.99)] * 2 for level in row) for row in image.reshape(8, 8))


def main(lang: str = "en") -> None:
    """Train, count, and show a mistake.

    Args:
        lang: ``"en"`` or ``"zh"``.
    """
    say = {key: pair[lang == "zh"] for key, pair in SAYS.items()}
    model, x, y = train()
    said = np.asarray(model.predict(x))
    right = int((said == y).sum())
    print(say["epochs"].format(epochs=len(model.history)))
    print(say["result"].format(rows=len(y), right=right, accuracy=right / len(y)))
    if right < len(y):
        i = int(np.argmax(said != y))
        print(say["wrong"].format(true=y[i], said=said[i]))
        print(picture(x[i]))


if __name__ == "__main__":
    main()
