# Written by python -m pages.stub from __init__.py.

from chainrule.train.robust.adversarial import AdversarialTraining as AdversarialTraining
from chainrule.train.robust.adversarial import TRADES as TRADES
from chainrule.train.robust.interval_training import IntervalTraining as IntervalTraining
from chainrule.train.robust.robust_training import NoiseTraining as NoiseTraining
from chainrule.train.robust.robust_training import RobustTraining as RobustTraining
