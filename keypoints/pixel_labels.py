"""Points as files hold them, in pixels, picture by picture; choosing among them; Keypoints from them, and back."""

from dataclasses import dataclass, replace

import numpy as np

from .json_fields import LARGEST
from .keypoints import Keypoints

# Far above any label file, and low enough that a small hostile file cannot ask for all memory.
_MOST_JOINTS = 10_000
_MOST_POINTS = 10_000_000
# Of a point in formats where a score of 0 says that there is none.
LEAST_SCORE = 0.001


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

    @property
    def labelled(self) -> np.ndarray:
        """[B, K] bool, True where there is a point."""
        return ~np.isnan(self.xy).any(axis=-1)


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


def by_file_name(labels: PixelLabels) -> PixelLabels:
    """Pictures in the order of their file names, as the host's folder loaders sort them; as they are without names."""
    rows = sorted(range(len(labels.xy)), key=lambda row: labels.pictures[row] if labels.pictures else row)
    return pick_pictures(labels, rows)


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
    if not labels.labelled.any():
        raise ValueError("this person has no labelled joint in any of the chosen pictures; choose others.")
    keypoints = to_parts(labels, size)
    inside = ((keypoints.xy >= 0) & (keypoints.xy <= 1)).all(dim=-1)
    return replace(
        keypoints,
        xy=keypoints.xy.where(inside[..., None], np.nan),
        score=keypoints.score * inside,
        visible=keypoints.visible & inside,
    )


def to_parts(labels: PixelLabels, size: tuple[int, int] | None) -> Keypoints:
    """The points as parts of width and height, also those a little outside their pictures. Raises as to_keypoints does,
    but not when there is no point."""
    sizes = known_sizes(labels, size)
    if np.isnan(sizes).any():
        raise ValueError("it does not say how large its pictures are; connect the pictures to 'image'.")
    xy = labels.xy / sizes[:, None]
    outside = ((xy < 0) | (xy > 1)).any(axis=-1)
    if 2 * outside.sum() > labels.labelled.sum():
        raise ValueError(
            f"{outside.sum()} of {labels.labelled.sum()} labelled points are outside their pictures, so the labels are "
            "of pictures of another size, or of uncropped ones."
        )
    return Keypoints(xy=xy, score=labels.score, visible=labels.visible, names=labels.names, skeleton=labels.skeleton)


def known_sizes(labels: PixelLabels, size: tuple[int, int] | None) -> np.ndarray:
    """[B, 2] (width, height) as the file says, or else `size`, or NaN."""
    return np.where(np.isnan(labels.sizes), np.nan if size is None else np.asarray(size, dtype=float), labels.sizes)


def from_keypoints(keypoints: Keypoints, sizes, pictures: tuple[str, ...] = ()) -> PixelLabels:
    """Keypoints in pixels, with score 0 and not visible where there is no point.

    sizes     (width, height) of all pictures, or [B, 2], one for each: whole numbers of pixels
    pictures  file names of the pictures, B or none

    Raises ValueError, in words, for what could not be read from a file again.
    """
    count = len(keypoints.xy)
    labels = no_labels(count, keypoints.names, skeleton=keypoints.skeleton, pictures=tuple(pictures))
    sizes = np.asarray(sizes, dtype=float)
    if sizes.shape not in ((2,), (count, 2)) or not ((sizes >= 1) & (sizes <= LARGEST)).all():
        raise ValueError(
            f"pictures need a width and a height from 1 to {LARGEST:g} pixels, the same for all or one for each of "
            f"{count}; got {sizes.tolist()}."
        )
    if pictures and (len(pictures) != count or len(set(pictures)) != count):
        raise ValueError(
            f"there are keypoints of {count} pictures, so {count} different file names are needed, or none; got "
            f"{len(pictures)}, of which {len(set(pictures))} differ."
        )
    labels.sizes[:] = sizes
    labelled = keypoints.labelled.numpy()
    labels.xy[:] = keypoints.xy.double().numpy() * labels.sizes[:, None]
    labels.score[:] = keypoints.score.double().numpy() * labelled
    labels.visible[:] = keypoints.visible.numpy() & labelled
    if np.nanmax(np.abs(labels.xy), initial=0) > LARGEST or np.abs(labels.score).max() > LARGEST:
        raise ValueError(f"a coordinate in pixels, or a score, is beyond {LARGEST:g}.")
    return labels
