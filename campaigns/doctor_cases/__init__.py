"""Trainings and data with a known fault, and sound ones: the cases that measure the doctor's rules.

case.py     what a case is
before.py   faults of data, network and loss that are visible before a training
layouts.py  images with channels first, and other data of four axes
first.py    faults that are visible in the first steps
initial_losses.py    the loss of untrained networks with many seeds
training.py trainings, and data for them
signals.py, losses.py, fits.py, chances.py    faults that are visible during a training, and at its end
healthy.py  complete trainings without a fault
sound.py    data and networks without a fault, checked before a training and in its first steps
"""

from __future__ import annotations

from campaigns.doctor_cases import (
    before,
    chances,
    first,
    fits,
    healthy,
    initial_losses,
    layouts,
    losses,
    signals,
    sound,
)
from campaigns.doctor_cases.case import Case

CASES: tuple[Case, ...] = (
    *before.CASES,
    *first.CASES,
    *initial_losses.CASES,
    *layouts.CASES,
    *signals.CASES,
    *losses.CASES,
    *fits.CASES,
    *chances.CASES,
    *sound.CASES,
    *healthy.CASES,
)
