# Written by python -m pages.stub from __init__.py.

from chainrule.estimators.classifier import TabularClassifier as TabularClassifier
from chainrule.estimators.regressor import TabularRegressor as TabularRegressor
