"""Molecules: SMILES as graphs for a network, and drawings.

A SMILES is a line of text that describes a molecule: ``CCO`` is ethanol, ``c1ccccc1`` benzene. It is parsed
by RDKit, an optional library (``python -m pip install 'chainrule[molecules]'``), which is imported only here,
when a molecule is read.

    structure.py         parse a SMILES; the errors
    molecule_input.py    molecules as padded graphs, the input of ``cr.GraphNetwork``
    drawing.py           a molecule with colored atoms as SVG

Reference: Weininger (1988), SMILES, a chemical language and information system (Journal of Chemical
Information and Computer Sciences 28).
"""
