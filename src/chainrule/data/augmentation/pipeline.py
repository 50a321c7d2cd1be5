"""A sequence of transforms, and the augmented batches of an epoch.

The augmented image is a function of (seed, epoch, index of the image) and of the pipeline alone. It does not
depend on the batch, the number of threads or the random numbers used before, so a resumed training sees
exactly the images that it would have seen.

With mixing, the partner of an image is another image of the complete set (a new pairing in every epoch) after
the same transforms, so mixed images do not depend on the batches either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, asdict, fields
from typing import Any, NamedTuple

import numpy as np

from chainrule import block_index
from chainrule.data.augmentation.erasing_and_mixing import Mix
from chainrule.data.augmentation.transform import Transform, random_numbers
from chainrule.data.batches.prefetch import prefetch
from chainrule.data.batches.row_order import Order
from chainrule.data.masks import are_masks
from chainrule.errors import DataError, Message, UsageError, fact, nearest
from chainrule.lazy_imports import LazyRegistry, paths
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.validation import random_seed, unknown, wrong_type

TRANSFORMS: LazyRegistry[type[Transform]] = LazyRegistry("chainrule", paths(block_index.TRANSFORMS))
MIXES: LazyRegistry[type[Mix]] = LazyRegistry("chainrule", paths(block_index.MIXES))
BLOCK = 64  # images transformed at once: large enough for NumPy, small enough for the cache
_STREAM, _PAIR, _WHICH, _MIX = 0x41554744, 1 << 20, 1 << 21, 1 << 22  # "AUGD" and streams of the seed


class Augmented(NamedTuple):
    """Augmented images and their mixing partners.

    Args:
        x: (n, H, W, C) float32.
        partners: (n,) indices of the images they were mixed with.
        share: (n,) share of the original image; 1 where nothing was mixed.
    """

    x: np.ndarray
    partners: np.ndarray
    share: np.ndarray

    def targets(self, y: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """Return the mixed targets of ``samples``: share y + (1 - share) y', (n, K) of one-hot y (N, K)."""
        share = self.share.astype(y.dtype).reshape(-1, *(1 for _ in y.shape[1:]))
        return share * y[samples] + (1 - share) * y[self.partners]


