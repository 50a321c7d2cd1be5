"""Texts around the findings of the doctor, by key."""

from __future__ import annotations

from chainrule.messages import Texts

DOCTOR: Texts = {
    "doctor_title": "Diagnosis: {count} findings",
    "doctor_title_one": "Diagnosis: 1 finding",
    "doctor_well": "Diagnosis: no findings",
    "doctor_heading": "{severity}: {name} ({rule})",
    "doctor_error": "Error",
    "doctor_warning": "Warning",
    "doctor_info": "Note",
    "doctor_numbers": "evidence: {text}",
    "doctor_why": "why: {text}",
    "doctor_try": "try: {text}",
    "doctor_see": "see: {text}",
    "doctor_number": "{value} (threshold {threshold})",
    "doctor_source": "source: {source}",
    "doctor_step": "step {step}",
    "doctor_comma": ", ",
    "doctor_end": "at the end: {text}",
    "doctor_over": "no longer found in the complete training",
}
