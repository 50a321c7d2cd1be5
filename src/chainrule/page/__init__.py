"""What an explanation looks like: sections of equations and tables, as text and as a page with live links.

What comes in: a ``Page``, which is values alone. What goes out: text for a terminal, HTML with MathML and
drawings. What this part never does: decide what is told.
"""
