"""Keypoint tokens as a .safetensors file: written atomically, checked before anything of it is used.

The file holds the tensor "context" [N, 768] float32 and, where the tokens have them, "calibration" [K, 2] and
"arrangement" [2, K, K], float32 as well.
Its metadata, which are texts as in every safetensors file:

    format         "attention-keypoints"
    version        "1"; a reader refuses versions that it does not know
    model_family   "SD1.x"
    keypoints      JSON: {"picked": [rows], "names": [...], "skeleton": [[i, j], ...], "layers": [...],
                   "t": 250, "map_size": 128, "hidden": row or null, "learned": {name: text or number}}

A safetensors file is 8 bytes with the length of a JSON header, little-endian, that header, and the tensors' bytes.
"""

import json
import math
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from .atomic import write_atomically
from .tokens import WIDTH, KeypointTokens

FORMAT = "attention-keypoints"
VERSION = 1
MODEL_FAMILY = "SD1.x"
MOST_BYTES = 64 * 2**20  # of a file: 20 000 tokens, many times what anyone learns
_MOST_HEADER_BYTES = 2**20
_LONGEST_TEXT = 1000  # letters of one name or one text in `learned`
_COPY = "Copy it again."


class _Wrong(ValueError):
    """What is wrong with a file, to be said after its name, and what a person can do about it."""

    def __init__(self, what: str, advice: str = "Choose a file that Save Keypoint Tokens has written."):
        super().__init__(what)
        self.advice = advice


def save_tokens(path: str | Path, tokens: KeypointTokens) -> None:
    """Write the tokens to one .safetensors file, all of it or nothing.

    Raises ValueError, in words, when a part of them could not be read again: a name that is empty, very long or not
    printable, a note in `learned` that is neither text nor a finite number, or more than 64 MB.
    """
    path = Path(path)
    try:
        facts = {
            "picked": tokens.picked,
            "names": tokens.names,
            "skeleton": tokens.skeleton,
            "layers": tokens.layers,
            "t": tokens.t,
            "map_size": tokens.map_size,
            "hidden": tokens.hidden,
            "learned": tokens.learned,
        }
        metadata = {"format": FORMAT, "version": str(VERSION), "model_family": MODEL_FAMILY}
        metadata["keypoints"] = json.dumps(facts, allow_nan=False)
        tensors = {"context": tokens.context.contiguous()}
        for name in ("calibration", "arrangement"):
            if getattr(tokens, name) is not None:
                tensors[name] = getattr(tokens, name).contiguous()
        data = safetensors.torch.save(tensors, metadata)
        # The reader's own checks, so that nothing is written that it would refuse.
        _tokens(data[8:], _checked_sizes(data[:8], len(data)))
    except (_Wrong, TypeError, ValueError) as error:
        raise ValueError(f"These keypoint tokens cannot be saved as {path.name}: {error}") from error
    write_atomically(path, data)


def load_tokens(path: str | Path) -> KeypointTokens:
    """Read tokens that save_tokens wrote.

    The sizes are checked before anything is read, and header, shapes and types before a tensor is made; nothing in
    the file is ever executed. Raises ValueError, in a sentence that names the file, when it is empty, cut short, too
    large, of another kind, of a newer version or for another model; OSError when it cannot be opened.
    """
    path = Path(path)
    with open(path, "rb") as file:
        size = path.stat().st_size
        try:
            header_bytes = _checked_sizes(file.read(8), size)
            return _tokens(file.read(size - 8), header_bytes)
        except _Wrong as wrong:
            raise ValueError(f"{path.name}: {wrong} {wrong.advice}") from wrong


def _checked_sizes(start: bytes, size: int) -> int:
    """The length of the header, out of a file's first 8 bytes and its size."""
    if size == 0:
        raise _Wrong("the file is empty.")
    if size > MOST_BYTES:
        raise _Wrong(f"the file has {size / 2**20:.0f} MB, a token file at most {MOST_BYTES // 2**20}.")
    header_bytes = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= header_bytes <= _MOST_HEADER_BYTES:
        raise _Wrong("this is not a safetensors file with keypoint tokens.")
    if 8 + header_bytes > size:
        raise _Wrong(f"the file is cut short: {size} bytes, its header alone needs {8 + header_bytes}.", _COPY)
    return header_bytes


def _tokens(rest: bytes, header_bytes: int) -> KeypointTokens:
    """The tokens in what follows a file's first 8 bytes."""
    header = _json(rest[:header_bytes], "header")
    metadata = header.pop("__metadata__", None)
    facts = _facts(metadata)
    spans = _spans(header, len(facts["picked"]), len(rest) - header_bytes)
    tensors = {}
    for name, (start, shape) in spans.items():
        values = np.frombuffer(rest, "<f4", math.prod(shape), header_bytes + start)
        tensors[name] = torch.from_numpy(values.astype(np.float32).reshape(shape))
    try:
        return KeypointTokens(**tensors, **facts)
    except ValueError as error:
        raise _Wrong(f"what the file says does not fit together. {error}") from error


