"""Labels from files of others, brought to this pack's names and to the pictures that are wanted."""

from pathlib import Path

from .joint_names import in_openpose_names
from .keypoints import Keypoints
from .pixel_files import read_pixel_file
from .pixel_labels import by_file_name, choose_frames, named_pictures, to_keypoints
from .threedpw import DETECTED

EXTENSIONS = (".json", ".csv", ".pkl")


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
    first     number of the first picture, from 0, in the order of their file names where the file has them
    frames    how many pictures, 0 for all from the first on
    step      every how many-th picture
    pictures  COCO and CSV: file names of the pictures, in their order, before first, frames and step choose among them
    joints    3DPW only: threedpw.DETECTED or threedpw.BODY_MODEL
    size      (width, height) in pixels, for files that do not say how large their pictures are
    count     how many pictures there should be, None for as many as there are

    Joints of human skeletons have OpenPose's names (see joint_names.to_openpose). Points outside their picture are
    not labelled. Nothing in the file is executed. Raises ValueError, one sentence that names the file, when it
    cannot be read or does not fit.
    """
    try:
        labels = in_openpose_names(by_file_name(read_pixel_file(path, person, joints)))
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
