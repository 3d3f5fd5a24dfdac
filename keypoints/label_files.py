"""Reading labels from files of others: COCO keypoints, OpenPose and 3DPW sequences, told apart by what is in them."""

from pathlib import Path

from .coco import is_coco, read_coco
from .json_fields import parse_json
from .keypoints import Keypoints
from .openpose import is_openpose, read_openpose
from .pixel_labels import PixelLabels, choose_frames, named_pictures, to_keypoints
from .restricted_pickle import MOST_BYTES, read_pickle
from .threedpw import DETECTED, is_threedpw, read_threedpw

EXTENSIONS = (".json", ".pkl")
# JSON takes some twenty times its size once it is read.
_MOST_JSON_BYTES = 32 * 2**20


def read_label_file(
    path: Path,
    *,
    person: int = 0,
    first: int = 0,
    frames: int = 0,
    step: int = 1,
    pictures: tuple[str, ...] = (),
    joints: str = DETECTED,
    size: tuple[int, int] | None = None,
    count: int | None = None,
) -> Keypoints:
    """The labels of one person in each chosen picture of a file, or of a folder of OpenPose files, one for each frame.

    person    which one, from 0: COCO by area, the largest first; OpenPose and 3DPW in the file's order
    first     number of the first picture, from 0; COCO pictures in the order of their file names
    frames    how many pictures, 0 for all from the first on
    step      every how many-th picture
    pictures  COCO only: file names of the pictures, in their order, before first, frames and step choose among them
    joints    3DPW only: threedpw.DETECTED or threedpw.BODY_MODEL
    size      (width, height) in pixels, for files that do not say how large their pictures are
    count     how many pictures there should be, None for as many as there are

    Joints of human skeletons have OpenPose's names (see joint_names.to_openpose). Points outside their picture are
    not labelled. Nothing in the file is executed. Raises ValueError, one sentence that names the file, when it
    cannot be read or does not fit.
    """
    try:
        labels = _read(path, person, joints)
        if pictures:
            labels = named_pictures(labels, pictures)
        labels = choose_frames(labels, first, frames, step)
        if count is not None and count != len(labels.xy):
            raise ValueError(
                f"it gives labels of {len(labels.xy)} pictures, but {count} pictures came; choose with first, frames "
                "and step, or connect the pictures that they belong to."
            )
        return to_keypoints(labels, size)
    except (ValueError, OSError) as problem:
        raise ValueError(f"The labels in {path.name} cannot be read: {problem}") from problem


def _read(path: Path, person: int, joints: str) -> PixelLabels:
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
        _check_json_size(len(data))
        content = parse_json(data)
        if is_coco(content):
            return read_coco(content, person)
        if is_openpose(content):
            return read_openpose(content, person)
        raise ValueError("it is JSON, but neither COCO keypoints with 'annotations' nor OpenPose with 'people'.")
    content = read_pickle(data)
    if not is_threedpw(content):
        raise ValueError("it is a pickle, but has neither 'poses2d' nor 'jointPositions', as a 3DPW sequence has.")
    return read_threedpw(content, person, joints)


def _read_frames(folder: Path) -> list:
    """The frames of a folder as the OpenPose program writes it: a file for each frame, in the order of their names."""
    frames, total = [], 0
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() == ".json"):
        try:
            total += path.stat().st_size
            _check_json_size(total)
            content = parse_json(path.read_bytes())
            if not is_openpose(content):
                raise ValueError("it has no 'people'; in a folder every .json file should be a frame of OpenPose.")
        except ValueError as problem:
            raise ValueError(f"in {path.name}, {problem}") from problem
        frames += content if isinstance(content, list) else [content]
    if not frames:
        raise ValueError("the folder holds no .json file.")
    return frames


def _check_json_size(size: int) -> None:
    if size > _MOST_JSON_BYTES:
        raise ValueError(f"there is more than {_MOST_JSON_BYTES >> 20} MiB of JSON; keep fewer pictures in it.")
