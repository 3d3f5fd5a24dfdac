"""3DPW sequence files: people in video, with detected joints in pixels and joints of a body model in metres.

A sequence is a pickled dictionary. Of its fields these are read, with P people and F frames, of which frame i is the
picture image_<i>.jpg (img_frame_ids count the motion recording, not the pictures):

    poses2d         P arrays [F, 3, 18]: x and y in pixels and the confidence of OpenPose-18's joints, zeros where
                    nobody was detected
    jointPositions  P arrays [F, 72]: x, y, z of the 24 joints of the SMPL body, in metres, in the world
    cam_poses       [F, 4, 4]: from the world to the camera
    campose_valid   P arrays [F]: whether the camera's pose fits this person in this frame
    cam_intrinsics  [3, 3]: from the camera to pixels
"""

import numpy as np

from .joint_names import SMPL_24, to_openpose
from .pixel_labels import PixelLabels, no_labels
from .skeletons import OPENPOSE_18

DETECTED = "poses2d"
BODY_MODEL = "jointPositions"
JOINTS = (DETECTED, BODY_MODEL)


def is_threedpw(content) -> bool:
    return isinstance(content, dict) and bool(set(JOINTS) & set(content))


def read_threedpw(content: dict, person: int, joints: str = DETECTED) -> PixelLabels:
    """One person in every frame.

    joints  DETECTED: OpenPose-18, found in the pictures, with a confidence
            BODY_MODEL: SMPL-24 through the camera into the picture, also where hidden: score 1 and visible throughout;
            those of OpenPose's names first. Frames whose camera pose is not valid are unlabelled

    The file does not give the size of its pictures: the camera looks at their centre, so they are taken to be twice as
    wide and high as its centre point. Raises ValueError, in words, for whatever is not as 3DPW has it.
    """
    if joints not in content:
        raise ValueError(f"it has no '{joints}'.")
    people = content[joints]
    if not isinstance(people, (list, np.ndarray)) or not len(people):
        raise ValueError(f"'{joints}' should hold an array for each person.")
    if person >= len(people):
        raise ValueError(f"it shows {len(people)} people, numbers 0 to {len(people) - 1}; there is no person {person}.")
    read = _detected if joints == DETECTED else _projected
    labels = read(content, people[person], person)
    if "cam_intrinsics" in content:
        labels.sizes[:] = 2 * _intrinsics(content)[:2, 2]
    return to_openpose(labels)


def _detected(content: dict, poses, person: int) -> PixelLabels:
    poses = _numbers(poses, "an array of 'poses2d'", (None, 3, 18))
    found = (poses[:, 2] > 0) & np.isfinite(poses).all(axis=1)
    labels = no_labels(len(poses), OPENPOSE_18.names)
    labels.xy[found] = poses[:, :2].transpose(0, 2, 1)[found]
    labels.score[found] = poses[:, 2][found].clip(0, 1)
    labels.visible[:] = found
    return labels


def _projected(content: dict, joints, person: int) -> PixelLabels:
    joints = _numbers(joints, "an array of 'jointPositions'", (None, 72)).reshape(-1, 24, 3)
    frames = len(joints)
    cameras = _numbers(content.get("cam_poses"), "'cam_poses'", (frames, 4, 4))
    valid = content.get("campose_valid")
    if not isinstance(valid, (list, np.ndarray)) or person >= len(valid):
        raise ValueError("'campose_valid' should hold an array for each person.")
    valid = _numbers(valid[person], "an array of 'campose_valid'", (frames,)) > 0
    seen = np.einsum("fij,fkj->fki", cameras[:, :3, :3], joints) + cameras[:, None, :3, 3]
    pixels = np.einsum("ij,fkj->fki", _intrinsics(content), seen)
    # Behind the camera nothing can be seen, though the division would give it a place.
    shown = valid[:, None] & (seen[..., 2] > 0) & np.isfinite(pixels).all(axis=-1)
    labels = no_labels(frames, SMPL_24)
    labels.xy[shown] = pixels[shown][:, :2] / pixels[shown][:, 2:]
    labels.score[shown] = 1
    labels.visible[:] = shown
    return labels


def _intrinsics(content: dict) -> np.ndarray:
    matrix = _numbers(content.get("cam_intrinsics"), "'cam_intrinsics'", (3, 3))
    if not np.isfinite(matrix).all() or (matrix[:2, 2] < 1).any() or (matrix[:2, 2] > 1e6).any():
        raise ValueError("'cam_intrinsics' should have the picture's centre, in pixels, in its last column.")
    return matrix


def _numbers(value, what: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """An array of numbers of that shape, float64; None in the shape is any number but 0."""
    expected = " x ".join("any" if side is None else str(side) for side in shape)
    try:
        array = np.asarray(value)
    except ValueError:  # lists of unequal lengths
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{what} should be numbers, {expected}.")
    fits = array.ndim == len(shape) and all(
        got and side in (None, got) for side, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{what} should be {expected} numbers, but is {' x '.join(map(str, array.shape))}.")
    return array.astype(np.float64)
