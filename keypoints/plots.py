"""Charts as pictures: how the loss falls, bars for each joint, and the preview while learning."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image

from ..attention.canvas import (
    fit_text,
    paint_disc,
    paint_line,
    paint_path,
    paint_text,
    text_width,
    to_pil,
)
from ..attention.colours import distinct_colours
from .axes import Axes, labels, number, powers, steps

_PAPER = (0.09, 0.09, 0.10)
_GRID = (0.20, 0.20, 0.22)
_EDGE = (0.42, 0.42, 0.45)
_INK = (0.96, 0.96, 0.97)
_FAINT_INK = (0.64, 0.64, 0.67)
_DECADES = 2  # a loss that spans more is drawn on a logarithmic scale
_SMOOTH_SHARE = 25  # the smooth line averages this part of all steps

History = Sequence[float] | torch.Tensor | Mapping[str, Sequence[float] | torch.Tensor]


def loss_plot(history: History, *, width: int = 768, height: int = 480, name: str = "loss") -> torch.Tensor:
    """A line chart of values over steps: each series smoothed, over its faint raw line.

    history  S values, or several such series by name; the first value belongs to step 1
    name     what the values are, written over the chart

    Values that are not finite are left out. The scale is logarithmic where all values are positive and
    span more than two powers of ten. A chart without values says so. Returns [1, H, W, 3].
    """
    canvas = _paper(width, height)
    series = _series(history, name)
    size = _letter_size(width, height)
    values = np.concatenate([values[np.isfinite(values)] for values in series.values()])
    low, high, log = _range(values)
    ticks = (powers if log else steps)(low, high, max(2, round(height / (4.5 * size)))) if len(values) else []
    widest = max((text_width(label, size) for label in labels(ticks)), default=0)
    pad = round(0.8 * size)
    axes = Axes(
        left=pad + widest + 0.6 * size,
        top=2.6 * size,
        right=width - pad - 0.5 * size,
        bottom=height - 2.2 * size,
        x=(1, max(2, *(len(values) for values in series.values()))),
        y=(low, high),
        log=log,
    )
    _paint_grid(canvas, axes, ticks, size)
    colours = distinct_colours(max(len(series), 2))
    lasts = [_paint_series(canvas, axes, values, colours[i], size) for i, values in enumerate(series.values())]
    scale = f"{name}, logarithmic" if log else name
    if len(series) == 1:
        last = f"{number(lasts[0], 3)} at step {len(next(iter(series.values())))}" if lasts[0] is not None else ""
        _paint_header(canvas, scale, [(last, colours[0])] if last else [], width, pad, size)
    else:
        entries = zip(series, lasts, colours, strict=False)
        legend = [(f"{key} {number(last, 3)}" if last is not None else key, colour) for key, last, colour in entries]
        _paint_header(canvas, scale, legend, width, pad, size)
    if not len(values):
        text = "no steps"
        middle = (axes.left + axes.right - text_width(text, size)) / 2
        paint_text(canvas, text, middle, (axes.top + axes.bottom) / 2, size, _FAINT_INK, outline=False)
    return torch.from_numpy(canvas)[None]


def bar_plot(
    values: Mapping[str, torch.Tensor],
    names: Sequence[str],
    *,
    title: str = "",
    most: float = 1.0,
    width: int = 768,
) -> torch.Tensor:
    """Horizontal bars from 0 to `most`: for each of J names one bar for each measure, with its value.

    values  by the name of the measure: [J] values, NaN where there is nothing to show
    The height follows from the number of bars. Returns [1, H, W, 3].
    """
    size = _letter_size(width, width * 0.6)
    pad, bar, gap = round(0.8 * size), round(1.15 * size), round(0.7 * size)
    row = len(values) * bar + gap
    names_width = min(max(text_width(text, size) for text in names), 0.35 * width)
    top = round(2.9 * size) if title or values else pad
    height = top + len(names) * row + round(2.2 * size)
    canvas = _paper(width, height)
    value_width = text_width("0.00", size)
    axes = Axes(
        left=pad + names_width + 0.7 * size,
        top=top,
        right=width - pad - value_width - 0.5 * size,
        bottom=top + len(names) * row,
        x=(0, most),
        y=(0, 1),
    )
    for tick in steps(0, most, 5):
        x, label = float(axes.across(tick)), number(tick)
        paint_line(canvas, (x, axes.top), (x, axes.bottom), 1, _GRID if tick else _EDGE)
        left = x - text_width(label, size) / 2
        paint_text(canvas, label, left, axes.bottom + 1.4 * size, size, _FAINT_INK, outline=False)
    colours = distinct_colours(max(len(values), 2))
    for j, name in enumerate(names):
        middle = axes.top + (j + 0.5) * row
        text = fit_text(name, size, names_width)
        left = axes.left - 0.7 * size - text_width(text, size)
        paint_text(canvas, text, left, middle + 0.35 * size, size, _INK, outline=False)
        for i, measure in enumerate(values.values()):
            start = middle + (i - len(values) / 2) * bar
            _paint_bar(canvas, axes, float(measure[j]), start, start + bar, colours[i], size)
        if all(measure[j].isnan() for measure in values.values()):
            left = axes.left + 0.4 * size
            paint_text(canvas, "not labelled", left, middle + 0.33 * size, size, _FAINT_INK, outline=False)
    legend = list(zip(values, colours, strict=False))
    _paint_header(canvas, title, legend, width, pad, size)
    return torch.from_numpy(canvas)[None]


def learning_preview(panel: torch.Tensor, history: History, *, longest: int = 512) -> Image.Image:
    """What is shown while learning: pictures with the points so far, and the loss beneath or beside them.

    panel    [1, H, W, 3] in 0..1, the pictures
    longest  longer side of the preview in pixels; the host shows at most 512, and shrinks what is larger

    The two are laid out in whichever way leaves the panel larger.
    """
    height, width = panel.shape[1:3]
    beneath, beside = round(0.36 * longest), round(0.45 * longest)
    stacked = min(longest / width, (longest - beneath) / height)
    abreast = min((longest - beside) / width, longest / height)
    scale = max(stacked, abreast)
    picture = to_pil(panel[0])
    picture = picture.resize([max(1, round(side * scale)) for side in (width, height)], Image.Resampling.LANCZOS)
    if stacked >= abreast:
        size = (max(picture.width, beside), picture.height + beneath)
        place, room = (0, picture.height), (size[0], beneath)
    else:
        size = (picture.width + beside, max(picture.height, beneath))
        place, room = (picture.width, 0), (beside, size[1])
    preview = Image.new("RGB", size, tuple(round(255 * part) for part in _PAPER))
    preview.paste(picture, ((size[0] - picture.width) // 2 if stacked >= abreast else 0, 0))
    preview.paste(to_pil(loss_plot(history, width=room[0], height=room[1])[0]), place)
    return preview


def _paper(width: int, height: int) -> np.ndarray:
    return np.broadcast_to(np.float32(_PAPER), (height, width, 3)).copy()


def _letter_size(width: float, height: float) -> int:
    """Height of letters in a chart: 12 pixels in a small one, 16 at 768 x 480."""
    return max(12, round(5 + (width * height) ** 0.5 / 55))


def _series(history: History, name: str) -> dict[str, np.ndarray]:
    named = (history or {name: ()}) if isinstance(history, Mapping) else {name: history}
    return {
        key: np.asarray(torch.as_tensor(values, dtype=torch.float64).detach().cpu().flatten())
        for key, values in named.items()
    }


def _range(values: np.ndarray) -> tuple[float, float, bool]:
    """(lowest, highest, logarithmic) of the vertical axis, with a little room at both ends."""
    if not len(values):
        return 0.0, 1.0, False
    low, high = float(values.min()), float(values.max())
    if low > 0 and high / low > 10**_DECADES:
        return low / 1.2, high * 1.2, True
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    # A loss that goes down to almost nothing is shown down to nothing.
    return (0.0 if 0 <= low < 0.3 * high else low - room), high + room, False


def _smooth(values: np.ndarray, log: bool) -> np.ndarray:
    """The mean over neighbouring steps, fewer of them towards both ends; of logarithms on such a scale."""
    half = round(len(values) / _SMOOTH_SHARE / 2)
    if not half:
        return values
    total = np.concatenate([[0], np.cumsum(np.log(values) if log else values)])
    at = np.arange(len(values))
    first, last = np.maximum(at - half, 0), np.minimum(at + half + 1, len(values))
    mean = (total[last] - total[first]) / (last - first)
    return np.exp(mean) if log else mean


def _paint_series(canvas, axes: Axes, values: np.ndarray, colour, size: int) -> float | None:
    """Draw one series; the last value of its smooth line, or None when it has none."""
    at = np.flatnonzero(np.isfinite(values))
    if not len(at):
        return None
    raw = values[at]
    smooth = _smooth(raw, axes.log)
    across = axes.across(at + 1)
    stroke = max(1.5, size / 7)
    if smooth is not raw:
        paint_path(canvas, _extremes(across, axes.down(raw)), 1, colour, 0.35)
    paint_path(canvas, _first_of_column(across, axes.down(smooth)), stroke, colour)
    paint_disc(canvas, (across[-1], float(axes.down(smooth[-1]))), 1.4 * stroke, colour)
    return float(smooth[-1])


def _columns(across: np.ndarray) -> np.ndarray:
    """Where each next column of pixels begins in places that go from left to right."""
    columns = np.floor(across).astype(int)
    return np.flatnonzero(np.diff(columns, prepend=columns[0] - 1))


def _extremes(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """[P, 2] places of a line, of many in one column of pixels only the highest and the lowest."""
    starts = _columns(across)
    if 2 * len(starts) >= len(across):
        return np.stack([across, down], axis=1)
    ends = np.stack([np.minimum.reduceat(down, starts), np.maximum.reduceat(down, starts)], axis=1)
    return np.stack([np.repeat(across[starts], 2), ends.reshape(-1)], axis=1)


def _first_of_column(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """[P, 2] places of a smooth line, one in each column of pixels, and the last."""
    starts = np.append(_columns(across), len(across) - 1)
    return np.stack([across[starts], down[starts]], axis=1)


def _paint_grid(canvas, axes: Axes, ticks: Sequence[float], size: int) -> None:
    """Lines across with their numbers, the steps beneath, and the two edges."""
    for tick, label in zip(ticks, labels(ticks), strict=True):
        y = float(axes.down(tick))
        paint_line(canvas, (axes.left, y), (axes.right, y), 1, _GRID)
        left = axes.left - 0.5 * size - text_width(label, size)
        paint_text(canvas, label, left, y + 0.35 * size, size, _FAINT_INK, outline=False)
    baseline = axes.bottom + 1.5 * size
    free = axes.right + 0.5 * size - text_width("step", size)
    paint_text(canvas, "step", free, baseline, size, _FAINT_INK, outline=False)
    room = (axes.right - axes.left) / (3.2 * size)
    for tick in steps(*axes.x, max(2, min(8, round(room / 1.5)))):
        x, label = float(axes.across(tick)), number(tick)
        if tick != round(tick):
            continue
        paint_line(canvas, (x, axes.bottom), (x, axes.bottom + 0.3 * size), 1, _EDGE)
        if x + text_width(label, size) / 2 < free - 0.5 * size:
            left = x - text_width(label, size) / 2
            paint_text(canvas, label, left, baseline, size, _FAINT_INK, outline=False)
    paint_line(canvas, (axes.left, axes.top), (axes.left, axes.bottom), 1, _EDGE)
    paint_line(canvas, (axes.left, axes.bottom), (axes.right, axes.bottom), 1, _EDGE)


def _paint_header(canvas, title: str, legend, width: int, pad: int, size: int) -> None:
    """The title at the left and the legend's (text, colour) at the right, shortened to what fits."""
    baseline = 1.5 * size
    dash = round(1.2 * size)
    right = width - pad
    for i, (text, colour) in reversed(list(enumerate(legend))):
        share = (right - pad) / (i + 1)  # so that a long name leaves room for the others
        text = fit_text(text, size, share - dash - 1.7 * size)
        left = right - text_width(text, size)
        paint_text(canvas, text, left, baseline, size, _INK, outline=False)
        middle = baseline - 0.33 * size
        start = left - 0.5 * size - dash
        paint_line(canvas, (start, middle), (start + dash, middle), max(2, size / 5), colour)
        right = start - 1.2 * size
    paint_text(canvas, fit_text(title, size, right - pad), pad, baseline, size, _FAINT_INK, outline=False)


def _paint_bar(canvas, axes: Axes, value: float, top: float, bottom: float, colour, size: int) -> None:
    if np.isnan(value):
        return
    baseline, small = (top + bottom) / 2 + 0.33 * size, max(11, round(0.85 * size))
    end = float(axes.across(min(value, axes.x[1])))
    inset = 0.08 * (bottom - top)
    canvas[round(top + inset) : round(bottom - inset), round(axes.left) : round(end)] = colour
    paint_text(canvas, f"{value:.2f}", end + 0.4 * size, baseline, small, _INK, outline=False)
