"""Changes one after the other, and the batches they make.

What an image looks like in an epoch is a function of (seed, epoch, number of the image) and of the pipeline,
and of nothing else: not of the batch it is in, not of how many threads work, not of what was drawn before. A
training that is resumed sees the very pictures it would have seen.

With mixing, an image's partner is another image of the whole set (a new pairing in every epoch), changed in
the way it is changed itself, so a mixed picture too is the same in every split into batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, asdict, fields
from typing import Any, NamedTuple

import numpy as np

from chainrule import block_index
from chainrule.data.augmentation.mixing import Mix
from chainrule.data.augmentation.transform import Change, draw
from chainrule.data.batches.prefetch import prefetch
from chainrule.data.batches.row_order import Order
from chainrule.errors import DataError, UsageError, nearest
from chainrule.lazy_imports import LazyRegistry, paths
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen

CHANGES: LazyRegistry[type[Change]] = LazyRegistry("chainrule", paths(block_index.CHANGES))
MIXES: LazyRegistry[type[Mix]] = LazyRegistry("chainrule", paths(block_index.MIXES))
BLOCK = 64  # images changed at once: large enough for NumPy, small enough for the cache
_STREAM, _PAIR, _WHICH, _MIX = 0x41554744, 1 << 20, 1 << 21, 1 << 22  # "AUGD"; uses of the seed kept apart


class Augmented(NamedTuple):
    """Changed images, and with whom they were mixed.

    Args:
        x: (n, H, W, C) float32.
        partners: (n,) the numbers of the images they were mixed with.
        share: (n,) how much of each is its own; 1 where nothing is mixed.
    """

    x: np.ndarray
    partners: np.ndarray
    share: np.ndarray

    def targets(self, y: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """What is wanted of the images: share y + (1 - share) y', (n, K).

        Args:
            y: (N, K) of the whole set: one 1 in each row for classes.
            samples: (n,) the numbers of the images.
        """
        share = self.share.astype(y.dtype).reshape(-1, *(1 for _ in y.shape[1:]))
        return share * y[samples] + (1 - share) * y[self.partners]


@frozen
class Augmentation:
    """Random changes of images while a network learns, so that it sees no picture twice.

    Args:
        changes: what happens to each image, in this order.
        mix: ways to mix an image with another; for each image one of them is drawn.

    Raises:
        UsageError E113: something that is no change.

    Example:
        >>> from chainrule.data.augmentation import Crop, Flip
        >>> images = np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 4, 4, 1)
        >>> flips = Augmentation(Flip(horizontal=0.5), Crop(padding=1))
        >>> print(flips)
        Augmentation(Flip(horizontal=0.5, vertical=0.0), Crop(padding=1, fill=0.0))
        >>> whole = flips.apply(images, np.arange(2), seed=0, epoch=3).x
        >>> bool((flips.apply(images, np.array([1]), seed=0, epoch=3).x == whole[1:]).all())
        True
    """

    changes: tuple[Change, ...]
    _: KW_ONLY
    mix: tuple[Mix, ...]

    def __init__(self, *changes: Change, mix: Mix | tuple[Mix, ...] = ()) -> None:
        mixes = tuple(mix) if isinstance(mix, tuple | list) else (mix,)
        wrong = [c for c in changes if not isinstance(c, Change)]
        wrong += [m for m in mixes if not isinstance(m, Mix)]
        if wrong:
            raise UsageError(
                "E113", where="Augmentation", name="a change", expected=", ".join([*CHANGES, *MIXES]),
                received=repr(wrong[0])[:80], fix="Augmentation(Flip(), Crop(padding=4), mix=Mixup(0.2))",
            )  # fmt: skip
        object.__setattr__(self, "changes", changes)
        object.__setattr__(self, "mix", mixes)

    def __str__(self) -> str:
        mix = [f"mix={self.mix[0] if len(self.mix) == 1 else self.mix}"] if self.mix else []
        return f"Augmentation({', '.join([*map(str, self.changes), *mix])})"

    def apply(self, images: np.ndarray, samples: np.ndarray, seed: int = 0, epoch: int = 0) -> Augmented:
        """The pictures of some images in an epoch.

        Args:
            images: all images of the set, (N, H, W, C): bytes, or numbers from 0 to 1.
            samples: (n,) the numbers of those wanted.
            seed: of the training.
            epoch: from 0.

        Raises:
            DataError E354: no such images.
        """
        require_images(images)
        key = fold(key_of(seed), _STREAM, epoch)
        samples = np.asarray(samples, np.int64)
        own = self._changed(images, samples, key)
        if not self.mix:
            return Augmented(own, samples, np.ones(len(samples)))
        partners = permutation(fold(key, _PAIR), len(images))[samples]
        return self._mixed(own, self._changed(images, partners, key), samples, partners, key)

    def _changed(self, images: np.ndarray, samples: np.ndarray, key: np.ndarray) -> np.ndarray:
        x = to_floats(images[samples])
        for position, change in enumerate(self.changes):
            x = change(x, draw(fold(key, position), samples, change.draws))
        return x

    def _mixed(
        self, x: np.ndarray, others: np.ndarray, samples: np.ndarray, partners: np.ndarray, key: np.ndarray
    ) -> Augmented:
        which = (draw(fold(key, _WHICH), samples, 1)[:, 0] * len(self.mix)).astype(np.intp)
        share = np.ones(len(samples))
        out = x.copy()
        for number, mix in enumerate(self.mix):
            rows = np.flatnonzero(which == number)
            u = draw(fold(key, _MIX + number), samples[rows], mix.draws)
            out[rows], share[rows] = mix(x[rows], others[rows], u)
        return Augmented(out, partners, share)

    def to_record(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers, safe for JSON."""

        def plain(part: Any) -> dict[str, Any]:
            settings = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(part).items()}
            return {"kind": type(part).__name__, **settings}

        return {"changes": [plain(c) for c in self.changes], "mix": [plain(m) for m in self.mix]}

    @classmethod
    def from_record(cls, record: object) -> Augmentation:
        """The augmentation that ``to_record`` wrote; names are looked up in tables, never imported.

        Raises:
            DataError E355: a record that ``to_record`` could not have written. UsageError E102: a setting out
            of its range.
        """
        if not isinstance(record, dict) or set(record) != {"changes", "mix"}:
            raise _wrong("record", "changes and mix", record)
        parts = {}
        for name, known in (("changes", CHANGES), ("mix", MIXES)):
            listed = record[name]
            if not isinstance(listed, list) or len(listed) > 100:
                raise _wrong(name, "a list", listed)
            parts[name] = [_read(f"{name}[{i}]", part, known) for i, part in enumerate(listed)]
        return cls(*parts["changes"], mix=tuple(parts["mix"]))


