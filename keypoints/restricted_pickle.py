"""Reading a pickle without executing it: arrays of numbers or text, numbers, strings and containers, nothing else.

A pickle is a program that may call anything by name. Here the few names that arrays need lead to stand-ins of
this module, which build the array themselves and check all they are given; any other name is an error before
anything is called. Not even numpy's own unpickling code sees the file.
"""

import io
import math
import pickle
import pickletools
import re

import numpy as np

MOST_BYTES = 256 * 2**20
# Lists and numbers that are no arrays take far more memory than their bytes in the file.
_MOST_OPCODES = 1_000_000
# Python hashes tuples within tuples recursively, and without a guard: a hundred thousand of them end the process.
_MOST_TUPLES = 10_000
# Larger whole numbers can be chosen so that a dictionary of them takes hours.
_LARGEST_INT = 2**63
_MOST_DEPTH = 32
# Opcodes that make objects of classes, or look outside the file for them. No array needs one.
_FORBIDDEN = {
    "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER",
    "READONLY_BUFFER",
}  # fmt: skip
_MEMO = {"PUT", "BINPUT", "LONG_BINPUT"}
_TUPLES = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET"}


def read_pickle(data: bytes):
    """What the pickle holds, as dict, list, str, bytes, int, float, bool, None and read-only numpy arrays.

    Pickles of Python 2 and 3, of any protocol; text of Python 2 as latin-1, which keeps bytes as they are.
    Raises ValueError, in words, for anything else; nothing of the file is ever executed.
    """
    if len(data) > MOST_BYTES:
        raise Refused(f"it is larger than {MOST_BYTES >> 20} MiB.")
    try:
        _check_opcodes(data)
        loaded = _Reader(data).load()
    except Refused:
        raise
    except Exception as problem:  # a damaged or hostile file can raise anything here
        raise Refused(f"it is not a pickle of arrays, or it is damaged ({str(problem)[:120]}).") from problem
    return _plain(loaded, 0, {})


class Refused(ValueError):
    """What the file asks for is not what arrays need, in words."""


def _check_opcodes(data: bytes) -> None:
    """Look at the program without running it: that it is whole, and that no step of it can take all memory or time."""
    tuples = 0
    for number, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        tuples += opcode.name in _TUPLES
        if opcode.name in _FORBIDDEN:
            raise Refused(f"it is not a pickle of arrays, but makes objects of its own ({opcode.name}).")
        # A memo is as large as its largest number, however few its entries.
        if number > _MOST_OPCODES or (opcode.name in _MEMO and argument > _MOST_OPCODES) or tuples > _MOST_TUPLES:
            raise Refused("it has too many parts; only arrays may be large.")
        if isinstance(argument, int) and abs(argument) >= _LARGEST_INT:
            raise Refused("it has a whole number that is too large.")


class _Call:
    """A stand-in for something that a pickle may name. It can be called, and it cannot be changed."""

    __slots__ = ("_make",)

    def __init__(self, make):
        self._make = make

    def __call__(self, *arguments):
        return self._make(*arguments)

    def __setstate__(self, state):
        raise Refused("it tries to change what reads it.")


class _DType:
    """A stand-in for a numpy dtype, of numbers, truth values or text, under construction."""

    __slots__ = ("_code", "_order")

    def __init__(self, code, *_flags):
        if not isinstance(code, str) or not re.fullmatch(r"b1|[iu][1248]|f[248]|[SU]\d{1,5}", code):
            raise Refused("it holds arrays of something else than numbers, truth values or text.")
        self._code, self._order = code, "="

    def __setstate__(self, state):
        _version, order, *fields = state[:5]
        if order not in ("<", ">", "|", "=") or any(field is not None for field in fields):
            raise Refused("it holds arrays of several fields; only plain ones are read.")
        self._order = order

    def plain(self) -> np.dtype:
        return np.dtype(self._order.replace("|", "=") + self._code)


class _Array:
    """A stand-in for a numpy array under construction."""

    __slots__ = ("_encode", "value")

    def __init__(self, encode):
        self._encode, self.value = encode, None

    def __setstate__(self, state):
        _version, shape, dtype, fortran, data = state
        # Never the same array twice: what was built is shared.
        if self.value is not None:
            raise Refused("it changes an array that is finished.")
        self.value = _build_array(self._encode(data), dtype, shape, "F" if fortran else "C")


