"""The axes of a chart: which numbers stand beside them, and where on the canvas a value lies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def number(value: float, digits: int = 4) -> str:
    """A number in few letters: 0.05, 1200, 1e-5."""
    return f"{value:.{digits}g}".replace("e-0", "e-").replace("e+0", "e")


def labels(ticks: Sequence[float]) -> list[str]:
    """The numbers beside an axis, with as many digits as tell them apart."""
    for digits in range(4, 17):
        texts = [number(tick, digits) for tick in ticks]
        if len(set(texts)) == len(texts):
            break
    return texts


def steps(low: float, high: float, most: int) -> list[float]:
    """Round numbers from low to high, both included where they are round, at most `most` + 1 of them."""
    step = _round_step((high - low) / max(most, 1))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [count * step for count in range(first, last + 1)]


def powers(low: float, high: float, most: int) -> list[float]:
    """Numbers for a logarithmic axis: powers of ten, with 2 and 5 times them where there is room."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for digits in ((1, 2, 5), (1, 3), (1,)):
        found = [digit * 10.0**power for power in range(first, last + 1) for digit in digits]
        found = [value for value in found if low * 0.999 <= value <= high * 1.001]
        if len(found) <= most + 1:
            return found
    return found[:: math.ceil(len(found) / (most + 1))]


def _round_step(least: float) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that is at least this."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= least * (1 - 1e-9))


@dataclass(frozen=True)
class Axes:
    """A rectangle of a canvas in pixels, and the values at its edges; `log` for a logarithmic height."""

    left: float
    top: float
    right: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]
    log: bool = False

    def across(self, x) -> np.ndarray:
        """Pixels from the left of the canvas."""
        low, high = self.x
        return self.left + (np.asarray(x, dtype=np.float64) - low) / (high - low) * (self.right - self.left)

    def down(self, y) -> np.ndarray:
        """Pixels from the top of the canvas."""
        y, (low, high) = np.asarray(y, dtype=np.float64), self.y
        share = np.log(y / low) / math.log(high / low) if self.log else (y - low) / (high - low)
        return self.bottom - share * (self.bottom - self.top)
