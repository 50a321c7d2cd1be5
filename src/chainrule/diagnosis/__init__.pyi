# Written by python -m pages.stub from __init__.py.

from chainrule.diagnosis.callback import Doctor as Doctor
from chainrule.diagnosis.callback import FirstBatch as FirstBatch
from chainrule.diagnosis.callback import findings_after as findings_after
from chainrule.diagnosis.check import diagnose as diagnose
from chainrule.diagnosis.diagnosis import DIAGNOSIS_FILE as DIAGNOSIS_FILE
from chainrule.diagnosis.diagnosis import Diagnosis as Diagnosis
from chainrule.diagnosis.finding import Finding as Finding
from chainrule.diagnosis.finding import by_severity as by_severity
from chainrule.diagnosis.history import TrainingRecord as TrainingRecord
from chainrule.diagnosis.history import record_of as record_of
from chainrule.diagnosis.rule import BEFORE as BEFORE
from chainrule.diagnosis.rule import Evidence as Evidence
from chainrule.diagnosis.rule import FIRST as FIRST
from chainrule.diagnosis.rule import HISTORY as HISTORY
from chainrule.diagnosis.rule import LETTERS as LETTERS
from chainrule.diagnosis.rule import RULES as RULES
from chainrule.diagnosis.rule import RULE_OF as RULE_OF
from chainrule.diagnosis.rule import Rule as Rule
from chainrule.diagnosis.rule import TIMES as TIMES
from chainrule.diagnosis.seeds import compare_seeds as compare_seeds
from chainrule.diagnosis.step_profile import Profile as Profile
from chainrule.diagnosis.step_profile import profile_page as profile_page
