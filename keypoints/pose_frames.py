"""POSE_KEYPOINT frames as the host's pose nodes and controlnet_aux hand them on: read as arrays, and written for both.

What both read is a list of frames: {"people": [person], "canvas_width": W, "canvas_height": H}, where a person has
every part of PARTS as one flat list of x, y, score. The host's nodes want each part whole and whole numbers for the
canvas, and draw points of score 0.3 and more; controlnet_aux takes points of score 1.0 alone, and any coordinates
that are all at most 1 for parts of width and height. So: all parts, zeros where there is no point, pixels, and score
1.0 for every point to be drawn.
"""

from dataclasses import dataclass

import numpy as np

from .json_fields import as_list, as_number, as_object, as_triples

# The joints of each part. The host calls a frame without one of the first four broken.
PARTS = {
    "pose_keypoints_2d": 18,
    "face_keypoints_2d": 70,
    "hand_left_keypoints_2d": 21,
    "hand_right_keypoints_2d": 21,
    "foot_keypoints_2d": 6,
}
BODY = "pose_keypoints_2d"
# The host's nodes draw points from this score on, unless told otherwise.
DRAWN_FROM = 0.3
# Coordinates up to this are parts of width and height, not pixels: nobody fits into the first two pixels of a
# picture, but a joint may lie a little outside it.
_LARGEST_PART = 2.0


@dataclass(frozen=True)
class PoseFrame:
    """The people of one picture.

    width, height  pixels of the canvas that the points lie on
    people         for each person {part: [joints, 3] float64}, x and y in pixels and the score; a row of zeros where
                   there is no point, and every part of PARTS
    """

    width: float
    height: float
    people: list[dict[str, np.ndarray]]


def read_frames(frames: list | dict, size: tuple[int, int] | None = None) -> list[PoseFrame]:
    """The frames of either dialect, or a single one.

    size  (width, height) of the canvas, for frames that do not say it

    Parts may be missing, None, or lists of triples. A point without a positive score, or that is no number, is
    missing. Coordinates that are all at most 2, in one part of all people and frames, are parts of width and height.
    Raises ValueError, in words, for anything else.
    """
    frames = [frames] if isinstance(frames, dict) else frames
    try:
        found = [_read_frame(as_object(frame, "a frame"), size) for frame in as_list(frames, "it")]
    except ValueError as problem:
        raise ValueError(f"The pose cannot be read: {problem}") from problem
    if not found:
        raise ValueError("The pose has no frames; connect an output that holds some.")
    for part in PARTS:
        points = [person[part] for frame in found for person in frame.people]
        if max((np.abs(array[:, :2]).max() for array in points), default=0) <= _LARGEST_PART:
            for frame in found:
                for person in frame.people:
                    person[part][:, :2] *= (frame.width, frame.height)
    return found


def write_frames(frames: list[PoseFrame]) -> list[dict]:
    """Frames as both dialects read them: plain numbers, every part whole."""
    return [
        {
            "people": [{part: person[part].ravel().tolist() for part in PARTS} for person in frame.people],
            "canvas_width": round(frame.width),
            "canvas_height": round(frame.height),
        }
        for frame in frames
    ]


def no_points() -> dict[str, np.ndarray]:
    """A person of whom no point is known."""
    return {part: np.zeros((joints, 3)) for part, joints in PARTS.items()}


def _read_frame(frame: dict, size: tuple[int, int] | None) -> PoseFrame:
    if "people" not in frame and "animals" in frame:
        raise ValueError("it holds animals, and only people have the joints of OpenPose.")
    sides = ("canvas_width", "canvas_height")
    if any(frame.get(side) is not None for side in sides):
        width, height = (as_number(frame.get(side), f"'{side}'", 1) for side in sides)
    elif size is not None:
        width, height = size
    else:
        raise ValueError("a frame does not say how large its picture is; connect the pictures.")
    people = [as_object(person, "a person") for person in as_list(frame.get("people"), "a frame's 'people'")]
    return PoseFrame(width, height, [_read_person(person) for person in people])


def _read_person(person: dict) -> dict[str, np.ndarray]:
    parts = no_points()
    for part, joints in PARTS.items():
        points = _read_points(person.get(part), part)
        # Of the face some have the 68 landmarks only, and others the pupils after them.
        if len(points) != joints and not (part == "face_keypoints_2d" and len(points) == 68) and len(points):
            raise ValueError(f"'{part}' should have {joints} points, x, y and score of each, but has {len(points)}.")
        parts[part][: len(points)] = points
    return parts


def _read_points(value, part: str) -> np.ndarray:
    """[K, 3], rows of zeros for missing points; K is 0 for a part that is missing."""
    if value is None:
        return np.zeros((0, 3))
    if isinstance(value, (np.ndarray, tuple)):
        value = np.asarray(value, dtype=float).tolist()
    if isinstance(value, list) and value and isinstance(value[0], (list, tuple)):
        value = [number for point in value for number in point]
    # What is not a number would pass the checks of ranges; its point is missing.
    numbers = as_list(value, f"'{part}'")
    holes = np.array([number != number for number in numbers], dtype=bool)
    points = as_triples([0 if hole else number for hole, number in zip(holes, numbers, strict=True)], f"'{part}'")
    points[holes.reshape(-1, 3).any(axis=1) | (points[:, 2] <= 0)] = 0
    return points
