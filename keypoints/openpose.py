"""OpenPose files: people in JSON, one frame or a list of frames, in pixels or in parts of width and height."""

import numpy as np

from .joint_names import BODY_25, to_openpose
from .json_fields import as_list, as_number, as_object, as_triples
from .pixel_labels import PixelLabels, no_labels
from .skeletons import OPENPOSE_18

_BODIES = {len(names): names for names in (OPENPOSE_18.names, BODY_25)}
# Coordinates up to this are parts of width and height, not pixels: nobody fits into the first two pixels of a
# picture, but a joint may lie a little outside it.
_LARGEST_PART = 2.0


def is_openpose(content) -> bool:
    frames = content if isinstance(content, list) else [content]
    return bool(frames) and isinstance(frames[0], dict) and "people" in frames[0]


def read_openpose(content: dict | list, person: int) -> PixelLabels:
    """One person of every frame; 18 or 25 joints, which become OpenPose-18's and, of 25, the feet after them.

    person  0 for the first in each frame, as the file has them

    A score of 0 is not labelled. A frame's size is its canvas_width and canvas_height, where they are. Coordinates
    that are all at most 2 are parts of width and height, as some ControlNet nodes write them.
    Raises ValueError, in words, for whatever is not as OpenPose has it.
    """
    frames = [as_object(frame, "a frame") for frame in (content if isinstance(content, list) else [content])]
    bodies = [_body(frame, person) for frame in frames]
    joints = {len(body) for body in bodies if body is not None}
    if not joints:
        raise ValueError(f"no frame has a body of person {person}, counted from 0.")
    if len(joints) > 1 or not joints <= set(_BODIES):
        raise ValueError(
            f"a body should have 18 or 25 joints, the same in every frame; got {', '.join(map(str, sorted(joints)))}."
        )
    labels = no_labels(len(frames), _BODIES[joints.pop()])
    for b, (frame, body) in enumerate(zip(frames, bodies, strict=True)):
        sides = ("canvas_width", "canvas_height")
        if any(side in frame for side in sides):
            labels.sizes[b] = [as_number(frame.get(side), f"'{side}'", 1) for side in sides]
        if body is not None:
            found = body[:, 2] > 0
            labels.xy[b, found] = body[found, :2]
            labels.score[b] = body[:, 2].clip(0, 1)
            labels.visible[b] = found
    if np.nanmax(np.abs(labels.xy), initial=0) <= _LARGEST_PART:
        labels.sizes[:] = 1
    return to_openpose(labels)


def _body(frame: dict, person: int) -> np.ndarray | None:
    """[K, 3] of a person in a frame, or None where the frame has no such person or only their hands or face."""
    people = as_list(frame.get("people"), "a frame's 'people'")
    if person >= len(people):
        return None
    points = as_object(people[person], "a person").get("pose_keypoints_2d")
    return as_triples(points, "'pose_keypoints_2d'") if points else None
