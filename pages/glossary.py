"""Check names and texts against ``docs/glossary.md``: ``python -m pages.glossary [PATHS]``.

The page is the only source: the last column of each of its tables ("Instead of") lists what is refused, the
first one what to write. ``docs/glossary_exceptions.toml`` allows a word in one sense, in some files, with a
reason. Prints ``file:line: word (kind) -> suggestion`` for every hit; exits with 1 if there is one.
"""

from __future__ import annotations

import argparse
import ast
import fnmatch
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

from pages.source_text import SUFFIXES, Passage, passages

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "glossary.md"
EXCEPTIONS = ROOT / "docs" / "glossary_exceptions.toml"
_LAST_COLUMN = "Instead of"
_ENTRY = re.compile(r'"([^"]+)"|`([^`]+)`|([^,|"`\s]+)')
_IDENTIFIER_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_KEY = re.compile(r"[\x00\x21-\x7e]*")  # a string literal without spaces is a key, not prose


@dataclass(frozen=True)
class Entry:
    """A word or phrase that is refused.

    Args:
        word: as the page has it; ``*`` stands for the rest of a word.
        suggestion: the first column of its row.
        scope: ``"everywhere"``, ``"text"`` or ``"identifier"``.
    """

    word: str
    suggestion: str
    scope: str

    @cached_property
    def in_text(self) -> re.Pattern[str]:
        """Finds the word in a text, also across a line end."""
        return _any([self])


@dataclass(frozen=True)
class Exemption:
    """A sense in which a word is right.

    Args:
        pattern: a regular expression; a hit within a match of it is allowed.
        files: patterns of paths, as of ``fnmatch``.
        reason: why.
        words: the entries to which it applies, as the page has them; empty for all.
    """

    pattern: re.Pattern[str]
    files: tuple[str, ...]
    reason: str
    words: tuple[str, ...] = ()

    def allows(self, name: str, text: str, start: int, end: int, word: str = "") -> bool:
        """Whether it covers the hit at ``text[start:end]`` in the file ``name``."""
        if (self.words and word not in self.words) or not any(fnmatch.fnmatch(name, f) for f in self.files):
            return False
        matches = self.pattern.finditer(text, max(0, start - 200), min(len(text), end + 200))
        return any(m.start() <= start and end <= m.end() for m in matches)


@dataclass(frozen=True)
class Hit:
    """A refused word in a file.

    Args:
        file: the path relative to the repository.
        line: from 1.
        kind: of the passage, see ``pages.source_text``.
        word: the word or identifier.
        suggestion: what to write.
    """

    file: str
    line: int
    kind: str
    word: str
    suggestion: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.word} ({self.kind}) -> {self.suggestion}"


@dataclass(frozen=True)
class Glossary:
    """All refused words and the exceptions.

    Args:
        entries: in the order of the page.
        exceptions: in the order of the file.
    """

    entries: tuple[Entry, ...]
    exceptions: tuple[Exemption, ...] = ()

    @cached_property
    def _exact(self) -> dict[str, Entry]:
        return {entry.word: entry for entry in self.entries if entry.scope == "identifier"}

    @cached_property
    def _texts(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.scope != "identifier")

    @cached_property
    def _everywhere(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.scope == "everywhere")

    @cached_property
    def _any_text(self) -> re.Pattern[str]:
        return _any(self._texts)

    @cached_property
    def _any_everywhere(self) -> re.Pattern[str]:
        return _any(self._everywhere)

    def hits(self, name: str, passage: Passage) -> list[Hit]:
        """The refused words of a passage of the file ``name``."""
        if passage.kind in ("identifier", "file name"):
            return self._identifier_hits(name, passage)
        is_key = passage.kind == "message" and _KEY.fullmatch(passage.text) is not None
        refused = []
        for match in (self._any_everywhere if is_key else self._any_text).finditer(passage.text):
            entry = self._entry(match[0])
            if not self._is_allowed(name, passage.text, match.span(), entry.word):
                line = passage.line + passage.text.count("\n", 0, match.start())
                word = " ".join(match[0].split())
                refused.append(Hit(name, line, passage.kind, word, entry.suggestion))
        return refused

    def _entry(self, match: str) -> Entry:
        """The first entry that a match is of."""
        return next(entry for entry in self._texts if entry.in_text.fullmatch(match))

    def _identifier_hits(self, name: str, passage: Passage) -> list[Hit]:
        bare = passage.text.strip("_")
        entry, text, span = self._exact.get(bare), passage.text, (0, len(passage.text))
        if entry is None:
            is_sentence = bare.startswith("test_")  # the name of a test is read as a text
            words = " ".join(word.lower() for word in _IDENTIFIER_WORD.findall(bare))
            match = (self._any_text if is_sentence else self._any_everywhere).search(words)
            if match is None:
                return []
            entry = self._entry(match[0])
            text, span = (words, match.span()) if is_sentence else (text, span)
        if self._is_allowed(name, text, span, entry.word):
            return []
        return [Hit(name, passage.line, passage.kind, passage.text, entry.suggestion)]

    def _is_allowed(self, name: str, text: str, span: tuple[int, int], word: str) -> bool:
        return any(exception.allows(name, text, *span, word) for exception in self.exceptions)


