# Written by python -m pages.stub from __init__.py.

from chainrule.step_explanation.narrative import check_options as check_options
from chainrule.step_explanation.narrative import explain as explain
from chainrule.step_explanation.narrative import feature_lines as feature_lines
from chainrule.step_explanation.narrative import weight_of as weight_of
from chainrule.step_explanation.replayed_step import Replay as Replay
from chainrule.step_explanation.replayed_step import replay as replay
from chainrule.step_explanation.weight_change import WhatIf as WhatIf
from chainrule.step_explanation.weight_change import what_if as what_if
