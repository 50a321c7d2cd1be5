# Written by python -m pages.stub from __init__.py.

from chainrule.train.private.accounting import calibrated as calibrated
from chainrule.train.private.accounting import epsilon_of as epsilon_of
from chainrule.train.private.privacy import Privacy as Privacy
from chainrule.train.private.privacy_spent import PrivacySpent as PrivacySpent
