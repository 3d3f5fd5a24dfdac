"""Attention maps as heat over the pictures that they were read from, one picture per token or a sheet."""

from collections.abc import Sequence

import numpy as np
import torch

from . import sheet
from .canvas import as_rgb, match_batches, paint_ring, stroke_width
from .colours import heat_colours
from .heat import EACH_MAP, check_maps, normalise_maps, resize_maps

PER_TOKEN, GRID = LAYOUTS = ("one picture per token", "grid")


def overlay_maps(
    images: torch.Tensor,
    maps: torch.Tensor,
    names: Sequence[str],
    *,
    layout: str = GRID,
    normalise: str = EACH_MAP,
    opacity: float = 0.8,
    mark_peak: bool = False,
    legend: bool = True,
) -> torch.Tensor:
    """Lay the heat of every token's map over the picture.

    images     [B, H, W, C] in 0..1, or one picture for all maps
    maps       [B, N, R, R'], each value a share of attention in 0..1, with N `names`; or of one picture,
               for all pictures
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
    per_picture = 1 if layout == GRID else len(names)
    results = None
    for b, partner in enumerate(partners):
        ends = list(zip(low[partner].tolist(), high[partner].tolist(), strict=True))
        if layout == GRID:
            tile = sheet.fit_tile(images[b], len(names) + 1)
            tiles = [tile.numpy(), *_overlays(tile, values[partner], opacity, mark_peak)]
            drawn = [_label_sheet(tiles, names, ends, normalise, legend)]
        else:
            drawn = _overlays(images[b], values[partner], opacity, mark_peak)
            drawn = _label_each(drawn, names, ends) if legend else drawn
        for n, canvas in enumerate(drawn, start=b * per_picture):
            # Made once, at its full size: stacking at the end would need twice the memory.
            results = torch.empty(len(partners) * per_picture, *canvas.shape) if results is None else results
            results[n] = torch.from_numpy(canvas)
    return results


def blend_heat(picture: torch.Tensor, heat: torch.Tensor, opacity: float) -> torch.Tensor:
    """Heat [H, W] in 0..1 over a picture [H, W, 3]. Opacity follows the heat, so 0 leaves the picture."""
    colours = torch.from_numpy(heat_colours().copy())[(heat * 255).round().long()]
    # Rising faster than the heat at first, so that the dark colours are seen and not only the bright ones.
    share = (opacity * heat * (2 - heat))[..., None]
    return picture + share * (colours - picture)


def _overlays(picture: torch.Tensor, values: torch.Tensor, opacity: float, mark_peak: bool):
    """Yield the picture [h, w, 3] under each of its maps [N, R, R'] in 0..1, as canvases."""
    height, width = picture.shape[:2]
    rows, columns = values.shape[1:]
    for value in values:
        heat = resize_maps(value[None, None], (height, width))[0, 0]
        canvas = blend_heat(picture, heat, opacity).numpy()
        if mark_peak:
            row, column = divmod(int(value.argmax()), columns)
            _paint_peak(canvas, ((column + 0.5) / columns * width, (row + 0.5) / rows * height))
        yield canvas


def _label_sheet(tiles, names, ends, normalise: str, legend: bool) -> np.ndarray:
    """The contact sheet of one picture. Where every map has its own scale, its values stand at its name."""
    own_scales = normalise == EACH_MAP
    notes = [f"{_number(low)} - {_number(high)}" if own_scales and legend else "" for low, high in ends]
    bar = ("low", "high") if own_scales else (_number(ends[0][0]), _number(ends[0][1]))
    return sheet.contact_sheet(tiles, ["picture", *names], ["", *notes], bar if legend else None)


def _label_each(overlays, names, ends):
    """Yield each overlay with its name and its scale beneath."""
    for overlay, name, (low, high) in zip(overlays, names, ends, strict=True):
        yield sheet.with_strip(overlay, name, (_number(low), _number(high)))


def _paint_peak(canvas: np.ndarray, centre: tuple[float, float]) -> None:
    stroke = stroke_width(canvas.shape[1], canvas.shape[0])
    paint_ring(canvas, centre, 2.5 * stroke, 1.3 * stroke, (0.0, 0.0, 0.0), 0.8)
    paint_ring(canvas, centre, 2.5 * stroke, 0.6 * stroke, (1.0, 1.0, 1.0))


def _number(value: float) -> str:
    return f"{value:.2g}"
