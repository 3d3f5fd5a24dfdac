"""Which rows of a text prompt's context make up which word, and maps of words out of maps of rows."""

from collections.abc import Sequence

import torch

from .maps import AttentionMaps


def words_of_pieces(pieces: Sequence[str | None]) -> tuple[list[int | None], list[str]]:
    """(word of each row, words) of a text cut into CLIP's pieces.

    pieces  one for each row: "pain", "ting</w>" (the mark ends a word), None for start, end and padding rows
    Pieces without a letter or digit, such as commas, belong to no word.
    """
    word_of_row: list[int | None] = []
    words: list[str] = []
    open_word = False
    for piece in pieces:
        text = (piece or "").removesuffix("</w>")
        if not any(character.isalnum() for character in text):
            word_of_row.append(None)
            open_word = False
            continue
        if open_word:
            words[-1] += text
        else:
            words.append(text)
        word_of_row.append(len(words) - 1)
        open_word = not piece.endswith("</w>")
    return word_of_row, words


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
        raise ValueError(f"The conditioning names {len(names)} rows but has {maps.shape[1]}.")
    kept = [row for row, name in enumerate(names) if name]
    return AttentionMaps(maps[:, kept], tuple(names[row] for row in kept))
