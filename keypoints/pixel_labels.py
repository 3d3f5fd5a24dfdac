"""Labels as files hold them, in pixels, picture by picture; choosing among them and turning them into Keypoints."""

from dataclasses import dataclass, replace

import numpy as np

from .keypoints import Keypoints

# Far above any label file, and low enough that a small hostile file cannot ask for all memory.
_MOST_JOINTS = 1000
_MOST_POINTS = 10_000_000


@dataclass(frozen=True)
class PixelLabels:
    """Labels of one person in each of B pictures, as a file holds them.

    xy        [B, K, 2] float64, pixels from the picture's left upper corner, NaN where not labelled
    score     [B, K] float64 in 0..1
    visible   [B, K] bool
    sizes     [B, 2] float64, (width, height) of each picture in pixels, NaN where the file does not say;
              ones where coordinates are parts of width and height already
    names     K names
    skeleton  pairs (i, j) of joints that a limb joins
    pictures  B file names, or empty where the file names no pictures
    """

    xy: np.ndarray
    score: np.ndarray
    visible: np.ndarray
    sizes: np.ndarray
    names: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...] = ()
    pictures: tuple[str, ...] = ()


def no_labels(count: int, names: tuple[str, ...], **parts) -> PixelLabels:
    """Labels of `count` pictures to be filled in, with no size known. Raises ValueError for none or far too many."""
    joints = len(names)
    if not count or not joints:
        raise ValueError(f"it holds labels of {count} pictures with {joints} joints.")
    if joints > _MOST_JOINTS or count * joints > _MOST_POINTS:
        raise ValueError(
            f"it is too large, with {joints} joints in {count} pictures; up to {_MOST_JOINTS} joints and "
            f"{_MOST_POINTS} points in all are read."
        )
    return PixelLabels(
        xy=np.full((count, joints, 2), np.nan),
        score=np.zeros((count, joints)),
        visible=np.zeros((count, joints), dtype=bool),
        sizes=np.full((count, 2), np.nan),
        names=names,
        **parts,
    )


def pick_pictures(labels: PixelLabels, rows) -> PixelLabels:
    """The labels of some pictures, in the order of `rows`."""
    rows = list(rows)
    return replace(
        labels,
        xy=labels.xy[rows],
        score=labels.score[rows],
        visible=labels.visible[rows],
        sizes=labels.sizes[rows],
        pictures=tuple(labels.pictures[row] for row in rows) if labels.pictures else (),
    )


def named_pictures(labels: PixelLabels, wanted: tuple[str, ...]) -> PixelLabels:
    """The labels of the pictures of these file names, in their order; a name without its folder will do."""
    if not labels.pictures:
        raise ValueError("it does not name its pictures, so they cannot be chosen by name; use first, frames and step.")
    rows = {name.replace("\\", "/").rsplit("/", 1)[-1]: row for row, name in reversed([*enumerate(labels.pictures)])}
    rows |= {name: row for row, name in enumerate(labels.pictures)}
    missing = [name for name in wanted if name not in rows]
    if missing:
        raise ValueError(
            f'it has no picture "{missing[0]}"; its {len(labels.pictures)} pictures begin with "{labels.pictures[0]}".'
        )
    return pick_pictures(labels, [rows[name] for name in wanted])


def choose_frames(labels: PixelLabels, first: int, frames: int, step: int) -> PixelLabels:
    """Every step-th picture from number `first` on, counted from 0; `frames` of them, 0 for all that there are."""
    held = len(labels.xy)
    if first < 0 or frames < 0 or step < 1:
        raise ValueError(f"first and frames cannot be below 0 nor step below 1; got {first}, {frames} and {step}.")
    if first >= held:
        raise ValueError(f"it holds {held} pictures, numbers 0 to {held - 1}, so the first cannot be number {first}.")
    rows = range(first, held, step)
    if frames > len(rows):
        raise ValueError(
            f"it holds {held} pictures: from number {first} in steps of {step} there are {len(rows)}, not {frames}."
        )
    return pick_pictures(labels, rows[:frames] if frames else rows)


def to_keypoints(labels: PixelLabels, size: tuple[int, int] | None) -> Keypoints:
    """Labels as parts of width and height; points outside their picture become unlabelled.

    size  (width, height) of the pictures, for those whose size the file does not say

    Raises ValueError when a size is missing, when nothing is labelled, or when most points are outside:
    then the labels belong to pictures of another size.
    """
    sizes = np.where(np.isnan(labels.sizes), np.nan if size is None else np.asarray(size, dtype=float), labels.sizes)
    if np.isnan(sizes).any():
        raise ValueError("it does not say how large its pictures are; connect the pictures to 'image'.")
    xy = labels.xy / sizes[:, None]
    labelled = ~np.isnan(xy).any(axis=-1)
    if not labelled.any():
        raise ValueError("this person has no labelled joint in any of the chosen pictures; choose others.")
    inside = labelled & ((xy >= 0) & (xy <= 1)).all(axis=-1)
    outside = labelled.sum() - inside.sum()
    if 2 * outside > labelled.sum():
        raise ValueError(
            f"{outside} of {labelled.sum()} labelled points are outside their pictures, so the labels are of pictures "
            "of another size, or of uncropped ones."
        )
    return Keypoints(
        xy=np.where(inside[..., None], xy, np.nan),
        score=np.where(inside, labels.score, 0.0),
        visible=labels.visible & inside,
        names=labels.names,
        skeleton=labels.skeleton,
    )
