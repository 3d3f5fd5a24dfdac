"""Where the names of keypoints are written, so that they cover little of each other and of the drawing."""

import numpy as np

_DIRECTIONS = 16
_PASSES = 3


def place_labels(
    points: np.ndarray,
    widths: np.ndarray,
    height: float,
    gap: float,
    obstacles: np.ndarray,
    picture: tuple[int, int],
) -> np.ndarray:
    """A box for each label, beside its point.

    points     [n, 2] positions (x, y) in pixels
    widths     [n] widths of the labels; all have the same `height`
    gap        pixels from a point to its label
    obstacles  [m, 2] positions that labels had better not cover: points and places along limbs
    picture    (width, height) that labels had better not leave

    Returns the boxes [n, 4] as left, top, right, bottom. Every label takes its best place in turn, and
    again once the others are known.
    """
    candidates = [
        _candidates(point, width, height, gap, points.mean(axis=0))
        for point, width in zip(points, widths, strict=True)
    ]
    own = [
        preference + _leaving(boxes, picture) + _covering(boxes, obstacles)
        for boxes, preference in candidates
    ]
    placed = np.zeros((0, 4))
    for n in range(len(points)):
        boxes = candidates[n][0]
        placed = np.vstack([placed, boxes[np.argmin(own[n] + _overlapping(boxes, placed))]])
    for _ in range(_PASSES):
        for n in range(len(points)):
            boxes = candidates[n][0]
            others = np.delete(placed, n, axis=0)
            placed[n] = boxes[np.argmin(own[n] + _overlapping(boxes, others))]
    return placed


def _candidates(point, width: float, height: float, gap: float, middle) -> tuple[np.ndarray, np.ndarray]:
    """Boxes around a point in every direction, near and farther, and how little each is preferred."""
    angles = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS
    rays = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    outward = (point - middle) / max(np.linalg.norm(point - middle), 1e-6)
    half = np.array([width, height]) / 2
    beside = np.sign(rays.round(6)) * abs(rays) ** 0.5 * half
    boxes, preference = [], []
    for steps in (0, 1, 2, 4):
        centres = point + rays * (gap + steps * 0.6 * height) + beside
        boxes.append(np.concatenate([centres - half, centres + half], axis=1))
        # In shares of a label's area: a little for every step away, and for not pointing away from the rest.
        preference.append(0.2 * steps - 0.25 * rays @ outward - 0.05 * abs(rays[:, 0]))
    return np.concatenate(boxes), np.concatenate(preference)


def _leaving(boxes: np.ndarray, picture: tuple[int, int]) -> np.ndarray:
    """How much of each box lies outside the picture, counted heavily: text cut off cannot be read."""
    size = boxes[:, 2:] - boxes[:, :2]
    inside = np.minimum(boxes[:, 2:], picture) - np.maximum(boxes[:, :2], 0)
    return 20 * (1 - (inside.clip(0) / size).prod(axis=1))


def _covering(boxes: np.ndarray, obstacles: np.ndarray) -> np.ndarray:
    """How many obstacles each box covers."""
    within = (obstacles[None] > boxes[:, None, :2]) & (obstacles[None] < boxes[:, None, 2:])
    return 0.25 * within.all(axis=2).sum(axis=1)


def _overlapping(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The share of each box that other labels cover, counted heavily."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return 6 * (high - low).clip(0).prod(axis=2).sum(axis=1) / area
