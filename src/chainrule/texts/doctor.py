"""Texts around the findings of the doctor: (English, Chinese) by key."""

from __future__ import annotations

DOCTOR: dict[str, tuple[str, str]] = {
    "doctor_title": ("Diagnosis: {count} findings", "诊断：发现 {count} 项"),
    "doctor_well": ("Diagnosis: no findings", "诊断：未发现问题"),
    "doctor_heading": ("{severity}: {name} ({rule})", "{severity}：{name}（{rule}）"),
    "doctor_error": ("Error", "错误"),
    "doctor_warning": ("Warning", "警告"),
    "doctor_info": ("Note", "提示"),
    "doctor_numbers": ("evidence: {text}", "证据：{text}"),
    "doctor_why": ("why: {text}", "原因：{text}"),
    "doctor_try": ("try: {text}", "尝试：{text}"),
    "doctor_see": ("see: {text}", "参见：{text}"),
    "doctor_number": ("{value} (threshold {threshold})", "{value}（阈值 {threshold}）"),
    "doctor_source": ("source: {source}", "来源：{source}"),
    "doctor_step": ("step {step}", "第 {step} 步"),
    "doctor_comma": (", ", "，"),
}
