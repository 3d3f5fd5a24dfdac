"""Drawn, articulated figures with exactly known joints: the pictures of the demo world.

A figure faces the viewer, so its right side is on the viewer's left. It wears sixteen parts, each in
one of eight colours; fourteen of the parts sit on a joint. A seed gives the same picture for ever.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

SIZE = 256

COLOURS = {
    "red": (214, 40, 44),
    "orange": (240, 134, 30),
    "yellow": (246, 214, 52),
    "green": (52, 158, 66),
    "cyan": (64, 196, 210),
    "blue": (38, 78, 196),
    "purple": (128, 52, 168),
    "pink": (244, 140, 184),
}

JOINTS = (
    "head", "neck",
    "right_shoulder", "right_elbow", "right_hand",
    "left_shoulder", "left_elbow", "left_hand",
    "right_hip", "right_knee", "right_foot",
    "left_hip", "left_knee", "left_foot",
)  # fmt: skip

# Every part and the joint it sits on; hat and shirt have a centre but no joint.
PARTS = {
    "hat": None,
    "head": "head",
    "scarf": "neck",
    "shirt": None,
    "right sleeve": "right_shoulder",
    "right elbow": "right_elbow",
    "right glove": "right_hand",
    "left sleeve": "left_shoulder",
    "left elbow": "left_elbow",
    "left glove": "left_hand",
    "right hip": "right_hip",
    "right knee": "right_knee",
    "right shoe": "right_foot",
    "left hip": "left_hip",
    "left knee": "left_knee",
    "left shoe": "left_foot",
}

SUITS = ((236, 200, 170), (198, 148, 110), (130, 88, 60), (92, 94, 104), (210, 210, 214), (52, 54, 62))


@dataclass(frozen=True)
class Figure:
    """One drawn picture and everything that is true of it.

    picture  [S, S, 3] uint8
    joints   [14, 2] float32, (x, y) in 0..1 of width and height, in the order of JOINTS; may lie outside
    visible  [14] bool, False where the joint is outside the picture or something is drawn over it
    centres  [16, 2] float32, where each part of PARTS is: its joint, or the middle of hat and shirt
    colours  the colour name of each part, in the order of PARTS
    """

    picture: np.ndarray
    joints: np.ndarray
    visible: np.ndarray
    centres: np.ndarray
    colours: tuple[str, ...]


def draw_figure(seed: int, size: int = SIZE) -> Figure:
    """Draw the figure of a seed at size x size pixels (supersampled twice)."""
    rng = np.random.default_rng([seed, 20240618])
    colours = tuple(rng.choice(list(COLOURS), len(PARTS)))
    points = _pose(rng)
    canvas = _Canvas(size)
    _background(canvas, rng)
    _body(canvas, rng, points, dict(zip(PARTS, colours, strict=True)))
    if rng.random() < 0.35:
        _foreground(canvas, rng, points)

    joints = np.stack([points[name] for name in JOINTS]).astype(np.float32)
    part_of = {joint: part for part, joint in PARTS.items() if joint}
    visible = np.array([canvas.top_at(points[name]) == part_of[name] for name in JOINTS])
    centres = np.stack([points[joint or part] for part, joint in PARTS.items()]).astype(np.float32)
    return Figure(canvas.picture(), joints, visible, centres, colours)


def _direction(degrees):
    """Unit vector; 0 points down, positive turns to the viewer's right."""
    angle = np.deg2rad(degrees)
    return np.array([np.sin(angle), np.cos(angle)])


