"""The OpenPose control image: people as coloured ellipses and discs on black, as pose ControlNets were trained on."""

from colorsys import hsv_to_rgb

import numpy as np
import torch

from ..attention.canvas import paint_disc, paint_ellipse, paint_line
from .pose_frames import DRAWN_FROM, PoseFrame, read_frames
from .skeletons import OPENPOSE_18

# What pose ControlNets were trained on, at 512 x 512: limbs that reach 4 pixels to each side of the pixels under
# them, joints of radius 4, lines of fingers 3 across, points of the face of radius 3.
_STANDARD_ACROSS, _STANDARD_SIDE = 9, 512
_JOINT, _FINGER, _FACE = 8 / 9, 3 / 9, 6 / 9  # across, of a limb
_FINGERS = tuple((0 if k % 4 == 1 else k - 1, k) for k in range(1, 21))  # four limbs each, from the wrist outwards
_FINGER_COLOURS = tuple(hsv_to_rgb(i / len(_FINGERS), 1, 1) for i in range(len(_FINGERS)))
_HAND_COLOUR, _FACE_COLOUR = (0, 0, 1), (1, 1, 1)
_LANDMARKS = 68  # of the face; the pupils after them are the eyes of the body again


def draw_pose(
    frames: list | dict,
    width: int | None = None,
    height: int | None = None,
    *,
    line_width: float | None = None,
    min_score: float = DRAWN_FROM,
) -> torch.Tensor:
    """Draw every person of every frame, limbs in their order and joints over them, later people over earlier ones.

    Hands and faces are drawn where frames of others have them.

    frames         B frames of POSE_KEYPOINT, in either dialect (see pose_frames)
    width, height  pixels of the pictures; None for the first frame's canvas. Points are scaled from their canvas
    line_width     pixels across a limb in its middle, 2 s + 1 for the host drawer's stick_width s; joints are in
                   proportion. None for the standard 9 of a picture of 512 x 512, and in proportion for others
    min_score      points of a lower score are not drawn

    The n-th limb and the n-th joint have the n-th of the usual 18 colours. Joints and fingers outside the picture are
    not drawn, as in the host's drawer. Edges are smooth. Returns [B, height, width, 3] float32 in 0..1.
    Raises ValueError when the frames are broken.
    """
    found = read_frames(frames)
    width, height = width or round(found[0].width), height or round(found[0].height)
    line_width = line_width or standard_line_width(width, height)
    pictures = np.zeros((len(found), height, width, 3), dtype=np.float32)
    for canvas, frame in zip(pictures, found, strict=True):
        for person in frame.people:
            points = {part: _to_draw(triples, frame, canvas, min_score) for part, triples in person.items()}
            _draw_body(canvas, points["pose_keypoints_2d"], line_width)
            _draw_hand(canvas, points["hand_right_keypoints_2d"], line_width)
            _draw_hand(canvas, points["hand_left_keypoints_2d"], line_width)
            _draw_discs(canvas, points["face_keypoints_2d"][:_LANDMARKS], _FACE * line_width, _FACE_COLOUR)
    return torch.from_numpy(pictures)


def standard_line_width(width: int, height: int) -> float:
    """Pixels across a limb: what ControlNets were trained on at 512 x 512, in proportion."""
    return _STANDARD_ACROSS / _STANDARD_SIDE * (width * height) ** 0.5


def _to_draw(triples: np.ndarray, frame: PoseFrame, canvas: np.ndarray, min_score: float) -> np.ndarray:
    """Places [K, 2] on the canvas, NaN for points that are not drawn."""
    scale = (canvas.shape[1] / frame.width, canvas.shape[0] / frame.height)
    drawn = (triples[:, 2] > 0) & (triples[:, 2] >= min_score)
    return np.where(drawn[:, None], triples[:, :2] * scale, np.nan)


def _draw_body(canvas: np.ndarray, places: np.ndarray, line_width: float) -> None:
    for (i, j), colour in zip(OPENPOSE_18.limbs, OPENPOSE_18.colours, strict=False):  # no limb has the last colour
        if np.hypot(*(places[i] - places[j])) >= 1:  # not so of NaN
            paint_ellipse(canvas, places[i], places[j], line_width, colour)
    for place, colour in zip(places, OPENPOSE_18.colours, strict=True):
        _draw_discs(canvas, place[None], _JOINT * line_width, colour)


def _draw_hand(canvas: np.ndarray, places: np.ndarray, line_width: float) -> None:
    inside = _inside(canvas, places)
    for (i, j), colour in zip(_FINGERS, _FINGER_COLOURS, strict=True):
        if inside[i] and inside[j]:
            paint_line(canvas, places[i], places[j], _FINGER * line_width, colour)
    _draw_discs(canvas, places, _JOINT * line_width, _HAND_COLOUR)


def _draw_discs(canvas: np.ndarray, places: np.ndarray, across: float, colour) -> None:
    for place in places[_inside(canvas, places)]:
        paint_disc(canvas, place, across / 2, colour)


def _inside(canvas: np.ndarray, places: np.ndarray) -> np.ndarray:
    """[K] bool, whether places [K, 2] are in the picture; not so of NaN."""
    return ((places >= 0) & (places < (canvas.shape[1], canvas.shape[0]))).all(axis=1)
