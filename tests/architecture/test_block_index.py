"""The index of building blocks lists exactly the classes that exist."""

from __future__ import annotations

from pages.block_index import FAMILIES, INDEX, MARKS, NAMED, index

from chainrule import block_index
from chainrule.catalog import KINDS
from chainrule.lazy_imports import LazyRegistry, paths


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
