"""Run properties over the registry: a test with the argument ``kind`` or ``sample`` runs for all of it.

A property of samples is checked for all samples of a card in one test, since a test for each of the thousands
would cost more than most properties do. Every sample is checked even if others fail; the error names those
that fail.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chainrule.ops import CARDS, Card, Sample


class Samples(dict[str, Sample]):
    """The samples of one card to which a property applies, by name; the test is called with one at a time."""


SELECTED: dict[str, Callable[[Sample], bool]] = {
    "sample": lambda s: not s.breaks,
    "smooth": lambda s: not s.breaks and s.smooth,
    "batched": lambda s: not s.breaks and s.batch is not None,
    "broken": lambda s: bool(s.breaks),
}
SAMPLES = {kind: {f"{kind.name}-{i}": sample for i, sample in enumerate(kind.samples())} for kind in CARDS}


def _select(kind: type[Card], applies: Callable[[Sample], bool]) -> Samples:
    return Samples({name: sample for name, sample in SAMPLES[kind].items() if applies(sample)})


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in CARDS])
    for name, applies in SELECTED.items():
        if name in metafunc.fixturenames:
            samples = {kind.name: _select(kind, applies) for kind in CARDS}
            metafunc.parametrize(name, [pytest.param(s, id=card) for card, s in samples.items() if s])


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call the test of a property with each sample."""
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    argument = next((name for name, value in arguments.items() if isinstance(value, Samples)), None)
    if argument is None:
        return None
    faults = []
    for name, sample in arguments[argument].items():
        try:
            pyfuncitem.obj(**{**arguments, argument: sample})
        except Exception as fault:
            fault.add_note(f"sample {name}")
            faults.append(fault)
    if faults:
        raise ExceptionGroup("the property does not hold", faults)
    return True
