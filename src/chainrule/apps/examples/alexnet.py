"""AlexNet on Fashion-MNIST: some hundred updates of the net that began the deep learning of images.

It looks at pictures of 224 x 224. Sixty thousand of that size would fill 12 GB, so the net enlarges the 28 x
28 pictures itself, batch by batch: its first layer interpolates between pixels. The training is short, to
show that a net of 57 million numbers learns, and how fast; nets that suit these pictures are in
``fashion_mnist.py``.

Reference: Krizhevsky, Sutskever and Hinton (2012), ImageNet classification with deep convolutional neural
networks (NeurIPS); Krizhevsky (2014), One weird trick (arXiv 1404.5997), whose one-GPU form this is.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import chainrule as cr
from chainrule.apps.examples import Count
from chainrule.events import Event, StepDone

OPTIONS = {
    "steps": ("how many updates", "更新次数"),
    "batch_size": ("pictures in one update", "每次更新的图片数"),
    "watched": ("pictures that are only measured, at the end", "只在最后用于验证的图片数"),
    "seed": ("decides the pictures and the first weights", "决定所用图片和初始权重"),
}
SAYS = {
    "step": ("update {step:4}: loss {loss:.4f}, {speed:.1f} pictures a second",
             "第 {step:4} 次更新：损失 {loss:.4f}，每秒 {speed:.1f} 张图片"),
    "score": ("Accuracy on {rows:,} pictures that were not learned from",
              "在 {rows:,} 张未用于训练的图片上的准确率"),
    "net": ("AlexNet, {size:,} parameters", "AlexNet，{size:,} 个参数"),
    "linear": ("a straight line (logistic regression)", "直线（逻辑回归）"),
    "trivial": ("the most frequent class", "最常见的类别"),
}  # fmt: skip
EVERY, RATE = 20, 2e-4  # updates between two lines; the highest learning rate
ENLARGED = 224  # pixels


def deep() -> cr.Layer:
    """AlexNet, and before it a layer that enlarges the pictures."""
    return cr.Sequential(
        enlarge=cr.UpSampling(size=(ENLARGED, ENLARGED), mode="linear"),  # (B, 28, 28, 1) -> (B, 224, 224, 1)
        alexnet=cr.models.alexnet(classes=10),
    )


def teller(line: str, pictures: int) -> Callable[[Event], None]:
    """What listens to a training and says how the loss falls: its mean over the last updates."""
    losses: list[float] = []
    ends: list[float] = []  # when updates ended; the first, which waits for compiled code, is not timed

    def tell(event: Event) -> None:
        if isinstance(event, StepDone):
            losses.append(event.loss)
            ends.append(time.perf_counter())
            if event.step % EVERY == 0:
                speed = (len(ends) - 1) * pictures / (ends[-1] - ends[0])
                print(line.format(step=event.step, loss=np.mean(losses), speed=speed), flush=True)
                losses.clear()
                del ends[:-1]

    return tell


def main(
    lang: str = "en", steps: Count = 300, batch_size: Count = 32, watched: Count = 1000, seed: int = 0
) -> None:
    """Train, telling how the loss falls, and measure."""
    say = {key: pair[lang == "zh"] for key, pair in SAYS.items()}
    whole = cr.read_images("fashion-mnist/train")
    rows = np.random.default_rng(seed).permutation(whole.rows)
    kept, pictures = whole.take(rows[:watched]), whole.take(np.resize(rows[watched:], steps * batch_size))
    line = cr.Model(cr.Sequential(cr.Flatten(), cr.Dense(10)), "cross_entropy", cr.Adam(0.002))
    line.fit(pictures, epochs=5, batch_size=batch_size, seed=seed, verbose=False)
    model = cr.Model(deep(), "cross_entropy", cr.AdamW(cr.OneCycle(RATE)))
    tell = teller(say["step"], batch_size)
    model.fit(pictures, epochs=1, batch_size=batch_size, seed=seed, callbacks=[tell], verbose=False)
    usual = pictures.frame["class"].mode()[0]
    print(say["score"].format(rows=kept.rows))
    size = sum(array.size for array in model.parameters().values())
    print(f"  {say['net'].format(size=size)}: {model.evaluate(kept)['accuracy']:.4f}")
    print(f"  {say['linear']}: {line.evaluate(kept)['accuracy']:.4f}")
    print(f"  {say['trivial']}: {float((kept.frame['class'] == usual).mean()):.4f}")


if __name__ == "__main__":
    main()
