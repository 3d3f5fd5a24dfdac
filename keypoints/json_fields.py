"""Parts of a JSON file that a stranger wrote, each checked before it is used; errors say what was expected and came."""

import json

import numpy as np

LARGEST = 1e6  # of a coordinate or a picture's side, in pixels


def parse_json(data: bytes):
    """What the JSON text says. Raises ValueError unless it is JSON proper, without NaN and not nested too deep."""
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deep to hold labels.") from None
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8.") from None
    except ValueError as problem:  # also what _refuse_constant says, and a number of thousands of digits
        raise ValueError(f"it is not valid JSON, or ends too soon ({problem}).") from None


def _refuse_constant(constant: str):
    raise ValueError(f"it contains {constant}, which is no number in JSON")


def as_object(value, what: str) -> dict:
    return _checked(value, dict, what, "an object")


def as_list(value, what: str) -> list:
    return _checked(value, list, what, "a list")


def as_text(value, what: str) -> str:
    return _checked(value, str, what, "text")


def as_number(value, what: str, least: float = -LARGEST, most: float = LARGEST) -> float:
    """A number from `least` to `most`, which is a million unless said otherwise."""
    number = _checked(value, (int, float), what, "a number")
    if not least <= number <= most:
        raise ValueError(f"{what} should be a number from {least:g} to {most:g}, but is beyond that.")
    return float(number)


def as_id(value, what: str) -> int | str:
    if isinstance(_checked(value, (int, str), what, "a whole number or text"), int) and abs(value) >= 2**63:
        raise ValueError(f"{what} is too large a number.")
    return value


def as_triples(value, what: str) -> np.ndarray:
    """[K, 3] float64 of a flat list of 3 K numbers."""
    numbers = as_list(value, what)
    # All at once, since a dataset has a million of them; one by one only to say what is wrong.
    if not set(map(type, numbers)) <= {int, float} or max(map(abs, numbers), default=0) > LARGEST:
        for number in numbers:
            as_number(number, f"a number in {what}")
    if len(numbers) % 3:
        raise ValueError(f"{what} should be triples of numbers, but there are {len(numbers)} numbers.")
    return np.array(numbers, dtype=float).reshape(-1, 3)


def _checked(value, kinds, what: str, expected: str):
    # In Python a truth value is a number; in JSON it is not.
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise ValueError(f"{what} should be {expected}, but is {_kind(value)}.")
    return value


def _kind(value) -> str:
    if isinstance(value, str):
        return f'the text "{value[:40]}"'
    known = {dict: "an object", list: "a list", type(None): "missing", bool: "true or false"}
    return known.get(type(value), "a number")
