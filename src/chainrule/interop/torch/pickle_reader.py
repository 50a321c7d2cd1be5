"""A pickle reader that cannot execute anything.

A pickle is a program for a small stack machine: push this number, build a dict of the values on the stack,
call this function with that tuple. Python's reader executes it, and *this function* may be ``os.system``;
therefore, a PyTorch file from an untrusted source is as dangerous as a program.

This reader is another machine for the same programs. It parses the operations with ``pickletools``, which
only describes them, and supports the few that build plain values. A name such as
``torch._utils._rebuild_tensor_v2`` stays a name: nothing is imported, and to *call* it means to look it up in
``CALLS`` below, whose five entries are functions of this file that build records. Any other operation ends
the reading with an error that names it.

A malicious program could still waste time or memory. Each operation takes time proportional to its own bytes
and to the values that it pops from the stack, so a program takes time linear in its bytes:

- values are shared, not copied: a text repeated a million times is one object;
- keys of dicts are texts, whose hash is randomized. The hash of an ``int`` is the number itself: a hundred
  thousand multiples of ``2**61 - 1`` have the same hash, and each is compared with all before it. Therefore,
  an integer key is stored as a ``Number``, whose hash is that of its digits;
- no key is set twice: equal long texts would be compared each time;
- the memo is a list whose indices are used in order;
- calls have few arguments, and shapes few axes: a long tuple would be copied each time;
- values are not traversed recursively, and the length of a program is limited.

A tensor is only described here; its elements are located, or found to be missing, after the program has
ended.

Reference: Python's ``pickletools`` module, which documents each operation; PEP 3154.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import IO, Any

from chainrule.errors import FileError, fact, message_of
from chainrule.interop.refusals import broken, clipped, other_kind, pickled_model, unsafe
from chainrule.records import frozen

OPERATIONS = 2_000_000  # of one program; the weights of a network of a thousand layers take some 100,000
LARGEST = 2**48  # elements of a storage
ARGUMENTS = 16  # of a call; PyTorch uses seven
AXES = 32
KEY_LENGTH = 64  # characters of the key of a storage; PyTorch writes numbers
KEY_BITS = 64  # of an integer as the key of a dict

_DTYPES = {
    "Float": "float32",
    "Double": "float64",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Char": "int8",
    "Short": "int16",
    "Int": "int32",
    "Long": "int64",
    "Byte": "uint8",
    "Bool": "bool",
}
STORAGES = {f"torch.{name}Storage": dtype for name, dtype in _DTYPES.items()}
_TENSOR = "torch._utils._rebuild_"  # of quantized, sparse and other tensors
MODEL_MODULES = ("torch.nn.modules.", "torch.jit.", "torch.fx.", "torchvision.models.", "transformers.")


@frozen
class Named:
    """A global name in a program, which is never resolved."""

    name: str


@frozen
class Number:
    """An integer key of a dict, hashed as its digits."""

    digits: str

    def __str__(self) -> str:
        return self.digits


@frozen
class Storage:
    """A one-dimensional storage outside the program.

    Args:
        kind: dtype of its elements.
        key: its key in the file.
        count: number of elements under that key.
        start, length: the part of them that is used.
    """

    kind: str
    key: str
    count: int
    start: int
    length: int


@frozen
class Described:
    """A tensor as described by the program: a view of a storage; not validated yet."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _UnfitError(Exception):
    """An operation that does not find the required values on the stack; the file is damaged."""


_MARK: Any = object()


def run(stream: IO[bytes], where: str) -> Any:
    """Run the next pickle of a stream; returns its value, and the stream is at the end of the pickle.

    Args:
        stream: bytes in memory.
        where: name of the file in errors.

    Returns:
        plain values, ``Described`` tensors, and ``Named`` globals that were not called; the keys of dicts are
        texts and ``Number``.

    Raises:
        FileError: E451 not a complete pickle; E452 it requests more than values; E453 it is a pickled model.

    Example:
        >>> from io import BytesIO
        >>> run(BytesIO(b"\\x80\\x02}X\\x01\\x00\\x00\\x00aK\\x01s."), "a.pt")
        {'a': 1}
        >>> try:
        ...     run(BytesIO(b"cos\\nsystem\\n(S'ls'\\ntR."), "b.pt")
        ... except FileError as error:
        ...     print(error.clause())
        the file requests "os.system", which weights do not need; the request was refused
    """
    begin = stream.tell()
    machine = _Machine(where)
    try:
        for count, (operation, argument, _) in enumerate(pickletools.genops(stream)):
            if count >= OPERATIONS:
                raise broken(where, fact("at most {limit:,} operations", limit=OPERATIONS), fact("more"))
            machine.do(operation.name, argument)
        return machine.result()
    except FileError as error:
        if error.code == "E452":
            raise _model_error(stream, begin, where) or error from None
        raise
    except (ValueError, LookupError, OverflowError, Warning, _UnfitError) as cause:
        raise broken(
            where, fact("a complete pickle"), clipped(message_of(cause)) or type(cause).__name__
        ) from cause


