# Written by python -m pages.stub from __init__.py.

from chainrule.derive.narrative import check_options as check_options
from chainrule.derive.narrative import explain as explain
from chainrule.derive.narrative import feature_lines as feature_lines
from chainrule.derive.replayed_step import Replay as Replay
from chainrule.derive.replayed_step import replay as replay
from chainrule.derive.weight_change import WhatIf as WhatIf
from chainrule.derive.weight_change import what_if as what_if
from chainrule.derive.weight_name import weight_of as weight_of
