"""Pictures of a network: what it is, what it holds, what it does to rows, how it learned, how good it is.

In: a model, and rows where a picture is about rows. Out: a ``Picture``: a drawing with a title, named axes
and units in English or Chinese, that can be saved, shown in a notebook and told in a terminal. What the room
never does: train, or change a model.

    Picture            picture.py    the finished drawing
    Plot               plot.py       ``model.plot``: every kind by name
    PICTURES           table.py      every kind by name, with what it needs
    sheet.py, font.py                paper, colours and letters
    sample.py                        rows beside answers, and what every layer gives for them
    network/                         the net as boxes and arrows, as a tree and as a drawing
    one file for each other idea     curves, confusion, calibration, threshold (ROC, precision over recall),
                                     residuals, boundary, landscape, course, histogram, filters, maps,
                                     embedding, attention

matplotlib is loaded when the first picture is drawn, and belongs to the extra ``pictures``. The pictures of
``report.html`` are drawn without it (``apps/report``).
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(__name__, {"figure": "Picture", "plot": "Plot", "registry": "PICTURES"})


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names