@frozen
class Augmentation:
    """Random transforms of images during training.

    Args:
        transforms: applied to each image in this order.
        mix: mixes; one of them is sampled for each image.

    Raises:
        UsageError E113: an argument that is neither a transform nor a mix.

    Example:
        >>> from chainrule.data.augmentation import Crop, Flip
        >>> images = np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 4, 4, 1)
        >>> flips = Augmentation(Flip(horizontal=0.5), Crop(padding=1))
        >>> print(flips)
        Augmentation(Flip(horizontal=0.5, vertical=0.0), Crop(padding=1, fill=0.0))
        >>> augmented = flips.apply(images, np.arange(2), seed=0, epoch=3).x
        >>> bool((flips.apply(images, np.array([1]), seed=0, epoch=3).x == augmented[1:]).all())
        True
    """

    transforms: tuple[Transform, ...]
    _: KW_ONLY
    mix: tuple[Mix, ...]

    def __init__(self, *transforms: Transform, mix: Mix | tuple[Mix, ...] = ()) -> None:
        mixes = tuple(mix) if isinstance(mix, tuple | list) else (mix,)
        wrong = [t for t in transforms if not isinstance(t, Transform)]
        wrong += [m for m in mixes if not isinstance(m, Mix)]
        if wrong:
            fix = "Augmentation(Flip(), Crop(padding=4), mix=Mixup(0.2))"
            expected = ", ".join([*TRANSFORMS, *MIXES])
            raise wrong_type(wrong[0], fact("a transform"), "Augmentation", expected, fix)
        object.__setattr__(self, "transforms", transforms)
        object.__setattr__(self, "mix", mixes)

    def __str__(self) -> str:
        mix = [f"mix={self.mix[0] if len(self.mix) == 1 else self.mix}"] if self.mix else []
        return f"Augmentation({', '.join([*map(str, self.transforms), *mix])})"

    def apply(self, images: np.ndarray, samples: np.ndarray, seed: int = 0, epoch: int = 0) -> Augmented:
        """Augment images for an epoch.

        Args:
            images: all images of the set, (N, H, W, C): bytes, or numbers from 0 to 1.
            samples: (n,) indices of the images to augment.
            seed: seed of the training.
            epoch: index of the epoch, from 0.

        Raises:
            DataError E354: an unsupported shape, dtype or range.
        """
        seed = random_seed(seed, "Augmentation.apply")
        require_images(images)
        key = fold(key_of(seed), _STREAM, epoch)
        samples = np.asarray(samples, np.int64)
        transformed = self._transform(images, samples, key)
        if not self.mix:
            return Augmented(transformed, samples, np.ones(len(samples)))
        partners = permutation(fold(key, _PAIR), len(images))[samples]
        return self._mix(transformed, self._transform(images, partners, key), samples, partners, key)

    def move_masks(
        self,
        masks: np.ndarray,
        samples: np.ndarray,
        seed: int = 0,
        epoch: int = 0,
        outside: float | None = None,
    ) -> np.ndarray:
        """Move the pixels of masks as ``apply`` moves those of the images.

        Args:
            masks: of all images, (N, H, W) classes or (N, H, W, C) numbers.
            samples, seed, epoch: as those of ``apply``.
            outside: value of pixels from outside the image; ``None``: that of the nearest pixel inside.

        Raises:
            UsageError E102: a transform that does not move masks.

        Example:
            >>> from chainrule.data.augmentation import Flip
            >>> flip = Augmentation(Flip(horizontal=1.0))
            >>> flip.move_masks(np.array([[[1, 2, 3]]]), np.arange(1)).tolist()
            [[[3, 2, 1]]]
        """
        seed = random_seed(seed, "Augmentation.move_masks")
        key, moved = fold(key_of(seed), _STREAM, epoch), masks[samples]
        for position, transform in enumerate(self.transforms):
            u = random_numbers(fold(key, position), samples, transform.draws)
            moved = transform.masks(moved, u, outside)
        return moved

    def _transform(self, images: np.ndarray, samples: np.ndarray, key: np.ndarray) -> np.ndarray:
        x = to_floats(images[samples])
        for position, transform in enumerate(self.transforms):
            x = transform(x, random_numbers(fold(key, position), samples, transform.draws))
        return x

    def _mix(
        self, x: np.ndarray, others: np.ndarray, samples: np.ndarray, partners: np.ndarray, key: np.ndarray
    ) -> Augmented:
        which = (random_numbers(fold(key, _WHICH), samples, 1)[:, 0] * len(self.mix)).astype(np.intp)
        share = np.ones(len(samples))
        out = x.copy()
        for number, mix in enumerate(self.mix):
            rows = np.flatnonzero(which == number)
            u = random_numbers(fold(key, _MIX + number), samples[rows], mix.draws)
            out[rows], share[rows] = mix(x[rows], others[rows], u)
        return Augmented(out, partners, share)

    def to_record(self) -> dict[str, Any]:
        """Return the augmentation as dicts, lists and numbers for JSON."""

        def plain(part: Any) -> dict[str, Any]:
            settings = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(part).items()}
            return {"kind": type(part).__name__, **settings}

        return {"transforms": [plain(t) for t in self.transforms], "mix": [plain(m) for m in self.mix]}

    @classmethod
    def from_record(cls, record: object) -> Augmentation:
        """Restore the augmentation of a record written by ``to_record``; names are looked up, never imported.

        Args:
            record: plain data.

        Raises:
            DataError E355: not a record of ``to_record``. UsageError E102: an argument out of range.
        """
        if not isinstance(record, dict) or set(record) != {"transforms", "mix"}:
            raise _wrong("record", fact("transforms and mix"), record)
        parts = {}
        for name, known in (("transforms", TRANSFORMS), ("mix", MIXES)):
            listed = record[name]
            if not isinstance(listed, list) or len(listed) > 100:
                raise _wrong(name, fact("a list"), listed)
            parts[name] = [_read(f"{name}[{i}]", part, known) for i, part in enumerate(listed)]
        return cls(*parts["transforms"], mix=tuple(parts["mix"]))


