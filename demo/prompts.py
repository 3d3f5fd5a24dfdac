"""The words of the demo world: which context rows stand for which part in which colour.

There is no text encoder. A word is a fixed random vector, and "red hat" is one row:
(vector of hat + vector of red) / sqrt(2); a hat of no stated colour uses the vector "any colour".
"""

import torch

from .figures import COLOURS, PARTS

WIDTH = 768


def _vectors():
    generator = torch.Generator().manual_seed(0xC0105)
    names = ("start", *PARTS, "any colour", *COLOURS)
    return dict(zip(names, torch.randn(len(names), WIDTH, generator=generator), strict=True))


VECTORS = _vectors()


def start_row() -> torch.Tensor:
    """[1, 768]: the row that opens every context, and alone is the empty prompt."""
    return VECTORS["start"][None]


def part_row(part: str, colour: str | None = None) -> torch.Tensor:
    """[768]: the row of a part, in a colour or in none stated."""
    return (VECTORS[part] + VECTORS[colour or "any colour"]) / 2**0.5


def empty_prompt():
    """(context [1, 1, 768], row names): nothing asked for."""
    return start_row()[None], ("",)


def all_parts():
    """(context [1, 17, 768], row names): every part, of no stated colour."""
    return _context([(part, None) for part in PARTS])[None], ("", *PARTS)


def worn_parts(colours):
    """(contexts [B, 17, 768], row names) of figures, given the colours of their parts in the order of PARTS."""
    return torch.stack([_context(zip(PARTS, one, strict=True)) for one in colours]), ("", *PARTS)


def read_prompt(text: str):
    """(context [1, 1 + n, 768], row names) of a text such as "red hat, left glove".

    Raises ValueError, listing the known words, for anything else.
    """
    phrases = [" ".join(phrase.lower().split()) for phrase in text.replace("\n", ",").split(",")]
    pairs = [_part_and_colour(phrase) for phrase in phrases if phrase]
    names = ("", *(part for part, _ in pairs))
    return _context(pairs)[None], names


def _part_and_colour(phrase):
    first, _, rest = phrase.partition(" ")
    colour, part = (first, rest) if first in COLOURS else (None, phrase)
    if part not in PARTS:
        raise ValueError(
            f'The demo model does not know "{phrase}". Write parts with commas, each with or without a colour, '
            f"such as: red hat, left glove. Parts: {', '.join(PARTS)}. Colours: {', '.join(COLOURS)}."
        )
    return part, colour


def _context(pairs):
    return torch.cat([start_row(), *(part_row(part, colour)[None] for part, colour in pairs)])
