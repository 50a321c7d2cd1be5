"""A custom class, in whatever form, keeps its settings everywhere or is refused.

The forms (decorator, only annotations, an ``__init__``, class attributes, inheritance) are tested for every
base class that users subclass.
"""

from __future__ import annotations

import copy
import enum
import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, fields, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from case_loops import loop_over
from chainrule import nn
from chainrule.errors import ChainruleError, UsageError
from chainrule.extension import Extensible, changed, difference
from chainrule.nn.serialization import FAMILIES
from custom_classes import ACCEPTED, REFUSED, ROOTS, annotated, body

FORMS = [(root, form) for root in ROOTS for form in ACCEPTED]
FREE = ("an attribute that is no field", "an attribute over a class attribute", "an __init__ of a mixin")


def test_every_extensible_base_is_tested() -> None:
    public = {base for base in Extensible.__subclasses__() if base.__module__.startswith("chainrule.")}
    assert public - set(ROOTS.values()) == {nn.optimizer.Group}, "a path pattern and settings; not subclassed"


@loop_over(("root", "form"), FORMS)
def test_settings_take_part_in_equality_hash_repr_copy_and_replace(root: str, form: str) -> None:
    kind = ACCEPTED[form](ROOTS[root])
    three, five = kind(factor=3.0), kind(factor=5.0)
    assert (three.factor, five.factor, kind().factor) == (3.0, 5.0, 1.0)
    assert three == kind(factor=3.0) != five
    assert hash(three) == hash(kind(factor=3.0)) != hash(five)
    assert "factor=3.0" in repr(three)
    assert "factor=5.0" in repr(five)
    assert copy.copy(three) == copy.deepcopy(three) == three
    assert changed(three, factor=5.0) == five
    assert "init" in form or replace(three, factor=5.0) == five
    assert "factor" in [f.name for f in fields(three)]
    with pytest.raises(FrozenInstanceError):
        three.factor = 5.0
    assert three == kind(factor=3.0)


@loop_over(("root", "form"), [pair for pair in FORMS if pair[0] in FAMILIES])
@loop_over("value", [1.0, 3.0, 7.0, 9.0, 0])
def test_a_custom_object_is_restored_equal_from_its_record(root: str, form: str, value: float) -> None:
    kind = ACCEPTED[form](ROOTS[root])
    text = json.dumps(nn.to_record(kind(factor=value)))
    again = nn.from_record(json.loads(text), root, [kind])
    assert again == kind(factor=value)
    assert again.factor == value


@loop_over("root", ROOTS)
@loop_over("form", REFUSED)
def test_a_form_that_would_lose_a_setting_is_refused(root: str, form: str) -> None:
    kind = REFUSED[form](ROOTS[root])
    if root == "callback" and form in FREE:  # never saved, and equal only to itself
        assert kind(3.0).factor == 3.0
        assert kind(3.0) != kind(3.0)
        return
    with pytest.raises(UsageError) as caught:
        kind(factor=3.0)
    assert caught.value.code in ("E140", "E141")
    assert caught.value.fix
    assert caught.value.render("zh") != caught.value.render("en")


@loop_over("root", ROOTS)
def test_class_attributes_are_constants_and_no_arguments(root: str) -> None:
    kind = type("Own", (ROOTS[root],), body(factor=3.0))
    other = type("Own", (ROOTS[root],), body(factor=5.0))
    assert kind() != other()
    with pytest.raises(
        TypeError, match="argument" if root == "callback" else r"annotation:.* factor: float = 3\.0"
    ):
        kind(5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0)
    if root in FAMILIES:
        assert nn.from_record(nn.to_record(kind()), root, [kind]).factor == 3.0
        with pytest.raises(UsageError) as caught:
            nn.to_record(nn.Sequential(kind(), other())) if root == "layer" else nn.from_record(
                {}, root, [kind, other]
            )
        assert caught.value.code == "E116"


def test_a_decorated_subclass_inherits_fields_of_an_undecorated_base() -> None:
    class Plain(nn.Layer):
        first: float = 1.0

    @nn.layer
    class Decorated(Plain):
        second: float = 2.0

    assert Decorated(3.0, 4.0) == Decorated(second=4.0, first=3.0) != Decorated(3.0, 5.0)
    assert nn.to_record(Decorated(3.0)) == {"layer": "Decorated", "first": 3.0, "second": 2.0}


def test_check_runs_after_a_custom_init() -> None:
    class Times(nn.Layer):
        factor: float
        more: int = 4

        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = factor

        def check(self) -> None:
            if not self.factor > 0:
                raise ValueError(self.factor)

    with pytest.raises(ValueError, match="-1"):
        Times(-1)
    times: Any = Times(2.0)
    assert (times.more, times.place.file) == (4, __file__)


def test_a_sequential_with_a_custom_init_is_restored() -> None:
    class Block(nn.Sequential):
        def __init__(self, width: int) -> None:
            super().__init__(nn.Dense(width), nn.Dense(2 * width))

    class Wide(Block):
        def __init__(self) -> None:
            super().__init__(64)

    assert Block(3) == Block(3) != Block(4)
    assert nn.from_record(nn.to_record(Wide()), "layer", [Wide]) == Wide()
    assert [layer.units for layer in Wide().layers] == [64, 128]  # type: ignore[attr-defined]


