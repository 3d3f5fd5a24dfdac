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
