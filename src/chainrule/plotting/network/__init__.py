"""The net as a drawing: boxes and arrows first, places next, ink last.

    flow.py      from the nodes of a net to boxes and arrows
    fold.py      blocks that are repeated become one, with their number
    layout.py    where each box, arrow and frame stands
    markup.py    the drawing as SVG text, without a word of any language
    tree.py      the same boxes as a tree of letters

Each hands the next a plain value. Nothing here needs matplotlib; ``picture/graph.py`` draws the same places
with it.
"""
