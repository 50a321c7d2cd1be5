"""Text to phonemes with their times, by the library espeak-ng (extra ``speech``).

espeak-ng spells out numbers and abbreviations, finds the pronunciation of every word, and speaks it. Its own
voice is that of a formant synthesizer; its pronunciation and its timing are what others learn from.

The library is loaded when it is first needed, and called through ``ctypes``. It has one global state, so
calls run one at a time. Texts are passed as plain text: neither markup nor phoneme codes nor the control
characters that change its settings are interpreted.

Reference: espeak-ng 1.52, the header ``speak_lib.h``.
"""

from __future__ import annotations

import ctypes
import re
from typing import Any

import numpy as np

from chainrule.data.readers.audio import Sound
from chainrule.errors import DataError, UsageError, fact
from chainrule.fork_safety import fork_safe_lock
from chainrule.memoization import Memo
from chainrule.optional_dependency import missing
from chainrule.records import frozen

VOICE = "en-us"
PAUSE = "_"  # the symbol of silence
MAX_LENGTH = 5000  # characters of a text
VOICES = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,12}){0,3}(\+[a-z0-9]{1,12})?")  # names only, never paths
_SYNCHRONOUS, _PHONEME_EVENTS, _DO_NOT_EXIT = 2, 0x1, 0x8000
_CHARACTERS, _UTF8, _PHONEME, _END_OF_LIST = 1, 1, 7, 0
_SYLLABLE_BREAK = "_|"
_lock = fork_safe_lock()
_libraries = Memo(1)


class _Name(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        *((name, ctypes.c_int) for name in ("text_position", "length", "milliseconds", "sample")),
        ("user_data", ctypes.c_void_p),
        ("id", _Name),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@frozen(eq=False)
class Pronunciation:
    """A text as it is spoken by espeak-ng.

    Args:
        symbols: the phonemes in espeak-ng's notation, such as ``"'aI"``; a leading ``'`` or ``,`` marks
            stress, ``"_"`` silence.
        starts: (n,) when each begins, in seconds.
        sound: espeak-ng's own voice.
    """

    symbols: tuple[str, ...]
    starts: np.ndarray
    sound: Sound


def pronounce(text: str, voice: str = VOICE, where: str = "text") -> Pronunciation:
    """Return the phonemes of a text.

    Equal calls give equal phonemes. Their times differ by some milliseconds, and the samples, because the
    oscillators of the synthesizer continue from one call to the next; a program gives the same each time.

    Args:
        text: in the language of the voice.
        voice: language and, after ``+``, variant, such as ``"en-us+f4"``.
        where: what is pronounced, for errors.

    Raises:
        DataError E350: the extra is not installed. E364: too long a text. E368: nothing to pronounce.
        UsageError E101: no such voice.

    Example:
        >>> spoken = pronounce("Hi 2")
        >>> spoken.symbols
        ('h', "'aI", 't', "'u:", '_')
    """
    if len(text) > MAX_LENGTH:
        expected = fact("at most {limit:,} characters", limit=MAX_LENGTH)
        received = fact("{count:,} characters", count=len(text))
        raise DataError("E364", where=where, expected=expected, received=received, fix=fact("several lines"))
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    with _lock:
        library = _library(where)
        _choose_voice(library, voice)
        events, samples = _spoken(library, plain)
    symbols, starts = _phonemes(events)
    if not set(symbols) - {PAUSE}:
        expected = fact("letters or digits")
        raise DataError("E368", where=where, expected=expected, received=repr(text)[:80])
    sound = Sound(np.concatenate(samples).astype(np.float32)[:, None] / 32768, library.rate, where)
    return Pronunciation(symbols, starts, sound)


def _phonemes(events: list[tuple[str, float]]) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the symbols and their starts, without breaks between syllables; adjacent pauses are joined."""
    symbols: list[str] = []
    starts: list[float] = []
    for name, start in events:
        symbol = PAUSE if name.startswith("_") else name
        if name and name != _SYLLABLE_BREAK and (symbol != PAUSE or symbols[-1:] != [PAUSE]):
            symbols.append(symbol)
            starts.append(start)
    return tuple(symbols), np.array(starts)


@frozen(eq=False)
class _Library:
    """The functions of the C interface of the library, and its samples per second."""

    functions: Any
    rate: int


def _loaded() -> _Library:
    import espeakng_loader  # noqa: PLC0415 an optional library

    functions = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path().encode()
    rate = functions.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS | _DO_NOT_EXIT)
    if rate <= 0:
        raise OSError(data)
    return _Library(functions, rate)


def _library(where: str) -> _Library:
    try:
        return _libraries("espeak-ng", _loaded)
    except (ImportError, OSError, RuntimeError) as cause:
        raise missing("speech", where) from cause


def _choose_voice(library: _Library, voice: str) -> None:
    is_known = VOICES.fullmatch(voice) and not library.functions.espeak_SetVoiceByName(voice.encode())
    if not is_known:
        expected = fact("a language of espeak-ng, such as {name}", name=VOICE)
        raise UsageError("E101", where="voice", name=voice[:40], expected=expected, fix=f'voice="{VOICE}"')


def _spoken(library: _Library, text: str) -> tuple[list[tuple[str, float]], list[np.ndarray]]:
    """Return the phonemes with their starts in seconds, and pieces of the sound."""
    phonemes: list[tuple[str, float]] = []
    samples: list[np.ndarray] = [np.zeros(0, np.int16)]

    def receive(wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            samples.append(np.ctypeslib.as_array(wave, (count,)).copy())
        place = 0
        while events[place].type != _END_OF_LIST:
            event = events[place]
            if event.type == _PHONEME:
                name = bytes(event.id.string).decode("utf-8", "replace")
                phonemes.append((name, event.milliseconds / 1000))
            place += 1
        return 0

    callback = _Callback(receive)  # lives until the call returns
    library.functions.espeak_SetSynthCallback(callback)
    content = text.encode("utf-8", "replace")
    size = ctypes.c_size_t(len(content) + 1)
    library.functions.espeak_Synth(content, size, 0, _CHARACTERS, 0, _UTF8, None, None)
    return phonemes, samples