def _read(path: str, record: object, known: Mapping[str, Any]) -> Any:
    kind = record.get("kind") if isinstance(record, dict) else None
    if not isinstance(record, dict) or not isinstance(kind, str) or kind not in known:
        raise _wrong(f"{path}.kind", ", ".join(known), kind, nearest(str(kind)[:80], known))
    names = [field.name for field in fields(known[kind])]
    if set(record) != {"kind", *names}:
        raise _wrong(
            path, fact("exactly kind, {names}", names=", ".join(names)), sorted(map(str, record))[:20]
        )
    settings = {k: tuple(v) if isinstance(v, list) else v for k, v in record.items() if k != "kind"}
    return known[kind](**settings)


def _wrong(path: str, expected: str, received: object, fix: str = "") -> DataError:
    text = repr(received)[:80]
    return DataError(
        "E355", where=fact("augmentation, {path}", path=path), expected=expected, received=text, fix=fix
    )


def require_images(images: np.ndarray) -> None:
    """Require images: (N, H, W, C) with 1 or 3 channels, bytes or numbers from 0 to 1 (E354)."""
    shape, dtype = tuple(np.shape(images)), getattr(images, "dtype", None)
    received = fix = ""
    if not isinstance(images, np.ndarray) or images.ndim != 4 or 0 in shape or shape[3] not in (1, 3):
        received = f"shape {shape}"
        fix = (
            fact("images[..., None], if they are gray and have no axis of channels")
            if len(shape) == 3
            else ""
        )
    elif images.dtype != np.uint8 and images.dtype.kind != "f":
        received, fix = f"dtype {dtype}", fact("images.astype('uint8'), if they are bytes")
    if received:
        expected = fact("(N, H, W, 1 or 3), bytes or numbers from 0 to 1")
        raise DataError("E354", where="images", expected=expected, received=received, fix=fix)


def to_floats(images: np.ndarray) -> np.ndarray:
    """Convert images to float32 between 0 and 1 (E354: other numbers); bytes are divided by 255."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(255)
    if images.size and not (images.min() >= 0 and images.max() <= 1):  # NaN compares false
        received = fact("{first:g} to {last:g}", first=images.min(), last=images.max())
        raise DataError(
            "E354", where="images", expected=fact("0 to 1"), received=received, fix="images / 255"
        )
    return images.astype(np.float32)


def batches(
    images: np.ndarray,
    y: np.ndarray,
    order: Order,
    augmentation: Augmentation,
    epoch: int = 0,
    workers: int = 2,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Return the augmented batches of an epoch, computed on worker threads ahead of the training steps.

    Args:
        images: (N, H, W, C), the complete set.
        y: (N,) class numbers, or (N, ...) values. With mixing, class numbers become class probabilities,
            (n, K). Masks, (N, H, W) or (N, H, W, C), move with their images.
        order: assigns images to batches; contains the seed.
        epoch: index of the epoch, from 0.
        workers: number of threads; the batches do not depend on it.

    Raises:
        DataError E344: different numbers of images, targets and rows of ``order``. E354: unsupported images.
        UsageError E102: ``workers`` is below 1.

    Example:
        >>> from chainrule.data.augmentation import Flip
        >>> images, y = np.zeros((5, 4, 4, 1), np.uint8), np.array([0, 1, 0, 1, 1])
        >>> result = list(batches(images, y, Order(5, 2, seed=0), Augmentation(Flip())))
        >>> [(x.shape, labels.tolist()) for x, labels in result]
        [((2, 4, 4, 1), [1, 0]), ((2, 4, 4, 1), [1, 1]), ((1, 4, 4, 1), [0])]
    """
    require_images(images)
    y = np.asarray(y)
    if not len(images) == len(y) == order.rows:
        expected = fact("{rows} rows, as images has", rows=len(images))
        received = fact("y has {targets}, order has {rows}", targets=len(y), rows=order.rows)
        raise DataError("E344", where="batches", expected=expected, received=received)
    if augmentation.mix and y.ndim == 1 and y.dtype.kind in "iu":
        y = np.eye(int(y.max()) + 1, dtype=np.float32)[y]  # (N,) -> (N, K)

    def batch(step: int) -> tuple[np.ndarray, np.ndarray]:
        samples = order.batch(epoch, step)
        augmented = augmentation.apply(images, samples, order.seed, epoch)
        if are_masks(images, y):
            return augmented.x, augmentation.move_masks(y, samples, order.seed, epoch)
        return augmented.x, augmented.targets(y, samples) if augmentation.mix else y[samples]

    return prefetch(batch, order.steps, workers)


