"""One table, the registry, for all laws: a test that asks for ``kind`` or ``sample`` runs over all of it."""

from __future__ import annotations

import pytest

from chainrule.ops import CARDS, Sample


def _named(samples: list[tuple[str, Sample]]) -> list:
    return [pytest.param(sample, id=name) for name, sample in samples]


def _all() -> list[tuple[str, Sample]]:
    return [(f"{kind.name}-{i}", sample) for kind in CARDS for i, sample in enumerate(kind.samples())]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = {
        "sample": lambda s: not s.breaks,
        "smooth": lambda s: not s.breaks and s.smooth,
        "batched": lambda s: not s.breaks and s.batch is not None,
        "broken": lambda s: bool(s.breaks),
    }
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in CARDS])
    for name, fits in chosen.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, _named([(label, s) for label, s in _all() if fits(s)]))
