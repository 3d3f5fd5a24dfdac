"""Keypoints as POSE_KEYPOINT frames, and back."""

import numpy as np

from .keypoints import Keypoints
from .pose_frames import BODY, DRAWN_FROM, PoseFrame, no_points, read_frames, write_frames
from .skeletons import OPENPOSE_18

# Of hidden points: below what any drawer takes, and not 0, so that they are not lost.
_HIDDEN_SCORE = 0.25
_JOINT = {name: j for j, name in enumerate(OPENPOSE_18.names)}


def to_pose(
    keypoints: Keypoints,
    joint_of: dict[str, str],
    width: int,
    height: int,
    *,
    hidden: bool = False,
    min_score: float = 0.0,
) -> list[dict]:
    """Frames with one person each, for the host's pose nodes and controlnet_aux alike (see pose_frames).

    keypoints      of B pictures
    joint_of       {keypoint: joint of OpenPose-18}; other keypoints are left out
    width, height  pixels of the pictures
    hidden         draw hidden points as well; otherwise they have a score that no drawer takes
    min_score      points of a lower score are left out

    Where there is no neck it lies halfway between the shoulders, and is hidden where one of them is. A picture
    without any point has no people. Raises ValueError when joint_of names an unknown keypoint or joint.
    """
    if width < 1 or height < 1:
        raise ValueError(f"A pose needs a picture of at least one pixel, got {width} x {height}.")
    bodies = np.zeros((len(keypoints.xy), len(_JOINT), 3))
    found = (keypoints.labelled & (keypoints.score >= min_score)).numpy()
    drawn = keypoints.visible.numpy() | hidden
    places = keypoints.xy.double().numpy() * (width, height)
    for name, joint in joint_of.items():
        if name not in keypoints.names or joint not in _JOINT:
            raise ValueError(f'"{name}" = "{joint}" should be one of these keypoints and a joint of OpenPose-18.')
        k, point = keypoints.names.index(name), bodies[:, _JOINT[joint]]
        point[found[:, k], :2] = places[found[:, k], k]
        point[found[:, k], 2] = np.where(drawn[found[:, k], k], 1.0, _HIDDEN_SCORE)
    _add_necks(bodies)
    people = [[no_points() | {BODY: body}] if body[:, 2].any() else [] for body in bodies]
    return write_frames([PoseFrame(width, height, one) for one in people])


def from_pose(
    frames: list | dict,
    person: int = 0,
    *,
    size: tuple[int, int] | None = None,
    count: int | None = None,
) -> Keypoints:
    """The body of one person in every frame of either dialect, as the 18 joints of OpenPose.

    frames  see pose_frames.read_frames
    person  which one, from 0, in each frame's order; frames with fewer people have no points
    size    (width, height) of the pictures, if known: the canvas of frames that do not say theirs
    count   how many pictures there are, if known

    A point of score 0 is not labelled, and one that the host's drawer leaves out (below 0.3) is hidden. Points a
    little outside the picture are kept. Raises ValueError, in words, when the frames are broken or not those of the
    pictures, when no frame has that person, and when most points lie outside their canvas.
    """
    found = read_frames(frames, size)
    if count is not None and count != len(found):
        raise ValueError(f"The pose has {len(found)} frames, but {count} pictures came; connect those that it is of.")
    if person < 0:
        raise ValueError(f"People are counted from 0, got {person}.")
    bodies = np.zeros((len(found), len(_JOINT), 3))
    for b, frame in enumerate(found):
        if person < len(frame.people):
            bodies[b] = frame.people[person][BODY]
    labelled = bodies[..., 2] > 0
    if not labelled.any():
        most = max(len(frame.people) for frame in found)
        raise ValueError(
            f"The pose has no points of person {person}, counted from 0: its {len(found)} frames have at most "
            f"{most} people. Choose another person, or connect another pose."
        )
    sizes = np.array([(frame.width, frame.height) for frame in found])
    if size is not None:
        _check_proportions(sizes, size)
    xy = np.where(labelled[..., None], bodies[..., :2] / sizes[:, None], np.nan)
    outside = labelled & ~((xy >= 0) & (xy <= 1)).all(axis=-1)
    if 2 * outside.sum() > labelled.sum():
        raise ValueError(
            f"{outside.sum()} of {labelled.sum()} points lie outside their canvas, which is {sizes[0, 0]:g} x "
            f"{sizes[0, 1]:g} pixels in the first frame, so it is not the size of the pictures that the pose is of."
        )
    return Keypoints(
        xy=xy,
        score=bodies[..., 2].clip(0, 1),
        visible=bodies[..., 2] >= DRAWN_FROM,
        names=OPENPOSE_18.names,
        skeleton=OPENPOSE_18.limbs,
    )


def add_people(frames: list[dict], others: list | dict) -> list[dict]:
    """Frames with the people of others before their own, one frame of either serving all of the other.

    The others are brought to the frames' canvases. Raises ValueError when neither is one frame and they differ in
    number.
    """
    first, then = read_frames(others), read_frames(frames)
    if len(first) != len(then) and 1 not in (len(first), len(then)):
        raise ValueError(f"Got {len(first)} frames of other people for {len(then)} frames; connect as many, or one.")
    together = []
    for b in range(max(len(first), len(then))):
        one, other = then[b % len(then)], first[b % len(first)]
        scale = (one.width / other.width, one.height / other.height, 1)
        people = [{part: points * scale for part, points in person.items()} for person in other.people]
        together.append(PoseFrame(one.width, one.height, people + one.people))
    return write_frames(together)


def _check_proportions(sizes: np.ndarray, size: tuple[int, int]) -> None:
    """Whether canvases [B, 2] are resized pictures of that size. Both sides were rounded to whole pixels."""
    width, height = size
    skew = np.abs(sizes[:, 0] * height - sizes[:, 1] * width) / np.maximum(width, height)
    wrong = np.flatnonzero(skew > 0.02 * sizes.max(axis=1) + 1)
    if len(wrong):
        raise ValueError(
            f"The canvas of frame {wrong[0]} is {sizes[wrong[0], 0]:g} x {sizes[wrong[0], 1]:g} pixels, the picture "
            f"{width} x {height}: of other proportions, so points would be misplaced. Connect the pictures that "
            "the pose was found in, or none."
        )


def _add_necks(bodies: np.ndarray) -> None:
    """Necks between the shoulders of bodies [B, 18, 3], where they are missing and both shoulders are there."""
    left, right = bodies[:, _JOINT["left_shoulder"]], bodies[:, _JOINT["right_shoulder"]]
    neck = bodies[:, _JOINT["neck"]]
    missing = (neck[:, 2] == 0) & (left[:, 2] > 0) & (right[:, 2] > 0)
    neck[missing, :2] = (left[missing, :2] + right[missing, :2]) / 2
    neck[missing, 2] = np.minimum(left[missing, 2], right[missing, 2])
