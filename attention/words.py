"""Which rows of a text prompt's context make up which word, and maps of words out of maps of rows."""

from collections.abc import Sequence

import torch

from .maps import AttentionMaps


def words_of_pieces(pieces: Sequence[str | None]) -> tuple[list[int | None], list[str]]:
    """(word of each row, words) of a text cut into CLIP's pieces.

    pieces  one for each row: "pain", "ting</w>" (the mark ends a word), None for start, end and padding rows
    Words without a letter or digit, such as commas, are left out: their rows belong to no word.
    """
    word_of_row: list[int | None] = [None] * len(pieces)
    words: list[str] = []
    rows: list[int] = []
    spelling = ""
    for row, piece in enumerate([*pieces, None]):
        if piece is not None:
            rows.append(row)
            spelling += piece.removesuffix("</w>")
        if rows and (piece is None or piece.endswith("</w>")):
            word = _readable(spelling)
            if any(character.isalnum() for character in word):
                for member in rows:
                    word_of_row[member] = len(words)
                words.append(word)
            rows, spelling = [], ""
    return word_of_row, words


def _byte_letters() -> dict[str, int]:
    """CLIP spells bytes, not letters: one printable character stands for each of the 256 (GPT-2's table)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + i): byte for i, byte in enumerate(others)}


_BYTES = _byte_letters()


def _readable(spelling: str) -> str:
    """Letters out of byte letters; a spelling with other characters in it is returned as it is."""
    if not set(spelling) <= set(_BYTES):
        return spelling
    return bytes(_BYTES[letter] for letter in spelling).decode("utf-8", errors="replace")


def maps_of_words(maps: torch.Tensor, word_of_row: Sequence[int | None], words: Sequence[str]) -> AttentionMaps:
    """One map per word out of one per row: a word's share of attention is the sum of its rows' shares.

    maps         [B, N, R, R'], one map per row of the context
    word_of_row  N entries: the index of the row's word, or None (start, end and padding rows)
    words        names of the words, in order
    """
    if len(word_of_row) != maps.shape[1]:
        raise ValueError(
            f"The text gives {len(word_of_row)} rows but the conditioning has {maps.shape[1]}. "
            "Connect the same text that the conditioning was encoded from, or no conditioning."
        )
    if not words:
        raise ValueError("The text has no words to map. Type what to look for, such as: a red hat.")
    summed = maps.new_zeros(maps.shape[0], len(words), *maps.shape[2:])
    for row, word in enumerate(word_of_row):
        if word is not None:
            summed[:, word] += maps[:, row]
    return AttentionMaps(summed, tuple(words))


def named_maps(maps: torch.Tensor, names: Sequence[str] | None) -> AttentionMaps:
    """Maps of the rows that have a name; without names, all rows by their number.

    names  one for each row, "" for a row that is no word, or None where nothing is known
    """
    if names is None:
        return AttentionMaps(maps, tuple(f"token {row}" for row in range(maps.shape[1])))
    if len(names) != maps.shape[1]:
        raise ValueError(
            f"The conditioning names {len(names)} rows but has {maps.shape[1]}. "
            "Connect it without a node between that changes its rows."
        )
    kept = [row for row, name in enumerate(names) if name]
    if not kept:
        raise ValueError(
            "This conditioning is an empty prompt: none of its rows stands for anything to look for. "
            "Connect a prompt with words in it."
        )
    return AttentionMaps(maps[:, kept], tuple(names[row] for row in kept))
