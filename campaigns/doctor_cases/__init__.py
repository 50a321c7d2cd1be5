"""Trainings and data with a known fault, and healthy ones: what the doctor's rules are measured by.

case.py     what a case is
before.py   faults of data, net and loss, to be seen before a training
layouts.py  images with their channels first, and other data of four axes
first.py    faults to be seen in the first steps
training.py trainings, and data for them
signals.py, losses.py, fits.py, chances.py    faults to be seen while a net learns, and at the end
healthy.py  trainings without a fault, to their end
sound.py    data and nets without a fault, looked at before a training and in its first steps
"""

from __future__ import annotations

from campaigns.doctor_cases import before, chances, first, fits, healthy, layouts, losses, signals, sound
from campaigns.doctor_cases.case import Case

CASES: tuple[Case, ...] = (
    *before.CASES, *first.CASES, *layouts.CASES, *signals.CASES, *losses.CASES,
    *fits.CASES, *chances.CASES, *sound.CASES, *healthy.CASES,
)  # fmt: skip
