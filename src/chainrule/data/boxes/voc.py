"""Read annotations of objects in the XML format of Pascal VOC.

Files are untrusted: a document type, which could define entities that expand without bound, is refused, and
so is a file of more than ``MAX_BYTES``.
"""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from chainrule.errors import DataError, fact, message_of
from chainrule.records import frozen

MAX_BYTES = 10_000_000
CORNERS = ("xmin", "ymin", "xmax", "ymax")


@frozen(eq=False)
class Annotation:
    """The objects of an image.

    Args:
        names: (N) the class of each object.
        boxes: (N, 4) left, top, right and bottom, in pixels.
    """

    names: tuple[str, ...]
    boxes: np.ndarray


def read_voc(content: bytes, where: str) -> Annotation:
    """Return the objects of an annotation file.

    Raises:
        DataError E308: too large. E316: no such annotation; names the object that is not valid.

    Example:
        >>> box = b"<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>6</ymax></bndbox>"
        >>> read_voc(b"<annotation><object><name>cat</name>" + box + b"</object></annotation>", "a.xml").names
        ('cat',)

    Reference: Everingham and Winn (2012), The Pascal visual object classes challenge 2012 development kit,
    section 4.
    """
    if len(content) > MAX_BYTES:
        received = fact("{size:,} bytes", size=len(content))
        raise DataError("E308", where=where, expected=f"{MAX_BYTES:,}", received=received)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content or b"\0" in content:
        raise _invalid(where, fact("a document type"))
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as cause:
        raise _invalid(where, message_of(cause, 120)) from cause
    objects = list(root.iter("object"))
    names = tuple((item.findtext("name") or "").strip() for item in objects)
    boxes = np.zeros((len(objects), 4))
    for i, item in enumerate(objects):
        texts = [(item.findtext(f"bndbox/{corner}") or "").strip() for corner in CORNERS]
        try:
            boxes[i] = [float(text) for text in texts]
        except ValueError:
            boxes[i] = np.nan
        if not names[i] or not np.isfinite(boxes[i]).all():
            received = fact(
                'object {row}: "{name}" {box}', row=i + 1, name=names[i][:40], box=" ".join(texts)[:80]
            )
            raise _invalid(where, received)
    return Annotation(names, boxes)


def _invalid(where: str, received: str) -> DataError:
    expected = fact("an annotation of Pascal VOC: object with name and bndbox")
    return DataError("E316", where=where, expected=expected, received=received)