def _read(path: str, record: object, known: dict[str, Any]) -> Any:
    kind = record.get("kind") if isinstance(record, dict) else None
    if not isinstance(record, dict) or not isinstance(kind, str) or kind not in known:
        raise _wrong(f"{path}.kind", ", ".join(known), kind, nearest(str(kind)[:80], known))
    names = [field.name for field in fields(known[kind])]
    if set(record) != {"kind", *names}:
        raise _wrong(path, f"exactly kind, {', '.join(names)}", sorted(map(str, record))[:20])
    settings = {k: tuple(v) if isinstance(v, list) else v for k, v in record.items() if k != "kind"}
    return known[kind](**settings)


def _wrong(path: str, expected: str, received: object, fix: str = "") -> DataError:
    shown = repr(received)[:80]
    return DataError("E355", where=f"augmentation, {path}", expected=expected, received=shown, fix=fix)


def require_images(images: np.ndarray) -> None:
    """Refuse what are no images: (N, H, W, C) with 1 or 3 channels, bytes or numbers from 0 to 1.

    Raises:
        DataError E354: another shape, kind or range.
    """
    shape, dtype = tuple(np.shape(images)), getattr(images, "dtype", None)
    received = fix = ""
    if not isinstance(images, np.ndarray) or images.ndim != 4 or 0 in shape or shape[3] not in (1, 3):
        received = f"shape {shape}"
        fix = "images[..., None], if they are gray and have no axis of channels" if len(shape) == 3 else ""
    elif images.dtype != np.uint8 and images.dtype.kind != "f":
        received, fix = f"dtype {dtype}", "images.astype('uint8'), if they are bytes"
    if received:
        expected = "(N, H, W, 1 or 3), bytes or numbers from 0 to 1"
        raise DataError("E354", where="images", expected=expected, received=received, fix=fix)


def to_floats(images: np.ndarray) -> np.ndarray:
    """Images as float32 between 0 and 1: bytes are divided by 255.

    Raises:
        DataError E354: numbers outside 0 to 1.
    """
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(255)
    if images.size and not (images.min() >= 0 and images.max() <= 1):  # NaN compares false
        received = f"{images.min():g} to {images.max():g}"
        raise DataError("E354", where="images", expected="0 to 1", received=received, fix="images / 255")
    return images.astype(np.float32)


def batches(
    images: np.ndarray,
    y: np.ndarray,
    order: Order,
    augmentation: Augmentation,
    epoch: int = 0,
    workers: int = 2,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The augmented batches of an epoch, made on worker threads while the last one is being learned from.

    Args:
        images: (N, H, W, C), all of the set.
        y: (N,) class numbers, or (N, ...) values. With mixing, class numbers become shares of classes, (n,
            K).
        order: which images are in which batch, and the seed.
        augmentation: what happens to them.
        epoch: from 0.
        workers: how many threads; the batches are the same for any number.

    Raises:
        DataError E344: as many targets as images are needed. E354: no images.
        UsageError E102: no workers.

    Example:
        >>> from chainrule.data.augmentation import Flip
        >>> images, y = np.zeros((5, 4, 4, 1), np.uint8), np.array([0, 1, 0, 1, 1])
        >>> found = list(batches(images, y, Order(5, 2, seed=0), Augmentation(Flip())))
        >>> [(x.shape, labels.tolist()) for x, labels in found]
        [((2, 4, 4, 1), [1, 0]), ((2, 4, 4, 1), [1, 1]), ((1, 4, 4, 1), [0])]
    """
    require_images(images)
    y = np.asarray(y)
    if not len(images) == len(y) == order.rows:
        expected = f"{len(images)} rows, as images has"
        received = f"y has {len(y)}, order has {order.rows}"
        raise DataError("E344", where="batches", expected=expected, received=received)
    if augmentation.mix and y.ndim == 1 and y.dtype.kind in "iu":
        y = np.eye(int(y.max()) + 1, dtype=np.float32)[y]  # (N,) -> (N, K)

    def make(step: int) -> tuple[np.ndarray, np.ndarray]:
        samples = order.batch(epoch, step)
        made = augmentation.apply(images, samples, order.seed, epoch)
        return made.x, made.targets(y, samples) if augmentation.mix else y[samples]

    return prefetch(make, order.steps, workers)
