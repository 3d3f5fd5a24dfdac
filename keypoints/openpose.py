"""OpenPose files: people in JSON, one frame or a list of frames, in pixels or in parts of width and height."""

import numpy as np

from .joint_map import usual_joints
from .joint_names import BODY_25, spell, to_openpose
from .json_fields import as_list, as_number, as_object, as_triples
from .pixel_labels import LEAST_SCORE, PixelLabels, no_labels
from .skeletons import OPENPOSE_18

_BODIES = {len(names): names for names in (OPENPOSE_18.names, BODY_25)}
_FURTHER = set(BODY_25) - set(OPENPOSE_18.names)
# Coordinates up to this are parts of width and height, not pixels: nobody fits into the first two pixels of a
# picture, but a joint may lie a little outside it.
_LARGEST_PART = 2.0
# What write_openpose adds to each frame, so that such coordinates of its own are known to be pixels.
_PIXELS = {"coordinates": "pixels"}


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
    if not any(frame["people"] for frame in frames):
        joints = {len(OPENPOSE_18.names)}  # nobody is there, which is no mistake of whoever asks for a person
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
    pixels = all(_PIXELS.items() <= frame.items() for frame in frames)
    if not pixels and np.nanmax(np.abs(labels.xy), initial=0) <= _LARGEST_PART:
        labels.sizes[np.isnan(labels.sizes)] = 1
        labels.xy[:] *= labels.sizes[:, None]
    return to_openpose(labels)


def write_openpose(labels: PixelLabels) -> list[dict]:
    """A frame for each picture, as the OpenPose program writes it, with the size of the picture added.

    Keypoints take the places of OpenPose's joints by name (joint_map.usual_joints), of 18 or, with feet, of 25.
    The format cannot say that a point is hidden; its score is kept, in 0..1. Raises ValueError for keypoints that
    have no place in it.
    """
    joint_of = usual_joints(labels.names)
    joint_of |= {name: spell(name) for name in labels.names if name not in joint_of and spell(name) in _FURTHER}
    homeless = [name for name in labels.names if name not in joint_of]
    if homeless or len(set(joint_of.values())) < len(joint_of):
        few = ", ".join((homeless or labels.names)[:10])
        raise ValueError(
            f"OpenPose has one place for each of its own joints only, and none for these keypoints: {few}. Choose COCO "
            "or CSV, which have room for any, or bring them to OpenPose's joints with Keypoints to Pose and Pose to "
            "Keypoints first."
        )
    names = BODY_25 if set(joint_of.values()) & _FURTHER else OPENPOSE_18.names
    columns = [names.index(joint_of[name]) for name in labels.names]
    bodies = np.zeros((len(labels.xy), len(names), 3))
    there = labels.labelled
    bodies[:, columns, :2] = np.where(there[..., None], labels.xy.round(3), 0)
    bodies[:, columns, 2] = labels.score.round(6).clip(LEAST_SCORE, 1) * there
    return [
        {"version": 1.3, "people": [_person(body)] if body[:, 2].any() else []}
        | {"canvas_width": int(width), "canvas_height": int(height)}
        | _PIXELS
        for body, (width, height) in zip(bodies, labels.sizes, strict=True)
    ]


def _person(body: np.ndarray) -> dict:
    parts = [f"{part}_keypoints_{sides}d" for sides in (2, 3) for part in ("pose", "face", "hand_left", "hand_right")]
    return {"person_id": [-1]} | dict.fromkeys(parts, []) | {"pose_keypoints_2d": body.ravel().tolist()}


def _body(frame: dict, person: int) -> np.ndarray | None:
    """[K, 3] of a person in a frame, or None where the frame has no such person or only their hands or face."""
    people = as_list(frame.get("people"), "a frame's 'people'")
    if person >= len(people):
        return None
    points = as_object(people[person], "a person").get("pose_keypoints_2d")
    return as_triples(points, "'pose_keypoints_2d'") if points else None
