"""The index of building blocks lists exactly the classes that exist."""

from __future__ import annotations

import pytest
from pages.block_index import FAMILIES, INDEX, MARKS, NAMED, index

from chainrule import block_index
from chainrule.attribution.method import METHODS
from chainrule.catalog import KINDS
from chainrule.lazy_imports import LazyRegistry, paths
from chainrule.models import MODELS
from chainrule.plotting.registry import PLOTS
from chainrule.robustness.attacks import ATTACKS


def test_the_index_is_up_to_date() -> None:
    assert INDEX.read_text() == index(), "run python -m pages.block_index"


def test_every_class_of_the_index_has_its_own_texts() -> None:
    for table, (base, _) in FAMILIES.items():
        registry = LazyRegistry[type]("chainrule", paths(getattr(block_index, table)))
        assert len(registry) > 0, table
        for name, block in registry.items():
            assert base in [ancestor.__name__ for ancestor in block.__mro__], name
            assert all(vars(block)[MARKS.get(table, "chinese")]), name


def test_short_names_are_those_of_the_classes() -> None:
    for table, short in NAMED.items():
        names = paths(getattr(block_index, table), getattr(block_index, short))
        classes = LazyRegistry[type]("chainrule", names)
        assert len(classes) > 0, table
        assert [vars(block)["name"] for block in classes.values()] == list(classes)


def test_the_index_has_every_activation() -> None:
    assert list(block_index.ACTIVATIONS) == list(KINDS["activation"].entries)


@pytest.mark.parametrize("registry", [METHODS, MODELS, PLOTS, ATTACKS], ids=lambda r: r.package)
def test_every_object_of_a_registry_exists(registry: LazyRegistry) -> None:
    """The tables of names that are written by hand."""
    assert len(registry) > 0
    assert all(registry[name] is not None for name in registry)
