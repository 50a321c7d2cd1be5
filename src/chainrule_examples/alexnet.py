"""AlexNet on Fashion-MNIST: a short training of a network with 57 million parameters.

AlexNet takes images of 224 x 224 pixels. The 60,000 training images of that size would take 12 GB, so the
first layer enlarges the 28 x 28 images batch by batch. The training is short and shows the throughput;
networks that suit these images are in ``fashion_mnist.py``.

Reference: Krizhevsky, Sutskever and Hinton (2012), ImageNet classification with deep convolutional neural
networks (NeurIPS); Krizhevsky (2014), One weird trick (arXiv 1404.5997), whose one-GPU form this is.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import chainrule as cr
from chainrule.events import Event, StepDone
from chainrule.messages import Texts, in_language
from chainrule_examples import Count

OPTIONS: Texts = {
    "steps": "number of steps",
    "batch_size": "images per step",
    "test_rows": "number of test images",
    "seed": "seed of the choice of images and of the initial weights",
}
TEXTS: Texts = {
    "step": "step {step:4}: loss {loss:.4f}, {speed:.1f} images per second",
    "score": "Accuracy on {rows:,} test images",
    "net": "AlexNet, {size:,} parameters",
    "linear": "linear model (logistic regression)",
    "trivial": "most frequent class",
}
EVERY, MAX_LEARNING_RATE = 20, 2e-4  # steps between printed lines
ENLARGED = 224  # pixels


def build() -> cr.Layer:
    """AlexNet after a layer that enlarges the images."""
    return cr.Sequential(
        enlarge=cr.UpSampling(size=(ENLARGED, ENLARGED), mode="linear"),  # (B, 28, 28, 1) -> (B, 224, 224, 1)
        alexnet=cr.models.alexnet(classes=10),
    )


def progress_printer(line: str, batch_size: int) -> Callable[[Event], None]:
    """A callback that prints the mean loss of the last steps and the throughput."""
    losses: list[float] = []
    ends: list[float] = []  # end times of steps; the first step, which compiles, is not timed

    def on_event(event: Event) -> None:
        if isinstance(event, StepDone):
            losses.append(event.loss)
            ends.append(time.perf_counter())
            if event.step % EVERY == 0:
                speed = (len(ends) - 1) * batch_size / (ends[-1] - ends[0])
                print(line.format(step=event.step, loss=np.mean(losses), speed=speed), flush=True)
                losses.clear()
                del ends[:-1]

    return on_event


def main(
    lang: str = "en", steps: Count = 300, batch_size: Count = 32, test_rows: Count = 1000, seed: int = 0
) -> None:
    """Train with progress output, then evaluate."""
    texts = in_language(TEXTS, lang)
    table = cr.read_images("fashion-mnist/train")
    rows = np.random.default_rng(seed).permutation(table.rows)
    test = table.take(rows[:test_rows])
    training = table.take(np.resize(rows[test_rows:], steps * batch_size))
    linear = cr.Model(cr.Sequential(cr.Flatten(), cr.Dense(10)), "cross_entropy", cr.Adam(0.002))
    linear.fit(training, epochs=5, batch_size=batch_size, seed=seed, verbose=False)
    model = cr.Model(build(), "cross_entropy", cr.AdamW(cr.OneCycle(MAX_LEARNING_RATE)))
    printer = progress_printer(texts["step"], batch_size)
    model.fit(training, epochs=1, batch_size=batch_size, seed=seed, callbacks=[printer], verbose=False)
    majority = training.frame["class"].mode()[0]
    print(texts["score"].format(rows=test.rows))
    size = sum(array.size for array in model.parameters().values())
    print(f"  {texts['net'].format(size=size)}: {model.evaluate(test)['accuracy']:.4f}")
    print(f"  {texts['linear']}: {linear.evaluate(test)['accuracy']:.4f}")
    print(f"  {texts['trivial']}: {float((test.frame['class'] == majority).mean()):.4f}")


if __name__ == "__main__":
    main()