def _pose(rng):
    """Joint positions in 0..1 of the picture, by forward kinematics from the hips up and down."""
    scale = rng.uniform(0.74, 0.95)
    lean = rng.uniform(-14, 14)
    up, across = -_direction(-lean), np.array([np.cos(np.deg2rad(lean)), np.sin(np.deg2rad(lean))])
    points = {"pelvis": np.zeros(2)}
    points["neck"] = up * 0.30
    points["head"] = points["neck"] - _direction(-lean + rng.uniform(-14, 14)) * 0.125
    points["hat"] = points["head"] + (points["head"] - points["neck"]) / 0.125 * 0.085
    points["shirt"] = up * 0.16
    for side, sign in (("right", -1), ("left", 1)):
        shoulder = up * 0.262 + across * sign * 0.132
        hip = across * sign * 0.072
        # Mostly outward; sometimes across the body, so that limbs hide each other.
        arm = rng.uniform(8, 140) if rng.random() < 0.85 else rng.uniform(-35, 10)
        bend = rng.uniform(-30, 95) if arm > 25 else rng.uniform(-20, 110)
        leg = rng.uniform(-4, 42)
        knee_bend = rng.uniform(-62, 30) if leg > 10 else rng.uniform(-20, 20)
        elbow = shoulder + _direction(sign * arm - lean) * 0.178
        knee = hip + _direction(sign * leg - lean * 0.5) * 0.205
        points[f"{side}_shoulder"], points[f"{side}_hip"] = shoulder, hip
        points[f"{side}_elbow"], points[f"{side}_knee"] = elbow, knee
        points[f"{side}_hand"] = elbow + _direction(sign * (arm + bend) - lean) * 0.168
        points[f"{side}_foot"] = knee + _direction(sign * (leg + knee_bend) - lean * 0.5) * 0.200
    everything = np.stack(list(points.values()))
    low, high = everything.min(0) * scale - 0.08, everything.max(0) * scale + 0.08
    # Anywhere it fits; where it does not fit, centred, and one in twelve is cut by the border.
    slack = np.maximum(1 - (high - low), 0)
    start = np.where(slack > 0, rng.random(2) * slack, (1 - (high - low)) / 2)
    if rng.random() < 1 / 12:
        start = start + rng.uniform(-0.18, 0.18, 2)
    points = {name: point * scale - low + start for name, point in points.items()}
    points["scale"] = scale
    return points


def _background(canvas, rng):
    base = rng.uniform(70, 235) + rng.uniform(-26, 26, 3)
    canvas.gradient(base, base + rng.uniform(-45, 45) + rng.uniform(-14, 14, 3), rng.random() < 0.5)
    if rng.random() < 0.5:
        horizon = rng.uniform(0.55, 0.95)
        canvas.polygon([(0, horizon), (1, horizon), (1, 1), (0, 1)], base * rng.uniform(0.6, 0.95))
    for _ in range(rng.integers(0, 7)):
        grey = rng.uniform(60, 220)
        colour = grey + rng.uniform(-60, 60, 3)
        centre, extent = rng.random(2), rng.uniform(0.03, 0.16, 2)
        _clutter(canvas, rng, centre, extent, colour, "clutter")


def _clutter(canvas, rng, centre, extent, colour, owner):
    kind = rng.integers(4)
    if kind == 0:
        canvas.ellipse(centre, extent, colour, owner)
    elif kind == 1:
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * extent
        canvas.polygon(centre + _turn(corners, rng.uniform(0, 90)), colour, owner)
    elif kind == 2:
        corners = np.array([(0, -1), (1, 1), (-1, 1)]) * extent
        canvas.polygon(centre + _turn(corners, rng.uniform(0, 360)), colour, owner)
    else:
        end = centre + _direction(rng.uniform(0, 360)) * extent.max() * 2
        canvas.capsule(centre, end, rng.uniform(0.006, 0.02), colour, owner)


def _foreground(canvas, rng, points):
    """Something in front of the figure, near one of its joints, so that hidden joints exist."""
    near = points[JOINTS[rng.integers(len(JOINTS))]] + rng.normal(0, 0.03, 2)
    grey = rng.uniform(60, 220)
    _clutter(canvas, rng, near, rng.uniform(0.05, 0.10, 2), grey + rng.uniform(-60, 60, 3), "foreground")


