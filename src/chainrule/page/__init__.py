"""Output: explanations, tables, charts and pages of results, as text for a terminal, HTML and SVG.

Input: plain values. Output: text, or HTML with MathML, diagrams and charts. The content of an explanation is
decided in ``chainrule.step_explanation``, not here.

    screen.py        tables and lines in a terminal: ``screen.table(["x"], [[0.5]])``
    charts.py        charts as SVG
    result_pages.py  pages of charts, tables and images, as one HTML file
    png.py           images as PNG files

    page.py, explanation.py          the content of an explanation, and the value that shows it
    terminal.py, html.py             explanations as text and as a page with links
    diagram.py, diagram_text.py      diagrams of a network, and as text
    spoken_formula.py
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "charts": "BLUE COLORS GRAY GREEN ORANGE PALE Bar Frame against bar_chart calibration curves",
        "png": "encode_png",
        "result_pages": "Box Figure heat_pixels image_page markup_table result_page",
    },
)
__getattr__, __dir__ = _LAZY.hooks
