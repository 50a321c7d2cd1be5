"""Boxes of objects in images: overlap, suppression of repeated boxes, annotation files, targets of a grid.

A box is four numbers, left, top, right and bottom, in pixels; boxes are arrays (N, 4).

    overlap.py       areas, intersection over union, non-maximum suppression
    voc.py           read annotations in the XML format of Pascal VOC
    center_grid.py   boxes as targets of a grid of cells, and boxes from the outputs of a network

"""
