"""Every kind of plot is complete for every model it suits, in both languages; other models are refused."""

from __future__ import annotations

import re
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from chainrule.errors import UsageError
from chainrule.plotting import PLOTS, Plot
from chainrule.plotting.font import chinese, printable_label
from chainrule.plotting.registry import PlotCard


def _cases() -> ModuleType:
    """The module ``cases`` in this folder."""
    spec = util.spec_from_file_location("plot_cases", Path(__file__).with_name("cases.py"))
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES = _cases()
DRAWN = [
    (kind, model, "zh" if i else "en")
    for kind, suited in CASES.SUITED.items()
    for i, model in enumerate(suited)
]
REFUSED = [(kind, model) for kind, models in CASES.UNSUITED.items() for model in models]
FREE = ("feature_maps", "filters", "graph")  # plots without axes


def draw(kind: str, name: str, lang: str = "en", **options: Any) -> Plot:
    model, rows = CASES.models()[name]
    needed = {"": 0, "x": 1}.get(PLOTS[kind].needs, 2)
    if kind == "decision_boundary":
        needed = 2
    return getattr(model.plot, kind)(*rows[:needed], lang=lang, **options)


def texts(plot: Plot) -> list[Any]:
    """Every visible text with words, except labels outside the range of their axis."""
    outside = set()
    for axis in (axis for frame in plot.figure.axes for axis in (frame.xaxis, frame.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        outside |= {label for t in ticks if not low <= t.get_loc() <= high for label in (t.label1, t.label2)}
    labels = [text for text in plot.figure.findobj(Text) if isinstance(text, Text)]
    return [t for t in labels if t.get_visible() and t.get_text().strip() and t not in outside]


def test_every_plot_has_a_case() -> None:
    assert set(CASES.SUITED) == set(PLOTS)
    assert all(isinstance(kind, PlotCard) and kind.name == name for name, kind in PLOTS.items())


@pytest.mark.parametrize(("kind", "name", "lang"), DRAWN)
def test_a_plot_is_complete(kind: str, name: str, lang: str) -> None:
    plot = draw(kind, name, lang, **CASES.SUITED[kind][name])
    svg = plot.to_svg()
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert plot.title in [e.text for e in root.iter() if e.tag.endswith("title")]
    links = [value for e in root.iter() for name, value in e.attrib.items() if name.endswith("href")]
    assert all(link.startswith(("#", "data:image/png")) for link in links)
    renderer, (width, height) = FigureCanvasAgg(plot.figure).get_renderer(), plot.figure.bbox.size
    for text in texts(plot):
        box = text.get_window_extent(renderer)
        assert -2 <= box.x0 <= box.x1 <= width + 2, text.get_text()
        assert -2 <= box.y0 <= box.y1 <= height + 2, text.get_text()
    if kind not in FREE:
        assert all(_has_labels(frame, plot) for frame in plot.figure.axes)
    assert str(plot).startswith(str(plot.title))


@pytest.mark.parametrize("kind", CASES.SUITED)
@pytest.mark.skipif(not chinese(), reason="no font with Chinese letters")
def test_a_plot_has_chinese_texts(kind: str) -> None:
    name, options = next(iter(CASES.SUITED[kind].items()))
    plot = draw(kind, name, "zh", **options)
    assert plot.lang == "zh"
    assert re.search("[一-鿿]", plot.title)
    words = [text.get_text() for text in plot.figure.findobj(Text) if isinstance(text, Text)]
    assert any(re.search("[一-鿿]", word) for word in words)
    assert all(printable_label(word.replace("\n", " "), 1000) == word.replace("\n", " ") for word in words)


def _has_labels(frame: Any, plot: Plot) -> bool:
    """Whether the axes have labels, or the figure has labels for all of them."""
    shared = plot.figure.get_supxlabel() and plot.figure.get_supylabel()
    own = frame.get_xlabel() or frame.get_ylabel()
    return bool(shared or own)


@pytest.mark.parametrize(("kind", "name"), REFUSED)
def test_an_unsuitable_model_is_refused(kind: str, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        draw(kind, name)
    assert caught.value.code == "E560"
    assert caught.value.expected
    assert caught.value.received


def test_equal_plots_give_equal_bytes(tmp_path: Path) -> None:
    files = [draw("learning_curves", "plane").save(tmp_path / f"{i}.svg").read_bytes() for i in range(2)]
    assert files[0] == files[1]
