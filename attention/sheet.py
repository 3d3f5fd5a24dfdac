"""The frame around pictures: contact sheets of labelled tiles, captions and the colour bar."""

from collections.abc import Sequence

import numpy as np
import torch

from .canvas import fit_text, paint_text, text_size, text_width
from .colours import heat_colours

_PAPER = (0.09, 0.09, 0.10)
_INK = (0.96, 0.96, 0.97)
_FAINT_INK = (0.64, 0.64, 0.67)
_NARROWEST = 192  # pixels: with less width a caption and a colour bar cannot be read


def fit_tile(picture: torch.Tensor, count: int) -> torch.Tensor:
    """A picture [H, W, 3] as the tile of a sheet with `count` tiles.

    The longer side becomes at least 256 pixels, so that text beside it is crisp, and at most 512, or
    less where many tiles would make the sheet wider than about 4096.
    """
    height, width = picture.shape[:2]
    longest = min(512, max(_NARROWEST, round(4096 / count**0.5)))
    side = min(max(max(height, width), 256), longest)
    size = [max(1, round(length * side / max(height, width))) for length in (height, width)]
    if size == [height, width]:
        return picture
    channels_first = picture.movedim(-1, 0)[None]
    resized = torch.nn.functional.interpolate(channels_first, size=size, mode="bicubic", antialias=True)
    return resized[0].movedim(0, -1).clamp(0, 1).contiguous()


def contact_sheet(
    tiles: Sequence[np.ndarray], captions: Sequence[str], notes: Sequence[str], ends: tuple[str, str] | None
) -> np.ndarray:
    """Lay tiles [h, w, 3] of one size out in rows, nearly square, each under its caption.

    A note stands faintly at the right of its caption. With `ends`, a colour bar between these two
    texts runs beneath. Returns a canvas.
    """
    height, width = tiles[0].shape[:2]
    size = text_size(max(width, _NARROWEST), max(height, _NARROWEST))
    gap, line = size, round(1.7 * size)
    cell_width, cell_height = max(width, _NARROWEST) + gap, height + line + gap
    columns = _columns(len(tiles), cell_width, cell_height)
    rows = -(-len(tiles) // columns)
    strip = round(2.2 * size) if ends else 0
    canvas = _paper(rows * cell_height + gap + strip, columns * cell_width + gap)
    for i, (tile, caption, note) in enumerate(zip(tiles, captions, notes, strict=True)):
        left, top = gap + i % columns * cell_width, gap + i // columns * cell_height
        _paint_caption(canvas, caption, note, left, left + cell_width - gap, top + 1.05 * size, size)
        inset = left + (cell_width - gap - width) // 2
        canvas[top + line : top + line + height, inset : inset + width] = tile
    if ends:
        right, middle = canvas.shape[1] - gap, canvas.shape[0] - 0.5 * (gap + strip)
        _paint_bar(canvas, ends, max(gap, right - 24 * size), right, middle, size)
    return canvas


def with_strip(picture: np.ndarray, caption: str, ends: tuple[str, str]) -> np.ndarray:
    """A picture [H, W, 3] with a strip beneath: the caption, and a colour bar between two texts."""
    height, width = picture.shape[:2]
    size = text_size(max(width, _NARROWEST), max(height, _NARROWEST))
    margin, strip = round(0.6 * size), round(2.2 * size)
    canvas = _paper(height + strip, max(width, _NARROWEST))
    inset = (canvas.shape[1] - width) // 2
    canvas[:height, inset : inset + width] = picture
    right, middle = canvas.shape[1] - margin, height + 0.5 * strip
    # The numbers go before the caption where there is room for little, with some of the bar between them.
    needed = sum(text_width(end, size) for end in ends) + 3 * size
    left = max(margin, right - max(needed, min(0.55 * canvas.shape[1], 18 * size)))
    _paint_bar(canvas, ends, left, right, middle, size)
    _paint_caption(canvas, caption, "", margin, left - size, middle + 0.35 * size, size)
    return canvas


def _paper(height: int, width: int) -> np.ndarray:
    return np.broadcast_to(np.float32(_PAPER), (height, width, 3)).copy()


def _columns(count: int, width: int, height: int) -> int:
    """How many columns make the sheet nearly square without leaving much of it empty."""

    def cost(columns: int) -> float:
        rows = -(-count // columns)
        return abs(np.log(columns * width / (rows * height))) + (rows * columns - count) / count

    return min(range(1, count + 1), key=cost)


def _paint_caption(
    canvas, caption: str, note: str, left: float, right: float, baseline: float, size: int
) -> None:
    small = max(12, round(0.8 * size))
    space = right - left - (text_width(note, small) + size if note else 0)
    paint_text(canvas, fit_text(caption, size, space), left, baseline, size, _INK, outline=False)
    paint_text(canvas, note, right - text_width(note, small), baseline, small, _FAINT_INK, outline=False)


def _paint_bar(canvas, ends: tuple[str, str], left: float, right: float, middle: float, size: int) -> None:
    """The heat colours from left to right around the height `middle`, with a text at each end."""
    low, high = (text_width(end, size) for end in ends)
    baseline = middle + 0.35 * size
    paint_text(canvas, ends[0], left, baseline, size, _INK, outline=False)
    paint_text(canvas, ends[1], right - high, baseline, size, _INK, outline=False)
    start, stop = round(left + low + 0.6 * size), round(right - high - 0.6 * size)
    top, bottom = round(middle - 0.35 * size), round(middle + 0.35 * size)
    steps = np.linspace(0, 255, max(stop - start, 1)).round().astype(int)
    canvas[top:bottom, start : start + len(steps)] = heat_colours()[steps]
