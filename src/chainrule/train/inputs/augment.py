"""Images that change from epoch to epoch, under a training that reads its rows from memory.

The loop and the engines gather batches by row number from arrays that stay where they are. So augmentation
is one thing only: before an epoch begins, the arrays are written anew. The next epoch's images are made on
threads while this one is being learned from. What is written depends on the seed, the epoch and the image's
number alone; a training that is resumed in the middle of an epoch writes the same arrays again.

**Cost** two more copies of the training images in memory: the ones to begin from, and the next epoch's.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data import Arrays
from chainrule.errors import DataError, UsageError

if TYPE_CHECKING:
    from chainrule.data import Preparation
    from chainrule.data.augmentation import Augmentation

BLOCK = 64  # images for one thread at a time
WORKERS = 2


class EpochAugmentation:
    """The training rows, their images written anew for each epoch.

    Args:
        augmentation: what happens to the images.
        data: inputs and targets by the names of the step's inputs; left as they are.
        seed: of the training.
        epochs: how many there will be.
        preparation: of a folder of images, how pixels became inputs; without one they lie between 0 and 1.

    Raises:
        DataError E354: not one input of images. UsageError E113: no augmentation. UsageError E102: mixing,
        with targets that are no shares of classes.
    """

    def __init__(
        self,
        augmentation: Augmentation,
        data: Arrays,
        seed: int,
        epochs: int,
        preparation: Preparation | None,
    ) -> None:
        if not isinstance(getattr(augmentation, "transforms", None), tuple):
            raise UsageError(
                "E113", where="fit", name="augmentation", expected="a cr.Augmentation",
                received=repr(augmentation)[:80], fix="augmentation=cr.Augmentation(Flip(), Crop(padding=4))",
            )  # fmt: skip
        self.augmentation, self.seed, self.epochs = augmentation, seed, epochs
        x, y = np.asarray(_only("x", data.x)), _only("y", data.y)
        self.mean, self.std = preparation.channels if preparation is not None else (0.0, 1.0)
        self.images = np.clip(x * self.std + self.mean, 0, 1).astype(np.float32) if preparation else x
        self.targets = y
        if augmentation.mix and (y.ndim != 2 or y.dtype.kind != "f"):
            raise UsageError(
                "E102", where="fit", name="augmentation", expected="targets (N, K), shares of classes",
                received=f"{y.dtype} {y.shape}, which cannot be mixed",
                fix='loss="soft_cross_entropy", y=numpy.eye(K)[y]',
            )  # fmt: skip
        augmentation.apply(self.images, np.arange(1), seed)  # refuses what are no images, before all the rest
        self.now = Arrays(_like(data.x, x.copy()), _like(data.y, y.copy()), data.weights)
        self.next: tuple[np.ndarray, np.ndarray] = np.empty_like(x), np.empty_like(y)
        self.pool = ThreadPoolExecutor(WORKERS)
        self.waiting: list[Future[None]] = []
        self.coming = -1

    def __call__(self, epoch: int) -> None:
        """Write the images of an epoch, and begin to make the next one's."""
        if self.coming != epoch:
            self._begin(epoch)
        for block in self.waiting:
            block.result()
        np.copyto(_only("x", self.now.x), self.next[0])
        np.copyto(_only("y", self.now.y), self.next[1])
        self.waiting, self.coming = [], -1
        if epoch + 1 < self.epochs:
            self._begin(epoch + 1)

    def _begin(self, epoch: int) -> None:
        wait([block for block in self.waiting if not block.cancel()])  # two epochs never write at once
        rows, self.coming = len(self.images), epoch
        starts = range(0, rows, BLOCK)
        self.waiting = [self.pool.submit(self._make, epoch, i, min(i + BLOCK, rows)) for i in starts]

    def _make(self, epoch: int, start: int, end: int) -> None:
        samples = np.arange(start, end)
        made = self.augmentation.apply(self.images, samples, self.seed, epoch)
        self.next[0][start:end] = (made.x - self.mean) / self.std
        self.next[1][start:end] = (
            made.targets(self.targets, samples) if self.augmentation.mix else self.targets[samples]
        )

    def close(self) -> None:
        """Leave what is not begun, and let the threads go."""
        self.pool.shutdown(cancel_futures=True)


def _only(name: str, part: Any) -> np.ndarray:
    """The one array of inputs or targets.

    Raises:
        DataError E354: there are several.
    """
    arrays = list(part.values()) if isinstance(part, dict) else [part]
    if len(arrays) > 1:
        expected = f"one array as {name}, with images as x"
        raise DataError(
            "E354", where="fit, augmentation", expected=expected, received=f"{len(arrays)} arrays"
        )
    return arrays[0]


def _like(part: Any, array: np.ndarray) -> Any:
    """The array under the name the part has."""
    return dict.fromkeys(part, array) if isinstance(part, dict) else array
