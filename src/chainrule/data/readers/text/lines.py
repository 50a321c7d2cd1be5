"""The physical lines of a text file, validated before they are parsed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from chainrule.data.readers.text.encodings import detect, ranking
from chainrule.errors import DataError, alternatives, fact

CELL_LIMIT = 10_000_000  # characters of one line or one quoted cell


@dataclass
class Lines:
    """The physical lines of a file; ``number`` counts them.

    Args:
        name: name of the file for messages.
        binary: the file at its start.
        encoding: codec of the text; detected if it is empty.
    """

    name: str
    binary: BinaryIO
    encoding: str = ""
    number: int = 0
    buffered: int = 0  # characters passed to the csv reader since its last complete record
    guessed: str = ""  # name of an encoding that was detected by likelihood
    text: io.TextIOWrapper = field(init=False)

    def __post_init__(self) -> None:
        if not self.encoding:
            self.encoding, self.guessed = detect(self.binary)
        self.text = io.TextIOWrapper(self.binary, encoding=self.encoding, newline="")

    def __iter__(self) -> Iterator[str]:
        readline = self.text.readline
        try:
            while line := readline(CELL_LIMIT + 1):
                self.number += 1
                self.buffered += len(line)
                if self.buffered > CELL_LIMIT or "\0" in line:
                    self._check(line)
                yield line
        except UnicodeError as error:
            raise self._undecodable(error) from error

    def block(self, characters: int) -> str:
        """The next lines as one text, of at least this length; ``""`` at the end. They are not counted."""
        try:
            text = self.text.read(characters)
            text += self.text.readline(CELL_LIMIT + 1)
        except UnicodeError:
            self._find_undecodable()
            raise
        if len(text) > CELL_LIMIT or "\0" in text:
            self._require_valid(text)
        return text

    def _find_undecodable(self) -> None:
        """Raise the error of the first line that cannot be decoded."""
        self.text.detach()
        self.binary.seek(0)
        self.text = io.TextIOWrapper(self.binary, encoding=self.encoding, newline="")
        self.number = 0
        for _ in self:
            self.buffered = 0

    def _require_valid(self, text: str) -> None:
        """Raise the error of the first line of a text that is too long or contains a NUL, if there is one."""
        start = self.number
        for line in io.StringIO(text, newline=""):
            self.number, self.buffered = self.number + 1, len(line)
            self._check(line)
        self.number, self.buffered = start, 0

    def _check(self, line: str) -> None:
        if self.buffered > CELL_LIMIT:
            raise self._too_large(fact("over {limit:,} characters", limit=CELL_LIMIT))
        if "\0" in line:
            where = fact("{file} line {line}", file=self.name, line=self.number)
            fix = fact("save the file as text in UTF-8")
            raise DataError("E307", where=where, received=fact("a NUL byte"), fix=fix)

    def _too_large(self, received: str) -> DataError:
        where = fact("{file} line {line}", file=self.name, line=max(self.number, 1))
        expected = fact("cells and lines under {limit:,} characters", limit=CELL_LIMIT)
        return DataError(
            "E308", where=where, expected=expected, received=received, fix=fact("is this a table?")
        )

    def _undecodable(self, error: UnicodeError) -> DataError:
        line, byte = self.number + 1, ""
        if isinstance(error, UnicodeDecodeError):
            before = error.object[: error.start].replace(b"\r\n", b"\n")
            line += before.count(b"\n") + before.count(b"\r")
            byte = f"byte 0x{error.object[error.start]:02x}"
        expected = fact("text in UTF-8 (or UTF-16 with its mark)")
        if self.encoding not in ("utf-8", "utf-8-sig", "utf-16"):
            expected = fact("text in {encoding}", encoding=self.encoding)
        name = self._likely()
        return DataError(
            "E307",
            where=fact("{file} line {line}", file=self.name, line=line),
            expected=expected,
            received=byte or str(error),
            fix=alternatives(f'encoding="{name}"', f"--encoding {name}"),
        )

    def _likely(self) -> str:
        """The most likely encoding of the beginning of the file, other than that of the lines."""
        self.binary.seek(0)
        head = self.binary.read(1_000_000)
        complete = head[: head.rfind(b"\n") + 1] or head
        likely = [model.codec for model, _ in ranking(complete) if model.codec != self.encoding]
        return likely[0] if likely else "latin-1"