# Parse the text form of an augmentation, as ``--augment`` takes it.
#
#     flip, crop 4, rotate 10, color brightness=0.2 contrast=0.2, affine scale=0.8..1.2
#
# Parts are separated by commas; each is a transform, applied in this order. Unnamed numbers set its arguments
# in order; arguments can also be named. ``low..high`` is a range. ``mixup`` and ``cutmix`` mix two images.

WORDS = "flip, crop 4, rotate 10"
KINDS: dict[str, Any] = {
    **{re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(): kind for name, kind in TRANSFORMS.items()},
    **{name.lower(): kind for name, kind in MIXES.items()},
}
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_SETTING = re.compile(rf"(?:(\w+)=)?({_NUMBER})(?:\.\.({_NUMBER}))?", re.IGNORECASE)


def augmentation_from_text(text: str, source: str = "--augment") -> Augmentation:
    """Parse an augmentation.

    Args:
        text: parts separated by commas: ``flip``, ``crop 4``, ``color brightness=0.2``.
        source: name of the text in error messages.

    Raises:
        UsageError E101: an unknown transform or argument; the error suggests the closest name.
        UsageError E102: an argument out of range.
        UsageError E356: a part that is not a transform with its arguments.

    Example:
        >>> print(augmentation_from_text("flip, crop 4"))
        Augmentation(Flip(horizontal=0.5, vertical=0.0), Crop(padding=4, fill=0.0))
    """
    parts = [part.split() for part in re.split("[,，]", text)]
    steps = [_step(words, _part(source, i, len(parts))) for i, words in enumerate(parts, 1)]
    mixes = tuple(step for step in steps if isinstance(step, Mix))
    return Augmentation(*(step for step in steps if not isinstance(step, Mix)), mix=mixes)


def _part(source: str, number: int, total: int) -> Message:
    """Return the name of a part in errors."""
    return fact("{source}, part {number} of {total}", source=source, number=number, total=total)


def _step(words: list[str], where: str) -> Any:
    """Return the transform or mix that one part describes."""
    kind = KINDS.get(words[0].casefold()) if words else None
    if words and kind is None and words[0].isidentifier():
        raise unknown(where, words[0], KINDS, '"{}"', example=next(iter(KINDS)))
    matches = [_SETTING.fullmatch(word) for word in words[1:]]
    names = [field.name for field in fields(kind)] if kind else []
    unnamed = [match for match in matches if match and not match[1]]
    if kind is None or None in matches or len(unnamed) > len(names):
        part = " ".join(words)[:80]
        received = " ".join(words)[:80] or fact("nothing between two commas")
        fix = f'"{words[0]} {fields(kind)[0].default}"' if kind else f'"{WORDS}"'
        raise UsageError("E356", where=where, part=part, expected=WORDS, received=received, fix=fix)
    settings = {}
    for i, match in enumerate(match for match in matches if match):
        name = match[1] or names[i]
        if name not in names:
            raise unknown(where, name, names, '"{}"', example=names[0])
        settings[name] = _number(match[2]) if match[3] is None else (_number(match[2]), _number(match[3]))
    return kind(**settings)


def _number(text: str) -> int | float:
    return int(text) if text.isdecimal() else float(text)