def _turn(corners, degrees):
    angle = np.deg2rad(degrees)
    return corners @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _body(canvas, rng, points, wears):
    scale = points["scale"]
    paint = {part: np.array(COLOURS[name]) + rng.uniform(-14, 14, 3) for part, name in wears.items()}
    suit = np.array(SUITS[rng.integers(len(SUITS))]) + rng.uniform(-10, 10, 3)

    def arm(side):
        shoulder, elbow, hand = (points[f"{side}_{name}"] for name in ("shoulder", "elbow", "hand"))
        canvas.capsule(shoulder, elbow, 0.030 * scale, suit, f"{side} arm")
        canvas.capsule(elbow, hand, 0.027 * scale, suit, f"{side} arm")
        half = shoulder + (elbow - shoulder) * 0.42
        canvas.capsule(shoulder, half, 0.052 * scale, paint[f"{side} sleeve"], f"{side} sleeve")
        canvas.disc(elbow, 0.042 * scale, paint[f"{side} elbow"], f"{side} elbow")
        _glove(canvas, hand, (hand - elbow) / np.linalg.norm(hand - elbow), side, paint[f"{side} glove"], scale)

    def leg(side):
        hip, knee, foot = (points[f"{side}_{name}"] for name in ("hip", "knee", "foot"))
        canvas.capsule(hip, knee, 0.038 * scale, suit, f"{side} leg")
        canvas.capsule(knee, foot, 0.034 * scale, suit, f"{side} leg")
        half = hip + (knee - hip) * 0.38
        canvas.capsule(hip, half, 0.064 * scale, paint[f"{side} hip"], f"{side} hip")
        canvas.disc(knee, 0.050 * scale, paint[f"{side} knee"], f"{side} knee")
        out = np.array([-1.0 if side == "right" else 1.0, 0.0]) * 0.042 * scale
        canvas.capsule(foot - out * 0.4, foot + out, 0.048 * scale, paint[f"{side} shoe"], f"{side} shoe")

    sides = ["right", "left"] if rng.random() < 0.5 else ["left", "right"]
    behind = [side for side in sides if rng.random() < 0.12]
    for side in behind:
        arm(side)
    for side in sides[::-1]:
        leg(side)
    shoulders = [points["right_shoulder"], points["left_shoulder"]]
    hips = [points["left_hip"], points["right_hip"]]
    waist = [hip + (points["shirt"] - points["pelvis"]) * 0.44 for hip in hips]
    canvas.polygon([*shoulders, *waist], paint["shirt"], "shirt", 0.045 * scale)
    badge = points["left_shoulder"] * 0.5 + points["shirt"] * 0.5
    canvas.disc(badge, 0.022 * scale, np.array([250, 250, 250]), "shirt")
    canvas.capsule(points["neck"] + (points["head"] - points["neck"]) * 0.3, points["neck"],
                   0.030 * scale, suit, "throat")  # fmt: skip
    across = (points["left_shoulder"] - points["right_shoulder"]) * 0.13
    canvas.capsule(points["neck"] - across, points["neck"] + across, 0.040 * scale, paint["scarf"], "scarf")
    _head(canvas, points, paint, scale)
    for side in sides:
        if side not in behind:
            arm(side)


def _glove(canvas, hand, along, side, colour, scale):
    """A palm on the hand's joint, three fingers and a thumb, so that a hand is not one more disc."""
    canvas.disc(hand, 0.060 * scale, colour, f"{side} glove")
    thumb = -70 if side == "right" else 70
    for turn, reach in ((-24, 0.106), (0, 0.112), (24, 0.106), (thumb, 0.098)):
        tip = hand + _turn(along[None], turn)[0] * reach * scale
        canvas.capsule(hand, tip, 0.015 * scale, colour, f"{side} glove")


