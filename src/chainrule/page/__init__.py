"""Rendering of explanations: sections of equations and tables, as text and as an HTML page with links.

Input: a ``Page``, a plain value. Output: text for a terminal, or HTML with MathML and diagrams. The content
of a page is decided in ``chainrule.derive``, not here.
"""
