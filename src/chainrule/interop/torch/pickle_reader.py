"""A reader of pickles that can execute nothing.

A pickle is a program for a small stack machine: push this number, make a dict of what lies on the stack, call
this function with that tuple. Python's own reader obeys, and *this function* may be ``os.system``; that is
why a PyTorch file from a stranger is as dangerous as his program.

This reader is another machine for the same programs. It takes the operations apart with ``pickletools``,
which only tells what they are, and knows the few that make plain values. A name such as
``torch._utils._rebuild_tensor_v2`` stays a name: nothing is imported, and to *call* it means to look it up in
``CALLS`` below, whose five entries are functions of this file that build records. Whatever else a program
asks for ends the reading, with the name of what was asked for.

What a hostile program could still do is waste time or memory. Each operation takes time in proportion to its
own bytes and to the values that it takes off the stack, so a program takes time linear in its bytes:

- values are shared, not copied: a text repeated a million times is one text;
- a dict has texts as keys, whose hash is randomized. The hash of an ``int`` is the number itself: a hundred
  thousand multiples of ``2**61 - 1`` all fall into one place of the table, and each is compared with all
  before it. So a number as a key is kept as a ``Number``, whose hash is that of its digits;
- no key is set twice: equal long texts would be compared each time;
- the memo is a list, and its places are used in their order;
- what is called takes few arguments, and a shape few axes: a long tuple would be copied each time;
- nothing here follows values into each other, and a program has a largest length.

A tensor is only described here: its numbers are looked for, and found missing if they are, after the program
has ended.

Reference: Python's ``pickletools`` module, which documents each operation; PEP 3154.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import IO, Any

from chainrule.errors import FileError
from chainrule.interop.refusals import broken, clipped, other_kind, unsafe, whole_model
from chainrule.records import frozen

OPERATIONS = 2_000_000  # of one program; the weights of a net of a thousand layers take some 100,000
LARGEST = 2**48  # numbers of a storage
ARGUMENTS = 16  # of a call; PyTorch needs seven
AXES = 32
KEY_LENGTH = 64  # letters of the key of a storage; PyTorch writes numbers
KEY_BITS = 64  # of a whole number as the key of a dict

STORAGES = {
    "torch.FloatStorage": "float32", "torch.DoubleStorage": "float64", "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16", "torch.CharStorage": "int8", "torch.ShortStorage": "int16",
    "torch.IntStorage": "int32", "torch.LongStorage": "int64", "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
}  # fmt: skip
_TENSOR = "torch._utils._rebuild_"  # of quantised, sparse and other tensors
WHOLE = ("torch.nn.modules.", "torch.jit.", "torch.fx.", "torchvision.models.", "transformers.")


@frozen
class Named:
    """Something a program names; no more than the name."""

    name: str


@frozen
class Number:
    """A whole number as the key of a dict, hashed as its digits."""

    digits: str

    def __str__(self) -> str:
        return self.digits


@frozen
class Storage:
    """A row of numbers outside the program.

    Args:
        kind: of its numbers.
        key: under which the file has it.
        count: how many numbers the file has under that key.
        start, length: the part of them that is meant.
    """

    kind: str
    key: str
    count: int
    start: int
    length: int


@frozen
class Described:
    """A tensor as the program describes it: a view of a storage; nothing is checked yet."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _UnfitError(Exception):
    """An operation that does not find on the stack what it needs; the file is damaged."""


_MARK: Any = object()


def run(stream: IO[bytes], where: str) -> Any:
    """The value that the next pickle of a stream describes; the stream then stands behind it.

    Args:
        stream: bytes in memory.
        where: what to call the file in an error.

    Returns:
        plain values, ``Described`` tensors, and ``Named`` things that were not called; the keys of dicts are
        texts and ``Number``.

    Fails:
        FileError E451: not a whole pickle. E452: it asks for more than values. E453: it is a whole model.

    Example:
        >>> from io import BytesIO
        >>> run(BytesIO(b"\\x80\\x02}X\\x01\\x00\\x00\\x00aK\\x01s."), "a.pt")
        {'a': 1}
        >>> try:
        ...     run(BytesIO(b"cos\\nsystem\\n(S'ls'\\ntR."), "b.pt")
        ... except FileError as error:
        ...     print(error.clause())
        the file asks for "os.system", which weights do not need; it was not done
    """
    begin = stream.tell()
    machine = _Machine(where)
    try:
        for count, (operation, argument, _) in enumerate(pickletools.genops(stream)):
            if count >= OPERATIONS:
                raise broken(where, f"at most {OPERATIONS:,} operations", "more")
            machine.do(operation.name, argument)
        return machine.result()
    except FileError as error:
        if error.code == "E452":
            raise _of_whole_model(stream, begin, where) or error from None
        raise
    except (ValueError, LookupError, OverflowError, Warning, _UnfitError) as cause:
        raise broken(where, "a whole pickle", clipped(str(cause)) or type(cause).__name__) from cause


