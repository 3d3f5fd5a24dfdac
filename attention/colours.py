"""Colours chosen by how they look: OKLab, the heat colour map, and distinct colours for K items.

OKLab is Björn Ottosson's space (2020): equal distances in it look about equally different, and its
first coordinate is lightness. Everything here is computed from it, nothing is a copied table.
"""

from functools import lru_cache

import numpy as np

_RGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LMS_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def rgb_to_oklab(rgb: np.ndarray) -> np.ndarray:
    """sRGB [..., 3] in 0..1 to OKLab [..., 3] (lightness 0..1, a, b)."""
    rgb = np.asarray(rgb, dtype=np.float64)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0) + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _RGB_TO_LMS.T) @ _LMS_TO_LAB.T


def oklab_to_rgb(lab: np.ndarray) -> np.ndarray:
    """OKLab [..., 3] to sRGB [..., 3]. Not clipped: a value outside 0..1 is outside the gamut."""
    lms = (np.asarray(lab, dtype=np.float64) @ np.linalg.inv(_LMS_TO_LAB).T) ** 3
    linear = lms @ np.linalg.inv(_RGB_TO_LMS).T
    return np.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    )


def _oklch_to_oklab(lightness, chroma, hue_degrees) -> np.ndarray:
    hue = np.deg2rad(hue_degrees)
    return np.stack(np.broadcast_arrays(lightness, chroma * np.cos(hue), chroma * np.sin(hue)), axis=-1)


@lru_cache(maxsize=1)
def heat_colours() -> np.ndarray:
    """The heat colour map: [256, 3] sRGB in 0..1, read-only, from near black to pale yellow.

    Lightness rises by the same step from each entry to the next, and so does the distance walked in
    hue and chroma, so equal differences of a map look equal wherever they are on the scale.
    """
    # Waypoints (chroma, hue in degrees) of a path violet - magenta - red - orange - yellow that stays
    # inside sRGB at the lightness where it is reached.
    along = np.linspace(0, 1, 7)
    chroma_points = [0.03, 0.112, 0.155, 0.164, 0.148, 0.124, 0.08]
    hue_points = [278, 300, 340, 378, 410, 437, 464]
    fine = np.linspace(0, 1, 4001)
    chroma, hue = (_smooth_curve(along, points, fine) for points in (chroma_points, hue_points))
    a_b = _oklch_to_oklab(0.0, chroma, hue)[:, 1:]
    walked = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(a_b, axis=0), axis=1))])
    steps = np.linspace(0, 1, 256)
    a_b = np.stack([np.interp(steps, walked / walked[-1], column) for column in a_b.T], axis=-1)
    lightness = 0.14 + (0.965 - 0.14) * steps
    colours = oklab_to_rgb(np.concatenate([lightness[:, None], a_b], axis=1)).astype(np.float32)
    colours.setflags(write=False)
    return colours


def _smooth_curve(knots: np.ndarray, values, at: np.ndarray) -> np.ndarray:
    """The polynomial through all the waypoints: few and even, so it does not swing between them."""
    return np.polyval(np.polyfit(knots, values, len(knots) - 1), at)


@lru_cache(maxsize=16)
def distinct_colours(count: int) -> np.ndarray:
    """`count` colours that are easy to tell apart: [count, 3] sRGB in 0..1, read-only.

    Each next colour is the one farthest in OKLab from all before it, so the first ones stay the same
    when more are asked for. All are bright enough to stand on a picture with a dark outline.
    """
    lightness, chroma, hue = np.meshgrid(
        [0.60, 0.68, 0.76, 0.84, 0.92], [0.10, 0.14, 0.18, 0.22], np.arange(0, 360, 4), indexing="ij"
    )
    lab = _oklch_to_oklab(lightness, chroma, hue).reshape(-1, 3)
    rgb = oklab_to_rgb(lab)
    in_gamut = ((rgb >= 0) & (rgb <= 1)).all(axis=1)
    lab, rgb = lab[in_gamut], rgb[in_gamut]
    nearest = np.full(len(lab), np.inf)
    chosen = int(np.argmin(np.linalg.norm(lab - rgb_to_oklab(np.array([1.0, 0.45, 0.1])), axis=1)))
    picks = []
    for _ in range(count):
        picks.append(chosen)
        nearest = np.minimum(nearest, np.linalg.norm(lab - lab[chosen], axis=1))
        chosen = int(np.argmax(nearest))
    colours = rgb[picks].astype(np.float32).reshape(count, 3)
    colours.setflags(write=False)
    return colours
