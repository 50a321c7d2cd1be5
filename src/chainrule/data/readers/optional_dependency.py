"""What to say when a file needs a library that is installed only on request.

Pictures, texts and sounds are read by libraries that a person who has tables never needs. Each belongs to an
*extra* of the package; where it is missing, the error holds the line that brings it.
"""

from __future__ import annotations

from chainrule.errors import DataError

EXTRAS = {
    "images": "Pillow",
    "text": "tokenizers",
    "audio": "soundfile",
    "translation": "sacrebleu",
    "pictures": "matplotlib",
}


def missing(extra: str, where: object) -> DataError:
    """The error for a library that is not installed.

    Args:
        extra: one of ``EXTRAS``.
        where: what was to be read.

    Example:
        >>> missing("audio", "speech.wav").fix
        "python -m pip install 'chainrule[audio]'"
    """
    fix = f"python -m pip install 'chainrule[{extra}]'"
    return DataError("E350", where=str(where), library=EXTRAS[extra], expected=EXTRAS[extra], fix=fix)
