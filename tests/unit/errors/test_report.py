"""One form for every error text, in both languages; settings refuse unknown names and invalid values."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from chainrule.errors import (
    ChainruleError,
    DataError,
    DtypeError,
    FileError,
    GradientError,
    ShapeError,
    TrainingError,
    UsageError,
    nearest,
)
from chainrule.graph import constant, input_node
from chainrule.settings import Settings, settings

SHOWN = [
    UsageError("E101", where="--net", name="rleu", expected="relu", received="rleu", fix='--net "64 relu"'),
    ShapeError(
        "E203",
        where='Dense "dense2" (moons.py:38)',
        expected="(B, 64)",
        received="(B, 32)",
        fix="cr.Dense(10) after cr.Flatten()",
        notes=["matmul of (B, 32) and (64, 10)"],
    ),
    GradientError("E273", expected="shape ()", received="float32(B, 2)", fix="cr.grad(y.mean(), inputs)"),
    GradientError("E272"),
]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_error_texts_match_the_golden_file(lang: str, golden: Callable[[str, str], None]) -> None:
    golden(f"errors/report.{lang}.txt", "\n\n".join(error.render(lang) for error in SHOWN) + "\n")


def test_the_text_equals_str() -> None:
    assert str(SHOWN[0]) == SHOWN[0].render("en")


def test_errors_are_subclasses_of_pythons_exceptions() -> None:
    kinds = {
        UsageError: ValueError,
        ShapeError: ValueError,
        DtypeError: TypeError,
        GradientError: ValueError,
        DataError: ValueError,
        FileError: OSError,
        TrainingError: ArithmeticError,
    }
    for ours, pythons in kinds.items():
        assert issubclass(ours, ChainruleError)
        assert issubclass(ours, pythons)


def test_nearest_returns_the_most_similar_name() -> None:
    assert nearest("Sigmiod", ["relu", "sigmoid"]) == "sigmoid"
    assert nearest("ReLU", ["relu", "tanh"]) == "relu"
    assert nearest("qqqq", ["relu", "tanh"]) == ""
    assert nearest("x", []) == ""


def test_errors_can_be_pickled() -> None:
    error = SHOWN[1]
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)


def test_settings_are_checked_when_set() -> None:
    for name, value, fix in (
        ("dtype", "flaot32", 'cr.settings.dtype = "float32"'),
        ("lang", "fr", ""),
        ("engine", "nativ", ""),
    ):
        with pytest.raises(UsageError) as caught:
            setattr(settings, name, value)
        assert caught.value.code == "E101"
        assert fix in caught.value.fix
    with pytest.raises(UsageError) as caught:
        settings.dtpye = "float32"
    assert "cr.settings.dtype" in caught.value.fix


def test_temporary_settings_end_with_their_block() -> None:
    before = str(settings)
    with settings.using(dtype="float64"):
        assert constant(1.5).dtype == "float64"
        assert input_node("x", (2,)).dtype == "float64"
    assert constant(1.5).dtype == "float32"
    with pytest.raises(UsageError), settings.using(dtype="float64", lang="xx"):
        pass
    assert str(settings) == before


def test_settings_print_as_toml() -> None:
    assert 'dtype = "float64"' in str(Settings(dtype="float64", lang="zh")).splitlines()
    assert Settings().lang in ("en", "zh")


def test_a_traceback_is_in_the_language_of_the_settings() -> None:
    error = UsageError("E101", where="--net", name="rleu", expected="relu", received="rleu")
    assert str(error) == error.render("en")
    with settings.using(lang="zh"):
        assert str(error) == error.render("zh")
        assert "期望" in str(error)