def _model_error(stream: IO[bytes], begin: int, where: str) -> FileError | None:
    """Return a more specific error for a program that names parts of a network, such as ``Sequential``."""
    stream.seek(begin)
    try:
        for count, (operation, argument, _) in enumerate(pickletools.genops(stream)):
            name = str(argument)[:200].replace(" ", ".") if operation.name == "GLOBAL" else ""
            if name.startswith(MODEL_MODULES):
                return pickled_model(where, name)
            if count >= OPERATIONS:
                break
    except (ValueError, LookupError, OverflowError, Warning):
        pass  # the file is damaged, too; the refused request is the more important error
    return None


class _Machine:
    """The stack, the memo, and the effect of each operation on them."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.stack: list[Any] = []
        self.memo: list[Any] = []  # _MARK for unused indices
        self.memo_count = 0  # number of used indices of the memo
        self.count = 0  # number of operations

    def do(self, operation: str, argument: Any) -> None:
        """Execute one operation of the program."""
        self.count += 1
        if operation in _IGNORED:
            return
        if operation in _PUSHED:
            self.stack.append(argument)
        elif operation in _PUSHED_NEW:
            self.stack.append(_PUSHED_NEW[operation]())
        elif operation in _HANDLERS:
            _HANDLERS[operation](self, argument)
        else:
            argument_text = argument[:80] if isinstance(argument, str) else ""
            request = fact(
                "the operation {operation}", operation=f"{operation} {clipped(argument_text, 40)}".strip()
            )
            raise unsafe(self.where, request)

    def result(self) -> Any:
        """Return the value that is left at the end."""
        if len(self.stack) != 1:
            raise _UnfitError(fact("{count} values at its end, not 1", count=len(self.stack)))
        return self.stack[0]

    def pop(self, kind: type | tuple[type, ...] = object) -> Any:
        """Pop the top value, which must be of a type."""
        value = self.stack.pop()
        if value is _MARK or not isinstance(value, kind):
            raise _UnfitError(fact("a {kind} where another value belongs", kind=type(value).__name__))
        return value

    def top(self, kind: type) -> Any:
        """Return the top value, which stays on the stack."""
        self.stack.append(self.pop(kind))
        return self.stack[-1]

    def marked(self) -> list[Any]:
        """Pop all values above the last mark, and the mark."""
        for i in range(len(self.stack) - 1, -1, -1):
            if self.stack[i] is _MARK:
                values = self.stack[i + 1 :]
                del self.stack[i:]
                return values
        raise _UnfitError(fact("no mark"))

    def memo_put(self, place: int) -> None:
        """Store the top value in the memo."""
        if place < 0 or place > self.count:  # writers count from 0; each index takes at least one operation
            raise _UnfitError(
                fact("index {place:,} of the memo after {count:,} operations", place=place, count=self.count)
            )
        while len(self.memo) <= place:
            self.memo.append(_MARK)
        self.memo_count += self.memo[place] is _MARK
        self.memo[place] = self.top(object)

    def memo_get(self, place: int) -> None:
        """Push a value of the memo."""
        if not 0 <= place < len(self.memo) or self.memo[place] is _MARK:
            raise _UnfitError(fact("an unused index of the memo"))
        self.stack.append(self.memo[place])

    def push_tuple(self, count: int) -> None:
        """Replace the topmost values by a tuple of them."""
        values = [self.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(values)))

    def add_values(self, values: list[Any]) -> None:
        """Append values to the list on top."""
        self.top(list).extend(values)

    def add_items(self, flat: list[Any]) -> None:
        """Insert keys and values, in turn, into the dict on top."""
        items = self.top(dict)
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            if type(key) not in (str, int):
                raise unsafe(self.where, fact("a dict with a {kind} as key", kind=type(key).__name__))
            if type(key) is int and key.bit_length() > KEY_BITS:
                raise _UnfitError(fact("an integer of {bits:,} bits as a key", bits=key.bit_length()))
            stored_key = key if type(key) is str else Number(f"{key:d}")
            if stored_key in items:
                raise _UnfitError(fact("a dict with one key twice"))
            items[stored_key] = value

    def push_dict(self, _: Any) -> None:
        """Replace all values above the mark by a dict of them."""
        flat = self.marked()
        self.stack.append({})
        self.add_items(flat)

    def push_name(self, name: str) -> None:
        """Push a global name if weights need it."""
        if name not in CALLS and name not in STORAGES:
            is_tensor = name.startswith(_TENSOR) or (name.startswith("torch.") and name.endswith("Storage"))
            raise (
                other_kind(self.where, fact("a tensor"), name, STORAGES.values())
                if is_tensor
                else unsafe(self.where, name)
            )
        self.stack.append(Named(name))

    def push_stacked_name(self, _: Any) -> None:
        """Push a global name whose two parts are on the stack."""
        part, module = self.pop(str), self.pop(str)
        self.push_name(f"{module}.{part}")

    def call(self, _: Any) -> None:
        """Replace the function name and the arguments on top by the record that ``CALLS`` builds."""
        arguments, function = self.pop(tuple), self.pop(Named)
        if function.name not in CALLS:
            raise unsafe(self.where, f"{function.name}()")
        if len(arguments) > ARGUMENTS:
            raise _UnfitError(
                fact("{count:,} arguments for {name}", count=len(arguments), name=function.name)
            )
        try:
            self.stack.append(CALLS[function.name](*arguments))
        except TypeError as cause:
            raise _UnfitError(str(cause)) from cause

    def set_state(self, _: Any) -> None:
        """Drop the attributes of a dict: a state_dict has the versions of its layers there."""
        self.pop(dict)
        self.top(dict)

    def push_storage(self, _: Any) -> None:
        """Push a storage described by the tuple on top."""
        self.stack.append(_storage(self.pop(tuple), self.where))


def _storage(description: tuple[Any, ...], where: str) -> Storage:
    """Return the storage of ``("storage", kind, key, device, count)``; in old files a view follows."""
    if description and description[0] == "module":
        raise pickled_model(where, fact("the source code of a class"))
    if len(description) not in (5, 6) or description[0] != "storage" or not isinstance(description[1], Named):
        raise _UnfitError(fact("a storage that is not described as PyTorch does"))
    kind, key, count = STORAGES.get(description[1].name), description[2], description[4]
    view = (key, 0, count) if len(description) == 5 or description[5] is None else description[5]
    if kind is None or type(key) is not str or len(key) > KEY_LENGTH:
        raise _UnfitError(fact("a storage that is not described as PyTorch does"))
    if not isinstance(view, tuple) or len(view) != 3:
        raise _UnfitError(fact("a storage that is not described as PyTorch does"))
    if not _are_counts((count, *view[1:])) or view[1] + view[2] > count:
        raise _UnfitError(fact("a storage whose part is larger than the whole"))
    return Storage(kind, key, count, view[1], view[2])


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Described:
    """Build a tensor as ``torch._utils._rebuild_tensor`` and ``_v2``, without ``requires_grad`` and hooks."""
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise _UnfitError(fact("a tensor that is not described as PyTorch does"))
    if len(shape) != len(strides) or len(shape) > AXES or not _are_counts((offset, *shape, *strides)):
        raise _UnfitError(fact("a tensor of a shape that cannot be"))
    return Described(storage, offset, shape, strides)


def _parameter(data: Any, *_: Any) -> Described:
    """Build a parameter as ``torch._utils._rebuild_parameter``."""
    if not isinstance(data, Described):
        raise _UnfitError(fact("a parameter that is no tensor"))
    return data


def _ordered(*pairs: Any) -> dict[Any, Any]:
    """Build a ``collections.OrderedDict``, which is created empty and filled later."""
    if pairs:
        raise _UnfitError(fact("an OrderedDict that is not created empty"))
    return {}


def _size(lengths: Any) -> tuple[Any, ...]:
    """Build a ``torch.Size``."""
    if not isinstance(lengths, tuple):
        raise _UnfitError(fact("a size that is no tuple"))
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
    *"INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING".split(),
    *"UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8".split(),
}
_PUSHED_NEW: dict[str, Callable[[], Any]] = {  # operations that push a new value
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "MARK": lambda: _MARK,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}
_HANDLERS: dict[str, Callable[[_Machine, Any], Any]] = {
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
    "MEMOIZE": lambda m, _: m.memo_put(m.memo_count),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.memo_put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.memo_get),
    "GLOBAL": lambda m, name: m.push_name(name.replace(" ", ".", 1)),
    "STACK_GLOBAL": _Machine.push_stacked_name,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.set_state,
    "BINPERSID": _Machine.push_storage,
}
