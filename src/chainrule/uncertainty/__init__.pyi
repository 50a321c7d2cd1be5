# Written by python -m pages.stub from __init__.py.

from chainrule.metrics.abstention import RiskCoverage as RiskCoverage
from chainrule.metrics.abstention import risk_coverage as risk_coverage
from chainrule.uncertainty.calibration import Calibration as Calibration
from chainrule.uncertainty.calibration import CalibrationReport as CalibrationReport
from chainrule.uncertainty.calibration import calibrate as calibrate
from chainrule.uncertainty.calibration import stored_calibration as stored_calibration
from chainrule.uncertainty.calibration import with_calibration as with_calibration
from chainrule.uncertainty.conformal_sets import SetMethod as SetMethod
from chainrule.uncertainty.conformal_sets import conformities as conformities
from chainrule.uncertainty.conformal_sets import prediction_sets as prediction_sets
from chainrule.uncertainty.conformal_sets import set_thresholds as set_thresholds
from chainrule.uncertainty.coverage_tables import SetCoverage as SetCoverage
from chainrule.uncertainty.coverage_tables import set_coverage as set_coverage
from chainrule.uncertainty.dropout_sampling import dropout_samples as dropout_samples
from chainrule.uncertainty.intervals import calibrate_intervals as calibrate_intervals
from chainrule.uncertainty.intervals import predict_interval as predict_interval
from chainrule.uncertainty.intervals import with_intervals as with_intervals
from chainrule.uncertainty.network_disagreement import Disagreement as Disagreement
from chainrule.uncertainty.network_disagreement import disagreement as disagreement
from chainrule.uncertainty.network_disagreement import ensemble_samples as ensemble_samples
from chainrule.uncertainty.network_disagreement import member_samples as member_samples
from chainrule.uncertainty.network_disagreement import member_weights as member_weights
from chainrule.uncertainty.probability_map import Identity as Identity
from chainrule.uncertainty.probability_map import Isotonic as Isotonic
from chainrule.uncertainty.probability_map import ProbabilityMap as ProbabilityMap
from chainrule.uncertainty.probability_map import Temperature as Temperature
