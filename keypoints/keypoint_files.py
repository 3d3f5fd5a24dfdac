"""Keypoints as files for other programs, in pixels, and back: COCO, OpenPose and CSV."""

import json
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from .atomic import write_atomically, write_folder_atomically
from .coco import write_coco, write_coco_results
from .csv_points import write_csv
from .keypoints import Keypoints
from .openpose import write_openpose
from .pixel_files import check_csv_size, check_json_size, read_pixel_file
from .pixel_labels import PixelLabels, from_keypoints, known_sizes, to_parts

COCO, COCO_RESULTS, OPENPOSE, OPENPOSE_FOLDER, CSV = "COCO", "COCO results", "OpenPose", "OpenPose folder", "CSV"
# How the name of each ends; a folder has no ending.
FORMATS = {COCO: ".json", COCO_RESULTS: ".json", OPENPOSE: ".json", OPENPOSE_FOLDER: "", CSV: ".csv"}
EXTENSIONS = (".json", ".csv")
# Pictures and their points can have been scaled, but not cut; sides that were rounded to multiples of 64 pass.
_MOST_STRETCHED = 1.1


class KeypointFile(NamedTuple):
    """keypoints of B pictures; sizes: [B, 2] float64, their (width, height) in pixels, NaN where nobody says; pictures:
    B file names, or empty."""

    keypoints: Keypoints
    sizes: np.ndarray
    pictures: tuple[str, ...]


def save_keypoints(path: Path, keypoints: Keypoints, sizes, form: str = COCO, pictures: tuple[str, ...] = ()) -> None:
    """Write keypoints to one file, or for OPENPOSE_FOLDER to a new folder, all of it or nothing.

    path      replaced where it is a file
    sizes     (width, height) in pixels of all pictures, or [B, 2] of each
    form      of FORMATS. COCO, a dataset, keeps everything; CSV all but limbs; OPENPOSE neither file names nor that a
              point is hidden; COCO_RESULTS moreover neither names nor limbs nor sizes. A score of 0 becomes 0.001
              where 0 would say that there is no point
    pictures  file names of the pictures, B or none

    Raises ValueError, in a sentence that names the file, for keypoints that the format has no room for, that lie
    outside their pictures for the most part, or that are more than a reader takes.
    """
    try:
        labels = from_keypoints(keypoints, sizes, pictures)
        to_parts(labels, None)  # the reader's own check, so that nothing is written that it would refuse
        if form == OPENPOSE_FOLDER:
            write_folder_atomically(path, _frame_files(labels))
        elif form == CSV:
            data = write_csv(labels).encode()
            check_csv_size(len(data))
            write_atomically(path, data)
        else:
            write = {COCO: write_coco, COCO_RESULTS: write_coco_results, OPENPOSE: write_openpose}[form]
            write_atomically(path, _to_json(write(labels)))
    except ValueError as problem:
        raise ValueError(f"These keypoints cannot be saved as {path.name}: {problem}") from problem


def load_keypoints(
    path: Path, *, person: int = 0, size: tuple[int, int] | None = None, count: int | None = None
) -> KeypointFile:
    """One person of every picture of a file, or of a folder of OpenPose files, with names and order of the file.

    person  which one, from 0: COCO by area, the largest first; COCO results by score; OpenPose in the file's order
    size    (width, height) in pixels of the pictures at hand, for files that do not say it; others must have its shape
    count   how many pictures there should be, None for as many as there are

    Points a little outside their picture stay. Raises ValueError, one sentence that names the file, when it cannot be
    read or does not fit.
    """
    try:
        labels = read_pixel_file(path, person)
        if count is not None and count != len(labels.xy):
            raise ValueError(f"it has keypoints of {len(labels.xy)} pictures, but {count} pictures came.")
        if person and not labels.labelled.any():
            raise ValueError(f"no picture has a person number {person}, counted from 0.")
        if size is not None:
            _check_shape(labels.sizes, size)
        keypoints = to_parts(labels, size)
    except (ValueError, OSError) as problem:
        raise ValueError(f"The keypoints in {path.name} cannot be read: {problem}") from problem
    in_parts = (labels.sizes == 1).all(axis=1, keepdims=True)
    labels.sizes[np.broadcast_to(in_parts, labels.sizes.shape)] = np.nan
    return KeypointFile(keypoints, known_sizes(labels, size), labels.pictures)


def _check_shape(sizes: np.ndarray, size: tuple[int, int]) -> None:
    stretched = (sizes[:, 0] / sizes[:, 1]) / (size[0] / size[1])
    wrong = (sizes > 1).all(axis=1) & (np.maximum(stretched, 1 / stretched) > _MOST_STRETCHED)
    if wrong.any():
        width, height = sizes[wrong][0]
        raise ValueError(
            f"its pictures are {width:g} x {height:g} pixels, those that came are {size[0]} x {size[1]}, which is "
            "another shape: connect pictures that were not cropped, or none if they were stretched."
        )


def _frame_files(labels: PixelLabels) -> dict[str, bytes]:
    """The files of a folder by their names, which are those that the OpenPose program gives them."""
    stems = [PurePosixPath(name.replace("\\", "/")).stem for name in labels.pictures]
    stems = stems or [f"{b:012}" for b in range(len(labels.xy))]
    names = [f"{stem}_keypoints.json" for stem in stems]
    if names != sorted(set(names)):
        raise ValueError(
            "a folder of OpenPose files is read in the order of their names, and the names of these pictures are not "
            "in that order, or not different; leave the names away, or choose another format."
        )
    files = {name: _to_json(frame) for name, frame in zip(names, write_openpose(labels), strict=True)}
    check_json_size(sum(map(len, files.values())))
    return files


def _to_json(content) -> bytes:
    data = json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
    check_json_size(len(data))
    return data
