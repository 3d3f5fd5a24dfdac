"""Reading points of one person from files of all formats, told apart by what is in them, as the files have them."""

from pathlib import Path

from .coco import is_coco, is_coco_results, read_coco, read_coco_results
from .csv_points import is_csv, read_csv
from .json_fields import parse_json
from .openpose import is_openpose, read_openpose
from .pixel_labels import PixelLabels
from .restricted_pickle import MOST_BYTES, read_pickle
from .threedpw import DETECTED, is_threedpw, read_threedpw

# JSON takes some twenty times its size once it is read.
MOST_JSON_BYTES = 32 * 2**20
_MOST_CSV_BYTES = 64 * 2**20


def read_pixel_file(path: Path, person: int = 0, joints: str = DETECTED) -> PixelLabels:
    """The points of one person in every picture of a file, or of a folder of OpenPose files, one for each picture.

    person  which one, from 0; see the readers of the formats
    joints  3DPW only: threedpw.DETECTED or threedpw.BODY_MODEL

    Nothing in the file is executed. Raises ValueError, in words, when it cannot be read, OSError when not opened.
    """
    if person < 0:
        raise ValueError(f"people are counted from 0; got {person}.")
    if path.is_dir():
        return read_openpose(_read_frames(path), person)
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if not data.strip():
        raise ValueError("the file is empty.")
    # No pickle starts with these two.
    if data[:100].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[") or path.suffix.lower() == ".json":
        check_json_size(len(data))
        return _read_json(parse_json(data), person)
    if path.suffix.lower() == ".csv" or is_csv(data):
        check_csv_size(len(data))
        if person:
            raise ValueError(f"a CSV file has the points of one person, number 0; there is no person {person}.")
        return read_csv(data)
    content = read_pickle(data)
    if not is_threedpw(content):
        raise ValueError("it is a pickle, but has neither 'poses2d' nor 'jointPositions', as a 3DPW sequence has.")
    return read_threedpw(content, person, joints)


def _read_json(content, person: int) -> PixelLabels:
    for is_this, read in (
        (is_coco, read_coco),
        (is_coco_results, read_coco_results),
        (is_openpose, read_openpose),
    ):
        if is_this(content):
            return read(content, person)
    raise ValueError(
        "it is JSON, but neither COCO keypoints with 'annotations', nor COCO results with 'image_id', nor OpenPose "
        "with 'people'."
    )


def _read_frames(folder: Path) -> list:
    """The frames of a folder as the OpenPose program writes it: a file for each frame, in the order of their names."""
    frames, total = [], 0
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() == ".json"):
        try:
            total += path.stat().st_size
            check_json_size(total)
            content = parse_json(path.read_bytes())
            if not is_openpose(content):
                raise ValueError("it has no 'people'; in a folder every .json file should be a frame of OpenPose.")
        except ValueError as problem:
            raise ValueError(f"in {path.name}, {problem}") from problem
        frames += content if isinstance(content, list) else [content]
    if not frames:
        raise ValueError("the folder holds no .json file.")
    return frames


def check_json_size(size: int) -> None:
    if size > MOST_JSON_BYTES:
        raise ValueError(f"there is more than {MOST_JSON_BYTES >> 20} MiB of JSON; keep fewer pictures in it.")


def check_csv_size(size: int) -> None:
    if size > _MOST_CSV_BYTES:
        raise ValueError(f"there is more than {_MOST_CSV_BYTES >> 20} MiB of CSV; keep fewer pictures in it.")
