# Written by python -m pages.stub from __init__.py.

from chainrule.plotting.figure import Plot as Plot
from chainrule.plotting.plot import PlotAccessor as PlotAccessor
from chainrule.plotting.registry import PLOTS as PLOTS