def test_names_reserved_by_the_base_class_are_refused_as_fields() -> None:
    for name in ("place", "kind", "settings", "check"):
        kind = type("Own", (nn.Layer,), {"__annotations__": {name: "int"}, name: 1})
        with pytest.raises(UsageError) as caught:
            kind()
        assert (caught.value.code, caught.value.fix) == ("E141", f"{name}_")


def test_cached_properties_and_class_variables_are_no_settings() -> None:
    class Own(nn.Layer):
        shared: ClassVar[list[int]] = []
        factor: float = 1.0

        @cached_property
        def double(self) -> float:
            return 2 * self.factor

    one, other = Own(2.0), Own(2.0)
    assert one.double == 4.0
    assert one == other
    assert nn.to_record(one) == {"layer": "Own", "factor": 2.0}
    with pytest.raises(UsageError, match="E140"):
        one.shared = [1]  # type: ignore[misc]


# --- any value in a field


class Mode(enum.Enum):
    A = "a"


class Word(enum.StrEnum):
    A = "a"


class Holds(nn.Layer):
    """A layer whose field accepts any value."""

    value: Any = None


class Typed(nn.Layer):
    """A layer with typed fields."""

    number: float = 1.0
    count: int = 1
    words: tuple[str, ...] = ()
    some: list[int] = field(default_factory=list)
    inner: nn.Layer | None = None


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(
        [Mode.A, Word.A, np.float32(0.1), np.int64(3), np.True_, np.ones(2), np.float64(-0.0), print]
    )
    | st.builds(nn.Dense, st.integers(1, 4)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=2), inner, max_size=2)
        | st.builds(Holds, inner)
    ),
    max_leaves=6,
)


def saved_and_loaded(value: nn.Layer) -> Any:
    """The layer restored from its record; ``None`` if saving is refused."""
    try:
        record = nn.to_record(value)
    except ChainruleError as error:
        return {"E114": None, "E115": None, "E142": None}[error.code]
    return nn.from_record(json.loads(json.dumps(record, allow_nan=False)), "layer", [Holds, Typed])


@given(VALUES)
def test_any_field_value_is_restored_or_refused_when_saved(value: Any) -> None:
    again = saved_and_loaded(Holds(value))
    assert again is None or difference(again, Holds(value)) is None


@given(st.dictionaries(st.sampled_from(["number", "count", "words", "some", "inner"]), VALUES))
def test_typed_field_values_are_restored_or_refused_when_saved(values: dict[str, Any]) -> None:
    again = saved_and_loaded(Typed(**values))
    assert again is None or difference(again, Typed(**values)) is None


@given(VALUES, VALUES)
def test_objects_are_equal_exactly_if_their_fields_are(one: Any, other: Any) -> None:
    assert Holds(one) == Holds(copy.deepcopy(one)) or difference(one, copy.deepcopy(one)) is not None
    assert (Holds(one) == Holds(other)) == (difference(one, other) is None)


def test_arrays_and_lists_compare_by_their_elements() -> None:
    assert Holds(np.ones(2)) == Holds(np.ones(2)) != Holds(np.zeros(2))
    assert Holds(np.ones(2)) != Holds(np.ones(2, np.float32))
    assert Holds([1, [2]]) == Holds([1, [2]]) != Holds([1, [3]])
    with pytest.raises(TypeError, match="unhashable"):
        hash(Holds([1]))


@pytest.mark.parametrize(
    "change",
    [
        lambda self: object.__setattr__(self, "factor", self.factor * 2),
        lambda self: object.__setattr__(self, "factor", [self.factor]),
    ],
)
def test_a_post_init_that_is_not_idempotent_is_not_saved(change: Callable[[Any], None]) -> None:
    kind = type("Own", (nn.Layer,), body(__annotations__={"factor": "Any"}, __post_init__=change))
    with pytest.raises(UsageError, match="E142"):
        nn.to_record(kind(2.0))


def test_an_attribute_set_without_a_field_is_compared_and_not_saved() -> None:
    def __init__(self: Any, factor: float) -> None:  # noqa: N807
        object.__setattr__(self, "factor", factor)

    kind: Any = type("Own", (nn.Layer,), body(__init__=__init__))
    assert kind(3.0) == kind(3.0) != kind(5.0)
    with pytest.raises(UsageError, match="E142"):
        nn.to_record(kind(3.0))


def test_a_record_is_independent_of_later_defaults() -> None:
    record = nn.to_record(annotated(nn.Layer, default=1.0)())
    assert nn.from_record(record, "layer", [annotated(nn.Layer, default=2.0)]).factor == 1.0


def test_two_classes_of_one_name_are_not_saved() -> None:
    with pytest.raises(UsageError, match="E116"):
        nn.to_record(type("Dense", (nn.Layer,), body())())
    pair = nn.Sequential(annotated(nn.Layer)(2.0), annotated(nn.Layer)(2.0))
    with pytest.raises(UsageError, match="E116"):
        nn.to_record(pair)


def test_a_callback_may_have_mutable_attributes() -> None:
    class Counting(cr.Callback):
        def __init__(self) -> None:
            self.epochs = 0

        def start(self, training: Any) -> Any:
            def watch(event: object) -> None:
                self.epochs += type(event).__name__ == "EpochDone"

            return watch

    counting = Counting()
    cr.Model(cr.Dense(1), "mse").fit(
        [[1.0], [2.0]], [3.0, 5.0], epochs=3, verbose=False, callbacks=[counting]
    )
    assert counting.epochs == 3
