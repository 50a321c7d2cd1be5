"""Network diagrams: boxes and arrows, then their layout, then the drawing.

    blocks.py           from the nodes of a network to boxes and arrows
    repeated_blocks.py  repeated blocks become one, with their count
    layout.py           positions of boxes, arrows and frames
    svg.py              the drawing as language-independent SVG
    text_tree.py        the same boxes as a text tree

Each stage passes a plain value to the next. Nothing here needs matplotlib; ``plots/network_diagram.py`` draws
the same layout with it.
"""
