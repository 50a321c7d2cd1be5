"""One table, the registry, for all laws: a test that asks for ``kind`` or ``sample`` runs over all of it.

A law about samples is tried with all those of a card in one test: a test for each of the thousands would
cost more than most of the laws do. Every sample is tried, whatever becomes of the others; those that break a
law are named.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chainrule.ops import CARDS, Card, Sample


class Samples(dict[str, Sample]):
    """The samples of one card that a law is about, by name; the law is given one at a time."""


CHOSEN: dict[str, Callable[[Sample], bool]] = {
    "sample": lambda s: not s.breaks,
    "smooth": lambda s: not s.breaks and s.smooth,
    "batched": lambda s: not s.breaks and s.batch is not None,
    "broken": lambda s: bool(s.breaks),
}
SAMPLES = {kind: {f"{kind.name}-{i}": sample for i, sample in enumerate(kind.samples())} for kind in CARDS}


def _chosen(kind: type[Card], fits: Callable[[Sample], bool]) -> Samples:
    return Samples({name: sample for name, sample in SAMPLES[kind].items() if fits(sample)})


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in CARDS])
    for name, fits in CHOSEN.items():
        if name in metafunc.fixturenames:
            found = {kind.name: _chosen(kind, fits) for kind in CARDS}
            metafunc.parametrize(name, [pytest.param(s, id=card) for card, s in found.items() if s])


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Try a law with one sample after the other."""
    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    argument = next((name for name, value in given.items() if isinstance(value, Samples)), None)
    if argument is None:
        return None
    faults = []
    for name, sample in given[argument].items():
        try:
            pyfuncitem.obj(**{**given, argument: sample})
        except Exception as fault:
            fault.add_note(f"sample {name}")
            faults.append(fault)
    if faults:
        raise ExceptionGroup("the law is broken", faults)
    return True
