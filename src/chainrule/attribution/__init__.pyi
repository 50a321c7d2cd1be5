# Written by python -m pages.stub from __init__.py.

from chainrule.attribution.attribution import Attribution as Attribution
from chainrule.attribution.counterfactual import Counterfactuals as Counterfactuals
from chainrule.attribution.counterfactual import find_counterfactuals as find_counterfactuals
from chainrule.attribution.explanation import Request as Request
from chainrule.attribution.explanation import explain_prediction as explain_prediction
from chainrule.attribution.method import METHODS as METHODS
from chainrule.attribution.method import Method as Method
from chainrule.attribution.permutation_importance_and_partial_dependence import Importance as Importance
from chainrule.attribution.permutation_importance_and_partial_dependence import measure_importance as measure_importance
from chainrule.attribution.request import attribute as attribute
from chainrule.attribution.sanity_check import Sanity as Sanity
from chainrule.attribution.sanity_check import sanity as sanity
from chainrule.attribution.tracin_influence import Influence as Influence
from chainrule.attribution.tracin_influence import influence as influence
from chainrule.attribution.tracin_influence import require_trained_rows as require_trained_rows
