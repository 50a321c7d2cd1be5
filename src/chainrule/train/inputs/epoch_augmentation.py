"""``EpochAugmentation``: training images that change from epoch to epoch.

The loop and the engines gather batches by row number from fixed arrays. Augmentation overwrites these arrays
before each epoch; threads compute the images of the next epoch during the present one. The images depend
only on the seed, the epoch and the row number: a training that resumes in the middle of an epoch has the same
images.

Cost: two more copies of the training images in memory, the original ones and those of the next epoch.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data import Arrays
from chainrule.data.masks import are_masks
from chainrule.errors import DataError, fact
from chainrule.validation import out_of_range, wrong_type

if TYPE_CHECKING:
    from chainrule.data import Preparation
    from chainrule.data.augmentation import Augmentation, Augmented

BLOCK = 64  # images of one task
WORKERS = 2  # threads


class EpochAugmentation:
    """The training rows with augmented images, which are overwritten for each epoch.

    Args:
        augmentation: the random changes of the images.
        data: inputs and targets by the names of the step's inputs; they are not changed.
        preparation: the conversion of pixels to inputs; ``None``: inputs are pixels between 0 and 1.
        outside: the class of pixels from outside an image, where targets are masks; ``None``: that of the
            nearest pixel.

    Raises:
        DataError E354: there are several inputs or targets. UsageError E113: not a ``cr.Augmentation``.
        UsageError E102: an augmentation that mixes images, with targets that are not class probabilities, or
        that moves pixels of images but not those of masks.
    """

    def __init__(
        self,
        augmentation: Augmentation,
        data: Arrays,
        seed: int,
        epochs: int,
        preparation: Preparation | None,
        outside: int | None = None,
    ) -> None:
        if not isinstance(getattr(augmentation, "transforms", None), tuple):
            expected = fact("a cr.Augmentation")
            fix = "augmentation=cr.Augmentation(Flip(), Crop(padding=4))"
            raise wrong_type(augmentation, "augmentation", "fit", expected, fix)
        self.augmentation, self.seed, self.epochs = augmentation, seed, epochs
        x, y = np.asarray(_only("x", data.x)), _only("y", data.y)
        self.mean, self.std = preparation.channels if preparation is not None else (0.0, 1.0)
        self.images = np.clip(x * self.std + self.mean, 0, 1).astype(np.float32) if preparation else x
        self.targets = y
        if augmentation.mix and (y.ndim != 2 or y.dtype.kind != "f"):
            value = fact("{dtype} {shape}, which cannot be mixed", dtype=y.dtype, shape=y.shape)
            fix = 'loss="soft_cross_entropy", y=numpy.eye(K)[y]'
            raise out_of_range(
                value, "augmentation", "fit", fact("targets (N, K), shares of classes"), fix=fix
            )
        augmentation.apply(self.images, np.arange(1), seed)  # raises an error if the inputs are not images
        self.outside, self.has_masks = outside, are_masks(x, y)
        if self.has_masks:
            augmentation.move_masks(y, np.arange(1), seed)  # raises an error if a transform cannot
        self.current = Arrays(_like(data.x, x.copy()), _like(data.y, y.copy()), data.weights)
        self.upcoming: tuple[np.ndarray, np.ndarray] = np.empty_like(x), np.empty_like(y)
        self.pool = ThreadPoolExecutor(WORKERS)
        self.tasks: list[Future[None]] = []
        self.upcoming_epoch = -1

    def __call__(self, epoch: int) -> None:
        """Write the images of an epoch, and start to compute those of the next one."""
        if self.upcoming_epoch != epoch:
            self._start(epoch)
        for task in self.tasks:
            task.result()
        np.copyto(_only("x", self.current.x), self.upcoming[0])
        np.copyto(_only("y", self.current.y), self.upcoming[1])
        self.tasks, self.upcoming_epoch = [], -1
        if epoch + 1 < self.epochs:
            self._start(epoch + 1)

    def _start(self, epoch: int) -> None:
        wait([task for task in self.tasks if not task.cancel()])  # two epochs never write at the same time
        rows, self.upcoming_epoch = len(self.images), epoch
        starts = range(0, rows, BLOCK)
        self.tasks = [self.pool.submit(self._augment, epoch, i, min(i + BLOCK, rows)) for i in starts]

    def _augment(self, epoch: int, start: int, end: int) -> None:
        samples = np.arange(start, end)
        augmented = self.augmentation.apply(self.images, samples, self.seed, epoch)
        self.upcoming[0][start:end] = (augmented.x - self.mean) / self.std
        self.upcoming[1][start:end] = self._targets(augmented, samples, epoch)

    def _targets(self, augmented: Augmented, samples: np.ndarray, epoch: int) -> np.ndarray:
        """Return the targets of some images: mixed, moved or unchanged."""
        if self.has_masks:
            return self.augmentation.move_masks(self.targets, samples, self.seed, epoch, self.outside)
        return augmented.targets(self.targets, samples) if self.augmentation.mix else self.targets[samples]

    def close(self) -> None:
        """Cancel the remaining tasks and end the threads."""
        self.pool.shutdown(cancel_futures=True)


def _only(name: str, part: Any) -> np.ndarray:
    """Return the only array of inputs or targets; raises E354 for several."""
    arrays = list(part.values()) if isinstance(part, dict) else [part]
    if len(arrays) > 1:
        expected = fact("one array as {name}, with images as x", name=name)
        received = fact("{count} arrays", count=len(arrays))
        raise DataError("E354", where="fit, augmentation", expected=expected, received=received)
    return arrays[0]


def _like(part: Any, array: np.ndarray) -> Any:
    """Return the array by the name that ``part`` has."""
    return dict.fromkeys(part, array) if isinstance(part, dict) else array