def glossary() -> Glossary:
    """The glossary of this repository."""
    return Glossary(
        tuple(entries(PAGE.read_text(encoding="utf-8"))),
        tuple(exceptions(EXCEPTIONS.read_text(encoding="utf-8"))),
    )


def entries(page: str) -> Iterator[Entry]:
    """What the tables of a page refuse.

    Example:
        >>> table = "| Term | Instead of |\\n|---|---|\\n| color | colour*, `hue`, \\"bright tone\\" |"
        >>> [(entry.word, entry.scope) for entry in entries(table)]
        [('colour*', 'everywhere'), ('hue', 'identifier'), ('bright tone', 'text')]
    """
    is_read = False
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            is_read = False
        elif cells[-1] == _LAST_COLUMN:
            is_read = True
        elif is_read and set(line) - set("|-: "):
            for text, identifier, word in _ENTRY.findall(cells[-1] if len(cells) > 1 else ""):
                scope = "text" if text else "identifier" if identifier else "everywhere"
                yield Entry(text or identifier or word, cells[0], scope)


def exceptions(text: str) -> Iterator[Exemption]:
    """The exceptions of a TOML text: tables with ``pattern``, ``files``, ``reason`` and perhaps ``words``."""
    for row in tomllib.loads(text).get("exception", []):
        pattern = re.compile(row["pattern"].replace(" ", r"\s+"), re.IGNORECASE)
        yield Exemption(pattern, tuple(row["files"]), row["reason"], tuple(row.get("words", ())))


def check(
    files: Iterable[Path], words: Glossary, nodes: Callable[[Path], list[ast.AST]] | None = None
) -> list[Hit]:
    """The hits in some files, in order; for ``nodes`` see ``passages``."""
    refused: list[Hit] = []
    for file in files:
        name = file.relative_to(ROOT).as_posix()
        for passage in passages(file, name, nodes):
            refused += words.hits(name, passage)
    return sorted(set(refused), key=lambda hit: (hit.file, hit.line, hit.word))


def checked_files(paths: Iterable[Path] = ()) -> list[Path]:
    """The files that git tracks or would add, in ``paths`` or in the whole repository."""
    arguments = [str(path.resolve()) for path in paths] or ["."]
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *arguments]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = {ROOT / name for name in listed.split("\0") if name} - {PAGE, EXCEPTIONS}
    return sorted(file for file in files if file.suffix in SUFFIXES and file.is_file())


def main() -> int:
    """Print the hits in the given files and folders; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pages.glossary", description=main.__doc__)
    parser.add_argument("paths", nargs="*", type=Path, help="files or folders (default: the repository)")
    parser.add_argument("--count", action="store_true", help="print how often each word occurs instead")
    options = parser.parse_args()
    refused = check(checked_files(options.paths), glossary())
    if options.count:
        counts: dict[tuple[str, str], int] = {}
        for hit in refused:
            key = (hit.word.lower(), hit.suggestion)
            counts[key] = counts.get(key, 0) + 1
        for (word, suggestion), count in sorted(counts.items(), key=lambda item: -item[1]):
            print(f"{count:6} {word} -> {suggestion}")
    else:
        print(*refused, sep="\n", end="\n" if refused else "")
    print(f"{len(refused)} words to replace in {len({hit.file for hit in refused})} files")
    return 1 if refused else 0


def _regex(phrase: str) -> str:
    """A phrase as a regular expression: any white space between its words, and no word behind it."""
    body = r"\s+".join(re.escape(word).replace(r"\*", r"\w*") for word in phrase.split())
    return body + (r"(?![\w-])" if phrase[-1] not in ".:" else "")


def _first(pattern: str) -> str:
    """The letter that a pattern begins with; "" if it begins with anything else."""
    return pattern[0].lower() if pattern[0].isalpha() else ""


def _any(some: Iterable[Entry]) -> re.Pattern[str]:
    """Finds any of some entries."""
    phrases = [entry.word.replace("_", " ") for entry in some]
    chinese = [phrase for phrase in phrases if not phrase.isascii()]
    latin = sorted({_regex(phrase) for phrase in phrases if phrase.isascii()}, key=str.lower, reverse=True)
    # One branch for each first letter: a word is compared only with phrases that begin with its letter.
    letters = [
        f"{first}(?:{'|'.join(p[len(first) :] for p in group)})" for first, group in groupby(latin, _first)
    ]
    parts = [rf"(?<![\w-])(?:{'|'.join(letters)})"] if letters else []
    return re.compile("|".join([*parts, *chinese]) or r"(?!)", re.IGNORECASE)


if __name__ == "__main__":
    raise SystemExit(main())
