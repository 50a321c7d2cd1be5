"""Network diagrams: boxes and arrows, then their layout, then the drawing.

    blocks.py  from the nodes of a network to boxes and arrows; repeated blocks become one, with their count
    layout.py  positions of boxes, arrows and frames, and the same boxes as a text tree
    svg.py     the drawing as language-independent SVG

Each stage passes a plain value to the next. Nothing here needs matplotlib; ``plots/network_diagram.py`` draws
the same layout with it.
"""
