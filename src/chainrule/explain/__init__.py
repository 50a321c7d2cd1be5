"""The room of explanations: what happened and why, in words and formulas, in English and Chinese.

What comes in: a trace. What goes out: an ``Explanation`` at one of three depths, as text or as a page. What
the room never does: compute by hand what the graph knows.
"""

from chainrule.explain.article import article, article_trace
from chainrule.explain.explanation import Explanation
from chainrule.explain.telling import explain

__all__ = ["Explanation", "article", "article_trace", "explain"]