def _head(canvas, points, paint, scale):
    head = points["head"]
    up = (points["hat"] - head) / np.linalg.norm(points["hat"] - head) * scale
    across = np.array([-up[1], up[0]])
    canvas.disc(head, 0.082 * scale, paint["head"], "head")
    for sign in (-1, 1):
        canvas.disc(head + across * sign * 0.030 + up * 0.006, 0.013 * scale, np.array([250, 250, 250]), "head")
        canvas.disc(head + across * sign * 0.030 + up * 0.004, 0.007 * scale, np.array([20, 20, 24]), "head")
    canvas.capsule(head - across * 0.026 - up * 0.040, head + across * 0.026 - up * 0.040, 0.006 * scale,
                   np.array([90, 20, 24]), "head")  # fmt: skip
    brim = head + up * 0.050
    canvas.polygon([brim - across * 0.070, brim + across * 0.070, brim + across * 0.046 + up * 0.085,
                    brim - across * 0.046 + up * 0.085], paint["hat"], "hat", 0.004 * scale)  # fmt: skip
    canvas.capsule(brim - across * 0.098, brim + across * 0.098, 0.016 * scale, paint["hat"], "hat")


class _Canvas:
    """Draws in 0..1 coordinates, antialiased, and remembers which owner is on top at every pixel."""

    FACTOR = 2

    def __init__(self, size):
        self.size = size
        self.big = size * self.FACTOR
        self.owners = ["background"]
        self.on_top = Image.new("I", (self.big, self.big), 0)
        self.image = Image.new("RGB", (self.big, self.big))
        self._start()

    def _start(self):
        self.pencils = ImageDraw.Draw(self.image), ImageDraw.Draw(self.on_top)

    def picture(self):
        return np.asarray(self.image.reduce(self.FACTOR))

    def top_at(self, point):
        """Name of what is drawn last at a point, or None outside the picture."""
        x, y = np.floor(np.asarray(point) * self.big).astype(int)
        if not (0 <= x < self.big and 0 <= y < self.big):
            return None
        return self.owners[self.on_top.getpixel((int(x), int(y)))]

    def gradient(self, first, second, vertical):
        ramp = np.linspace(0, 1, self.big)[:, None]
        line = np.clip(first + (second - first) * ramp, 0, 255)
        pixels = np.broadcast_to(line[:, None] if vertical else line[None], (self.big, self.big, 3))
        self.image = Image.fromarray(pixels.astype(np.uint8))
        self._start()

    def _fills(self, colour, owner):
        if owner not in self.owners:
            self.owners.append(owner)
        shade = tuple(int(value) for value in np.clip(colour, 0, 255))
        return zip(self.pencils, (shade, self.owners.index(owner)), strict=True)

    def _box(self, centre, extent):
        low, high = (np.asarray(centre) - extent) * self.big, (np.asarray(centre) + extent) * self.big
        return [tuple(low), tuple(high)]

    def ellipse(self, centre, extent, colour, owner):
        for pencil, fill in self._fills(colour, owner):
            pencil.ellipse(self._box(centre, extent), fill=fill)

    def disc(self, centre, radius, colour, owner):
        self.ellipse(centre, np.array([radius, radius]), colour, owner)

    def capsule(self, start, end, radius, colour, owner):
        along = end - start
        length = np.linalg.norm(along)
        side = np.array([-along[1], along[0]]) / max(length, 1e-9) * radius
        corners = [tuple(corner * self.big) for corner in (start + side, end + side, end - side, start - side)]
        for pencil, fill in self._fills(colour, owner):
            pencil.polygon(corners, fill=fill)
            for point in (start, end):
                pencil.ellipse(self._box(point, np.array([radius, radius])), fill=fill)

    def polygon(self, corners, colour, owner="background", rounding=0.0):
        pixels = [tuple(np.asarray(corner) * self.big) for corner in corners]
        for pencil, fill in self._fills(colour, owner):
            pencil.polygon(pixels, fill=fill)
        if rounding:
            for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
                self.capsule(np.asarray(start), np.asarray(end), rounding, colour, owner)
