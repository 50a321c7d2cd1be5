"""``attribute --target`` with a word that is no class of boxes or pixels names the classes."""

from __future__ import annotations

from typing import Any, cast

import pytest

from chainrule.errors import TrainingError
from chainrule.inputs.detection import DetectionKind
from chainrule.inputs.segmentation import SegmentationKind


@pytest.mark.parametrize("kind", [DetectionKind, SegmentationKind])
def test_a_word_that_is_no_class_is_refused_with_the_classes(kind: type) -> None:
    named, nothing = kind(names=("car", "sky")), cast("Any", None)
    with pytest.raises(TrainingError, match="a class: car, sky") as refused:
        named.named_target(nothing, nothing, "cat")
    assert refused.value.code == "E544"
    assert str(refused.value.fix) == "--target car"
    assert named.named_target(nothing, nothing, "8") is None
