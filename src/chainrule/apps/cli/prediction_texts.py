"""Texts about predictions, in English and Chinese."""

from __future__ import annotations

PREDICTIONS: dict[str, tuple[str, str]] = {
    "unknown_below": (
        "Rows whose largest probability is below {level} are predicted as unknown.",
        "最大概率低于 {level} 的行预测为 unknown（未知）。",
    ),
    "masks_written": (
        "Masks and overlays written to {folder}",
        "掩码和叠加图已写入 {folder}",
    ),
    "no_masks": (
        "--out FOLDER writes the masks of the images.",
        "--out 文件夹会写出图像的掩码。",
    ),
}
