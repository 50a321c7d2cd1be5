"""Encoders from one column to input features, one file each, fitted on training rows only.

- ``Number``: (value - mean) / std, with a 0/1 feature "is missing" if training rows had missing values.
- ``Category``: one 0/1 feature per level; rare levels share "other" and have their frequency; a missing value
  is a level if training rows had it.
- ``YesNo``: 0 or 1, with the same "is missing" feature.
- ``Dates``: elapsed days, year, and sine and cosine of month, weekday, day and hour.
- ``Times``: hours since midnight with sine and cosine; ``Durations``: standardized seconds.
- ``Texts``: weights of words or sequences of characters, and the length.
- ``Pixels``: the images of a folder; each channel is standardized, and the axes (H, W, C) are kept.

A missing number is replaced by the training mean, which is 0 after standardization. A column that was
constant in training is encoded as 0 for any later value, since nothing could be learned about it.

A new encoder is a file with a frozen class: ``fit``, ``features``, ``encode``, and ``read``, which validates
the fields of an untrusted record. Its fields are texts, numbers, booleans and tuples of these, which
``preparation_record`` writes.
"""

from __future__ import annotations

from typing import TypeAlias

from chainrule.data.tables.encoders.calendar_parts import Dates as Dates
from chainrule.data.tables.encoders.calendar_parts import Durations as Durations
from chainrule.data.tables.encoders.calendar_parts import Times as Times
from chainrule.data.tables.encoders.category import Category as Category
from chainrule.data.tables.encoders.category import YesNo as YesNo
from chainrule.data.tables.encoders.feature import FAR as FAR
from chainrule.data.tables.encoders.feature import Feature as Feature
from chainrule.data.tables.encoders.number import Number as Number
from chainrule.data.tables.encoders.pixels import Pixels as Pixels
from chainrule.data.tables.encoders.texts import Texts as Texts

Encoding: TypeAlias = Number | YesNo | Category | Dates | Times | Durations | Texts | Pixels
ENCODINGS: dict[str, type[Encoding]] = {
    "number": Number,
    "yes_no": YesNo,
    "category": Category,
    "date": Dates,
    "time": Times,
    "duration": Durations,
    "text": Texts,
    "image": Pixels,
}
