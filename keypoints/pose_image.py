"""The OpenPose control image: people as coloured ellipses and discs on black, as pose ControlNets were trained on."""

import numpy as np
import torch

from ..attention.canvas import paint_disc, paint_ellipse
from .pose_frames import BODY, DRAWN_FROM, read_frames
from .skeletons import OPENPOSE_18

# The drawings for training have ellipses of 4 pixels to each side of the pixels under a limb, and discs of radius 4.
_STANDARD_ACROSS, _STANDARD_SIDE = 9, 512
_JOINT_TO_LIMB = 8 / 9


def draw_pose(
    frames: list | dict,
    width: int | None = None,
    height: int | None = None,
    *,
    line_width: float | None = None,
    min_score: float = DRAWN_FROM,
) -> torch.Tensor:
    """Draw every person of every frame, limbs in their order and joints over them, later people over earlier ones.

    frames         B frames of POSE_KEYPOINT, in either dialect (see pose_frames)
    width, height  pixels of the pictures; None for the first frame's canvas. Points are scaled from their canvas
    line_width     pixels across a limb in its middle, 2 s + 1 for the host drawer's stick_width s; joints are in
                   proportion. None for the standard 9 of a picture of 512 x 512, and in proportion for others
    min_score      points of a lower score are not drawn

    The n-th limb and the n-th joint have the n-th of the usual 18 colours. A joint whose centre is outside the
    picture is not drawn, as in the host's drawer. Edges are smooth. Returns [B, height, width, 3] float32 in 0..1.
    Raises ValueError when the frames are broken.
    """
    found = read_frames(frames)
    width, height = width or round(found[0].width), height or round(found[0].height)
    line_width = line_width or standard_line_width(width, height)
    pictures = np.zeros((len(found), height, width, 3), dtype=np.float32)
    for canvas, frame in zip(pictures, found, strict=True):
        for person in frame.people:
            places = person[BODY][:, :2] * (width / frame.width, height / frame.height)
            _draw_body(canvas, places, person[BODY][:, 2] >= max(min_score, 1e-6), line_width)
    return torch.from_numpy(pictures)


def standard_line_width(width: int, height: int) -> float:
    """Pixels across a limb: what ControlNets were trained on at 512 x 512, in proportion."""
    return _STANDARD_ACROSS / _STANDARD_SIDE * (width * height) ** 0.5


def _draw_body(canvas: np.ndarray, places: np.ndarray, drawn: np.ndarray, line_width: float) -> None:
    """The limbs and joints of one person: places [18, 2] in pixels, drawn [18] bool."""
    height, width = canvas.shape[:2]
    for (i, j), colour in zip(OPENPOSE_18.limbs, OPENPOSE_18.colours, strict=False):  # no limb has the last colour
        if drawn[i] and drawn[j] and np.hypot(*(places[i] - places[j])) >= 1:
            paint_ellipse(canvas, places[i], places[j], line_width, colour)
    for place, colour in zip(places[drawn], np.array(OPENPOSE_18.colours)[drawn], strict=True):
        if 0 <= place[0] < width and 0 <= place[1] < height:
            paint_disc(canvas, place, _JOINT_TO_LIMB * line_width / 2, colour)
