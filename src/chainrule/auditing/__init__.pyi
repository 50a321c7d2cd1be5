# Written by python -m pages.stub from __init__.py.

from chainrule.auditing.membership import Candidates as Candidates
from chainrule.auditing.membership import MembershipResult as MembershipResult
from chainrule.auditing.membership import attack_membership as attack_membership
from chainrule.auditing.one_training_audit import OneRunResult as OneRunResult
from chainrule.auditing.one_training_audit import audit_in_one_run as audit_in_one_run
from chainrule.auditing.one_training_audit import epsilon_lower_bound as epsilon_lower_bound
from chainrule.auditing.one_training_audit import guess as guess
from chainrule.auditing.one_training_audit import one_run_p_value as one_run_p_value
from chainrule.auditing.one_training_audit import random_coins as random_coins
from chainrule.auditing.one_training_audit import wrong_labels as wrong_labels
from chainrule.auditing.request import audit_membership as audit_membership
