"""Augmentations written as text: parsed into changes and mixes, or refused with the fault."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.augmentation import MIXES, TRANSFORMS, Augmentation, Flip, Mixup, augmentation_from_text
from chainrule.data.augmentation.pipeline import KINDS
from chainrule.errors import ChainruleError, UsageError


def test_every_change_and_mix_has_a_name_in_texts() -> None:
    assert set(KINDS.values()) == {*TRANSFORMS.values(), *MIXES.values()}
    for word, kind in KINDS.items():
        augmentation = augmentation_from_text(word)
        assert (*augmentation.transforms, *augmentation.mix) == (kind(),)


def test_settings_by_position_by_name_and_as_a_range() -> None:
    augmentation = augmentation_from_text(
        "Flip 0.5 0.25，affine  shift=0.2 scale=0.8..1.25, crop 2,mixup 0.4"
    )
    flip, affine, crop = augmentation.transforms
    assert flip == Flip(horizontal=0.5, vertical=0.25)
    assert affine == TRANSFORMS["Affine"](shift=0.2, scale=(0.8, 1.25))  # type: ignore[call-arg]
    assert crop == TRANSFORMS["Crop"](padding=2)  # type: ignore[call-arg]
    assert augmentation.mix == (Mixup(0.4),)


REFUSED = {
    "flop": ("E101", '"flip"'),
    "crop paddin=3": ("E101", '"padding"'),
    "crop x": ("E356", '"crop 4"'),
    "crop 1 2 3": ("E356", '"crop 4"'),
    "flip,, crop": ("E356", "nothing between two commas"),
    "4 crop": ("E356", "flip, crop 4, rotate 10"),
    "crop 1.5": ("E102", "an integer"),
    "rotate 1e999": ("E102", "0 <= degrees <= 180"),
    "affine scale=3": ("E102", "two numbers"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_invalid_augmentation_texts_are_refused(text: str) -> None:
    code, words = REFUSED[text]
    with pytest.raises(UsageError, match=code) as caught:
        augmentation_from_text(text)
    assert words in str(caught.value)


@given(st.text(st.sampled_from("flipcro,=.0123456789 -e_"), max_size=30))
def test_any_augmentation_text_is_parsed_or_refused(text: str) -> None:
    with suppress(ChainruleError):
        assert isinstance(augmentation_from_text(text), Augmentation)