def _of_whole_model(stream: IO[bytes], begin: int, where: str) -> FileError | None:
    """The better error for a program that names parts of a net, such as a pickled ``Sequential``."""
    stream.seek(begin)
    try:
        for count, (operation, argument, _) in enumerate(pickletools.genops(stream)):
            name = str(argument)[:200].replace(" ", ".") if operation.name == "GLOBAL" else ""
            if name.startswith(WHOLE):
                return whole_model(where, name)
            if count >= OPERATIONS:
                break
    except (ValueError, LookupError, OverflowError, Warning):
        pass  # the file is damaged besides; that it asked for something is worse
    return None


class _Machine:
    """The stack, the memo, and what each operation does to them."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.stack: list[Any] = []
        self.memo: list[Any] = []  # _MARK where nothing is kept
        self.kept = 0  # places of the memo that are used
        self.done = 0  # operations

    def do(self, operation: str, argument: Any) -> None:
        """One operation of the program."""
        self.done += 1
        if operation in _IGNORED:
            return
        if operation in _PUSHED:
            self.stack.append(argument)
        elif operation in _MADE:
            self.stack.append(_MADE[operation]())
        elif operation in _DONE:
            _DONE[operation](self, argument)
        else:
            shown = argument[:80] if isinstance(argument, str) else ""
            raise unsafe(self.where, f"the operation {operation} {clipped(shown, 40)}".strip())

    def result(self) -> Any:
        """What is left at the end."""
        if len(self.stack) != 1:
            raise _UnfitError(f"{len(self.stack)} values at its end, not 1")
        return self.stack[0]

    def pop(self, kind: type | tuple[type, ...] = object) -> Any:
        """The value on top, which must be of a kind."""
        value = self.stack.pop()
        if value is _MARK or not isinstance(value, kind):
            raise _UnfitError(f"a {type(value).__name__} where another value belongs")
        return value

    def top(self, kind: type) -> Any:
        """The value on top, left there."""
        self.stack.append(self.pop(kind))
        return self.stack[-1]

    def marked(self) -> list[Any]:
        """All values above the last mark, which goes too."""
        for i in range(len(self.stack) - 1, -1, -1):
            if self.stack[i] is _MARK:
                values = self.stack[i + 1 :]
                del self.stack[i:]
                return values
        raise _UnfitError("no mark")

    def remember(self, place: int) -> None:
        """Keep the value on top in the memo."""
        if place < 0 or place > self.done:  # every writer counts; a place takes at least one operation
            raise _UnfitError(f"place {place:,} of the memo after {self.done:,} operations")
        while len(self.memo) <= place:
            self.memo.append(_MARK)
        self.kept += self.memo[place] is _MARK
        self.memo[place] = self.top(object)

    def recall(self, place: int) -> None:
        """Push a value of the memo."""
        if not 0 <= place < len(self.memo) or self.memo[place] is _MARK:
            raise _UnfitError("a place of the memo where nothing is kept")
        self.stack.append(self.memo[place])

    def push_tuple(self, count: int) -> None:
        """Make a tuple of the uppermost values."""
        values = [self.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(values)))

    def add_values(self, values: list[Any]) -> None:
        """Put values at the end of the list on top."""
        self.top(list).extend(values)

    def add_items(self, flat: list[Any]) -> None:
        """Put keys and values, in turn, into the dict on top."""
        held = self.top(dict)
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            if type(key) not in (str, int):
                raise unsafe(self.where, f"a dict with a {type(key).__name__} as key")
            if type(key) is int and key.bit_length() > KEY_BITS:
                raise _UnfitError(f"a whole number of {key.bit_length():,} bits as a key")
            own = key if type(key) is str else Number(f"{key:d}")
            if own in held:
                raise _UnfitError("a dict with one key twice")
            held[own] = value

    def push_dict(self, _: Any) -> None:
        """Make a dict of all that is above the mark."""
        flat = self.marked()
        self.stack.append({})
        self.add_items(flat)

    def push_name(self, name: str) -> None:
        """A name, if it is one of those that weights need."""
        if name not in CALLS and name not in STORAGES:
            strange = name.startswith(_TENSOR) or (name.startswith("torch.") and name.endswith("Storage"))
            raise (
                other_kind(self.where, "a tensor", name, STORAGES.values())
                if strange
                else unsafe(self.where, name)
            )
        self.stack.append(Named(name))

    def push_stacked_name(self, _: Any) -> None:
        """A name whose two parts lie on the stack."""
        part, module = self.pop(str), self.pop(str)
        self.push_name(f"{module}.{part}")

    def call(self, _: Any) -> None:
        """What a program calls a function and we look up."""
        arguments, function = self.pop(tuple), self.pop(Named)
        if function.name not in CALLS:
            raise unsafe(self.where, f"{function.name}()")
        if len(arguments) > ARGUMENTS:
            raise _UnfitError(f"{len(arguments):,} arguments for {function.name}")
        try:
            self.stack.append(CALLS[function.name](*arguments))
        except TypeError as cause:
            raise _UnfitError(str(cause)) from cause

    def set_state(self, _: Any) -> None:
        """Attributes of a dict: a state_dict has the versions of its layers there, which nobody needs."""
        self.pop(dict)
        self.top(dict)

    def push_storage(self, _: Any) -> None:
        """A storage by its description."""
        self.stack.append(_storage(self.pop(tuple), self.where))


def _storage(told: tuple[Any, ...], where: str) -> Storage:
    """The storage that ``("storage", kind, key, device, count)`` means; in old files a view follows."""
    if told and told[0] == "module":
        raise whole_model(where, "the source code of a class")
    if len(told) not in (5, 6) or told[0] != "storage" or not isinstance(told[1], Named):
        raise _UnfitError("a storage that is not described as PyTorch does")
    kind, key, count = STORAGES.get(told[1].name), told[2], told[4]
    view = (key, 0, count) if len(told) == 5 or told[5] is None else told[5]
    if kind is None or type(key) is not str or len(key) > KEY_LENGTH:
        raise _UnfitError("a storage that is not described as PyTorch does")
    if not isinstance(view, tuple) or len(view) != 3:
        raise _UnfitError("a storage that is not described as PyTorch does")
    if not _are_counts((count, *view[1:])) or view[1] + view[2] > count:
        raise _UnfitError("a storage whose part is larger than the whole")
    return Storage(kind, key, count, view[1], view[2])


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Described:
    """``torch._utils._rebuild_tensor`` and ``_v2``: whether it needs a gradient, and hooks, are left out."""
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise _UnfitError("a tensor that is not described as PyTorch does")
    if len(shape) != len(strides) or len(shape) > AXES or not _are_counts((offset, *shape, *strides)):
        raise _UnfitError("a tensor of a shape that cannot be")
    return Described(storage, offset, shape, strides)


def _parameter(data: Any, *_: Any) -> Described:
    """``torch._utils._rebuild_parameter``."""
    if not isinstance(data, Described):
        raise _UnfitError("a parameter that is no tensor")
    return data


def _ordered(*pairs: Any) -> dict[Any, Any]:
    """``collections.OrderedDict``: made empty, filled later."""
    if pairs:
        raise _UnfitError("an OrderedDict that is not made empty")
    return {}


def _size(lengths: Any) -> tuple[Any, ...]:
    """``torch.Size``."""
    if not isinstance(lengths, tuple):
        raise _UnfitError("a size that is no tuple")
    return lengths


def _are_counts(values: tuple[Any, ...]) -> bool:
    return all(type(value) is int and 0 <= value < LARGEST for value in values)


CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _ordered,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": _size,
}
_IGNORED = {"PROTO", "FRAME", "STOP"}
_PUSHED = {  # operations that push their argument
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES",
    "SHORT_BINBYTES", "BINBYTES8",
}  # fmt: skip
_MADE: dict[str, Callable[[], Any]] = {  # operations that push something new
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "MARK": lambda: _MARK,
    "EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict,
}  # fmt: skip
_DONE: dict[str, Callable[[_Machine, Any], Any]] = {
    "POP": lambda m, _: m.stack.pop(),
    "POP_MARK": lambda m, _: m.marked(),
    "DUP": lambda m, _: m.stack.append(m.top(object)),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.marked())),
    "TUPLE1": lambda m, _: m.push_tuple(1),
    "TUPLE2": lambda m, _: m.push_tuple(2),
    "TUPLE3": lambda m, _: m.push_tuple(3),
    "LIST": lambda m, _: m.stack.append(m.marked()),
    "APPEND": lambda m, _: m.add_values([m.pop()]),
    "APPENDS": lambda m, _: m.add_values(m.marked()),
    "DICT": _Machine.push_dict,
    "SETITEM": lambda m, _: m.add_items([m.pop(), m.pop()][::-1]),
    "SETITEMS": lambda m, _: m.add_items(m.marked()),
    "MEMOIZE": lambda m, _: m.remember(m.kept),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    "GLOBAL": lambda m, name: m.push_name(name.replace(" ", ".", 1)),
    "STACK_GLOBAL": _Machine.push_stacked_name,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.set_state,
    "BINPERSID": _Machine.push_storage,
}
