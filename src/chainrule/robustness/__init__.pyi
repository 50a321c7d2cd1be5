# Written by python -m pages.stub from __init__.py.

from chainrule.robustness.attack_request import attack as attack
from chainrule.robustness.attack_result import AttackResult as AttackResult
from chainrule.robustness.attacks import APGD as APGD
from chainrule.robustness.attacks import APGDWithRatio as APGDWithRatio
from chainrule.robustness.attacks import ATTACKS as ATTACKS
from chainrule.robustness.attacks import Attack as Attack
from chainrule.robustness.attacks import FGSM as FGSM
from chainrule.robustness.attacks import PGD as PGD
from chainrule.robustness.attacks import Square as Square
from chainrule.robustness.attacks import TargetedAPGD as TargetedAPGD
from chainrule.robustness.ball import Ball as Ball
from chainrule.robustness.certificates import Certificate as Certificate
from chainrule.robustness.certificates import certify as certify
from chainrule.robustness.confident_learning import LabelIssues as LabelIssues
from chainrule.robustness.confident_learning import label_issues as label_issues
from chainrule.robustness.corruptions import sweep as sweep
from chainrule.robustness.drift_tests import DriftResult as DriftResult
from chainrule.robustness.drift_tests import drift as drift
from chainrule.robustness.novelty_gate import NoveltyGate as NoveltyGate
from chainrule.robustness.novelty_gate import is_unlike as is_unlike
from chainrule.robustness.novelty_gate import stored_gate as stored_gate
from chainrule.robustness.novelty_gate import with_novelty_gate as with_novelty_gate
from chainrule.robustness.novelty_gate import without_gate as without_gate
from chainrule.robustness.novelty_scores import Novelty as Novelty
from chainrule.robustness.novelty_scores import novelty as novelty
from chainrule.robustness.sweep_result import SweepResult as SweepResult
