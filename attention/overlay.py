"""Attention maps as heat over the pictures that they were read from, one picture per token or a sheet."""

from collections.abc import Sequence

import numpy as np
import torch

from . import sheet
from .canvas import as_rgb, line_width, match_batches, paint_ring
from .colours import heat_colours
from .heat import EACH_MAP, check_maps, normalise_maps, resize_maps

PER_TOKEN, GRID = LAYOUTS = ("one picture per token", "grid")


def overlay_maps(images: torch.Tensor, maps: torch.Tensor, names: Sequence[str], *, layout: str = GRID,
                 normalise: str = EACH_MAP, opacity: float = 0.85, mark_peak: bool = False,
                 legend: bool = True) -> torch.Tensor:
    """Lay the heat of every token's map over the picture.

    images     [B, H, W, C] in 0..1, or one picture for all maps
    maps       [B, N, R, R'], each value a share of attention in 0..1, with N `names`; or one set for all pictures
    layout     `one picture per token`: [B * N, H, W, 3], all tokens of the first picture first;
               `grid`: [B, sheet height, sheet width, 3], the picture and then every token, with names
    normalise  what the colours span, see `normalise_maps`
    opacity    0..1, of the heat where a map is highest; it fades out where the map is low
    mark_peak  a ring around the centre of the highest cell of the map
    legend     beneath, a colour bar with the values at its ends; with one picture per token also the name

    With `one picture per token` and no legend the size of the picture is kept, and where a map is 0
    its pixels are too. Raises ValueError for batches that do not match and options that do not exist.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"Unknown layout '{layout}'. Choose one of: {', '.join(LAYOUTS)}.")
    if not 0 <= opacity <= 1:
        raise ValueError(f"Opacity must lie between 0 and 1, got {opacity}.")
    images, partners = match_batches(as_rgb(images), len(maps), "attention maps")
    values, low, high = normalise_maps(check_maps(maps, names), normalise)
    results = None
    for b, partner in enumerate(partners):
        ends = [(float(lo), float(hi)) for lo, hi in zip(low[partner], high[partner], strict=True)]
        if layout == GRID:
            picture = sheet.fit_tile(images[b], len(names) + 1)
            tiles = [picture.numpy(), *_overlays(picture, values[partner], opacity, mark_peak)]
            notes = ["", *(_span(*pair) if normalise == EACH_MAP and legend else "" for pair in ends)]
            bar = ("low", "high") if normalise == EACH_MAP else tuple(map(_number, ends[0]))
            drawn = [sheet.contact_sheet(tiles, ["picture", *names], notes, bar if legend else None)]
        else:
            drawn = _overlays(images[b], values[partner], opacity, mark_peak)
            if legend:
                drawn = (sheet.with_strip(tile, name, tuple(map(_number, pair)))
                         for tile, name, pair in zip(drawn, names, ends, strict=True))
        per_picture = 1 if layout == GRID else len(names)
        for n, canvas in enumerate(drawn):
            if results is None:  # made once, at its full size: a stack of all pictures would need twice the memory
                results = torch.empty(len(partners) * per_picture, *canvas.shape)
            results[b * per_picture + n] = torch.from_numpy(canvas)
    return results


def blend_heat(picture: torch.Tensor, heat: torch.Tensor, opacity: float) -> torch.Tensor:
    """Heat [H, W] in 0..1 over a picture [H, W, 3]. Opacity follows the heat, so 0 leaves the picture."""
    colours = torch.from_numpy(heat_colours().copy())[(heat * 255).round().long()]
    # The square root lets the picture go early enough for the dark colours to be read as heat.
    share = (opacity * heat.sqrt())[..., None]
    return picture + share * (colours - picture)


def _overlays(picture: torch.Tensor, values: torch.Tensor, opacity: float, mark_peak: bool):
    """Yield the picture [h, w, 3] under each of its maps [N, R, R'] in 0..1, as canvases."""
    height, width = picture.shape[:2]
    for value in values:
        heat = resize_maps(value[None, None], (height, width))[0, 0]
        canvas = blend_heat(picture, heat, opacity).numpy()
        if mark_peak:
            row, column = divmod(int(value.argmax()), value.shape[1])
            _paint_peak(canvas, ((column + 0.5) / value.shape[1] * width, (row + 0.5) / value.shape[0] * height))
        yield canvas


def _paint_peak(canvas: np.ndarray, centre: tuple[float, float]) -> None:
    stroke = line_width(canvas.shape[1], canvas.shape[0])
    paint_ring(canvas, centre, 3 * stroke, 2 * stroke, (0.0, 0.0, 0.0), 0.85)
    paint_ring(canvas, centre, 3 * stroke, stroke, (1.0, 1.0, 1.0))


def _number(value: float) -> str:
    return f"{value:.2g}"


def _span(low: float, high: float) -> str:
    return f"{_number(low)} to {_number(high)}"