def _json(data: bytes, what: str) -> dict:
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or nested to exhaust the stack
        raise _Wrong(f"its {what} is damaged or of another kind of file.") from error
    if type(value) is not dict:
        raise _Wrong(f"its {what} is of another kind of file.")
    return value


def _facts(metadata) -> dict:
    """What the metadata say, as arguments of KeypointTokens, every type checked."""
    if type(metadata) is not dict or metadata.get("format") != FORMAT:
        raise _Wrong("this safetensors file holds no keypoint tokens.")
    version = metadata.get("version")
    if version != str(VERSION):
        newer = isinstance(version, str) and version.isascii() and version.isdigit() and len(version) < 10
        if newer and int(version) > VERSION:
            raise _Wrong(f"format version {version} is newer than this pack can read ({VERSION}).", "Update the pack.")
        raise _Wrong(f"its format version is unknown; expected {VERSION}.")
    if metadata.get("model_family") != MODEL_FAMILY:
        family = _short(metadata.get("model_family"))
        raise _Wrong(f"its tokens are for models of the family {family}; this pack reads those of {MODEL_FAMILY}.")
    text = metadata.get("keypoints")
    if type(text) is not str:
        raise _Wrong("the description of its keypoints is missing.")
    facts = _json(text.encode("utf-8", "replace"), "description of the keypoints")
    for field, (fits, expected) in _FIELDS.items():
        if not fits(facts.get(field)):
            raise _Wrong(f"'{field}' should be {expected}, got {_short(facts.get(field))}.")
    return {field: facts.get(field) for field in _FIELDS}


def _spans(header: dict, picked: int, available: int) -> dict[str, tuple[int, list[int]]]:
    """(first byte, shape) of each tensor by name, after checking that they fill the rest of the file exactly."""
    expected = {"context": [None, WIDTH], "calibration": [picked, 2], "arrangement": [2, picked, picked]}
    unknown = sorted(header.keys() - expected.keys())
    if unknown or "context" not in header:
        found = ", ".join(_short(name) for name in sorted(header)) or "none"
        raise _Wrong(f"expected the tensors context and perhaps calibration and arrangement, got {found}.")
    spans, used = {}, []
    for name, entry in header.items():
        entry = entry if type(entry) is dict else {}
        shape, offsets, wanted = entry.get("shape"), entry.get("data_offsets"), expected[name]
        fits = _is_list(shape, len(wanted), _is_count) and 0 not in shape
        fits = fits and all(size in (None, got) for got, size in zip(shape, wanted, strict=True))
        if entry.get("dtype") != "F32" or not fits or not _is_list(offsets, 2, _is_count):
            sizes = ["tokens" if size is None else size for size in wanted]
            raise _Wrong(f"its tensor {name} should be float32 {sizes}, got {_short(entry)}.".replace("'", ""))
        start, end = offsets
        if end - start != 4 * math.prod(shape):
            raise _Wrong(f"the place of its tensor {name} does not fit its shape.")
        if end > available:
            raise _Wrong(f"the file is cut short: {end - available} bytes are missing.", _COPY)
        spans[name] = start, shape
        used.append((start, end))
    used.sort()
    if used[0][0] != 0 or used[-1][1] != available or any(a[1] != b[0] for a, b in zip(used, used[1:], strict=False)):
        raise _Wrong("there are bytes in it that belong to no tensor.")
    return spans


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _is_count(value) -> bool:
    return type(value) is int and 0 <= value <= MOST_BYTES


def _is_list(value, length, fits) -> bool:
    return type(value) is list and length in (None, len(value)) and all(map(fits, value))


def _is_text(value) -> bool:
    return type(value) is str and len(value) <= _LONGEST_TEXT and all(c.isprintable() or c in "\n\t" for c in value)


def _is_name(value) -> bool:
    return _is_text(value) and bool(value.strip()) and value.isprintable()


def _is_note(value) -> bool:
    return _is_text(value) or type(value) is int or (type(value) is float and math.isfinite(value))


_FIELDS = {
    "picked": (lambda value: _is_list(value, None, _is_count), "a list of rows"),
    "names": (lambda value: _is_list(value, None, _is_name), "a list of printable names"),
    "skeleton": (
        lambda value: _is_list(value, None, lambda limb: _is_list(limb, 2, _is_count)),
        "a list of pairs of keypoints",
    ),
    "layers": (lambda value: _is_list(value, None, _is_name), "a list of names of cross-attentions"),
    "t": (_is_count, "a whole number"),
    "map_size": (_is_count, "a whole number"),
    "hidden": (lambda value: value is None or _is_count(value), "a row or nothing"),
    "learned": (
        lambda value: type(value) is dict and all(_is_name(k) and _is_note(v) for k, v in value.items()),
        "names with a text or a number each",
    ),
}