class _Reader(pickle.Unpickler):
    """An unpickler for which only the names of numpy's arrays mean anything, and that mean only _Call."""

    def __init__(self, data: bytes):
        super().__init__(io.BytesIO(data), encoding="latin1")
        # Python 2 and protocols below 3 keep an array's bytes as text, to be copied once or twice. A hostile file may
        # name the same text again and again.
        self._bytes_left = 4 * len(data)
        calls = {"_codecs encode": self._encode_text, "numpy dtype": _DType, "numpy ndarray": _refuse_call}
        calls["__builtin__ bytes"] = lambda: b""  # what an array of nothing holds, in protocols below 3
        for core in ("numpy.core", "numpy._core"):
            calls[f"{core}.multiarray _reconstruct"] = lambda *_shape: _Array(self._encode)
            calls[f"{core}.multiarray scalar"] = self._scalar
            calls[f"{core}.numeric _frombuffer"] = self._array_from_buffer
        self._calls = {name: _Call(make) for name, make in calls.items()}

    def find_class(self, module, name):
        if f"{module} {name}" not in self._calls:
            raise Refused(
                f'it asks for "{module[:60]}.{name[:60]}", which no file of arrays needs; nothing of it was run. Do '
                "not open this file in other programs unless you trust where it is from."
            )
        return self._calls[f"{module} {name}"]

    def _encode(self, data) -> bytes:
        if isinstance(data, str):
            self._bytes_left -= len(data)
            if self._bytes_left < 0:
                raise Refused("its arrays would take far more memory than the file.")
            return data.encode("latin1")
        if not isinstance(data, (bytes, bytearray)):
            raise Refused("it holds arrays of objects; only numbers and text are read.")
        return data

    def _encode_text(self, text, encoding) -> bytes:
        if not isinstance(text, str) or encoding != "latin1":
            raise Refused("it encodes text as no array needs it.")
        return self._encode(text)

    def _array_from_buffer(self, data, dtype, shape, order):
        array = _Array(self._encode)
        array.value = _build_array(data, dtype, shape, order)
        return array

    def _scalar(self, dtype, data):
        return _build_array(self._encode(data), dtype, (), "C").item()


def _refuse_call(*_arguments):
    raise Refused("it makes an array in a way that no saved array needs.")


def _build_array(data, dtype, shape, order) -> np.ndarray:
    if not isinstance(data, (bytes, bytearray)) or not isinstance(dtype, _DType) or order not in ("C", "F"):
        raise Refused("it holds an array whose parts are of the wrong kind.")
    if (
        not isinstance(shape, tuple)
        or len(shape) > 8
        or not all(isinstance(side, int) and 0 <= side <= MOST_BYTES for side in shape)
    ):
        raise Refused("it holds an array whose shape is not a few whole numbers.")
    plain = dtype.plain()
    if plain.itemsize * math.prod(shape) != len(data):
        raise Refused(f"it holds an array of shape {shape} with {len(data)} bytes, which do not fit.")
    array = np.frombuffer(data, plain) if data else np.empty(0, plain)
    array = array.reshape(shape, order=order)
    array.flags.writeable = False
    return array


def _plain(value, depth: int, made: dict):
    """The loaded value with its stand-ins replaced; `made` keeps what was met before, so that it is made once."""
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    if id(value) in made:
        if made[id(value)] is _plain:
            raise Refused("it holds a container within itself.")
        return made[id(value)]
    if depth > _MOST_DEPTH:
        raise Refused("it is nested too deep to hold labels.")
    made[id(value)] = _plain  # a mark: not finished
    if isinstance(value, _Array):
        result = value.value
        if result is None:
            raise Refused("it holds an array without content.")
    elif isinstance(value, dict) and all(isinstance(key, (str, bytes, int)) for key in value):
        result = {key: _plain(part, depth + 1, made) for key, part in value.items()}
    elif isinstance(value, (list, tuple, set, frozenset)):
        result = [_plain(part, depth + 1, made) for part in value]
    else:
        raise Refused("it holds something that is no array, number, text or container.")
    made[id(value)] = result
    return result
