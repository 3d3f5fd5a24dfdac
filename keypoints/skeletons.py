"""Known skeletons as data: names of joints, the limbs between them, and their usual colours."""

from typing import NamedTuple


class Skeleton(NamedTuple):
    """names: K joints. limbs: pairs of indices, inner joint first. colours: [K] sRGB triples in 0..1."""

    names: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    colours: tuple[tuple[float, float, float], ...]


def _limbs(names: tuple[str, ...], *chains: str) -> tuple[tuple[int, int], ...]:
    """Chains of joints, each written outwards from the body, as pairs of indices."""
    index = {name: i for i, name in enumerate(names)}
    joints = [[index[name] for name in chain.split()] for chain in chains]
    return tuple(pair for chain in joints for pair in zip(chain, chain[1:], strict=False))


_OPENPOSE_NAMES = tuple(
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist "
    "right_hip right_knee right_ankle left_hip left_knee left_ankle "
    "right_eye left_eye right_ear left_ear".split()
)
# The rainbow of the OpenPose drawings that pose ControlNets were trained on: full saturation, 18 hues.
_OPENPOSE_RGB = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0),
    (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255),
    (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
)  # fmt: skip

OPENPOSE_18 = Skeleton(
    names=_OPENPOSE_NAMES,
    # In the order of the OpenPose drawings, where the n-th limb has the n-th colour.
    limbs=_limbs(
        _OPENPOSE_NAMES,
        "neck right_shoulder",
        "neck left_shoulder",
        "right_shoulder right_elbow right_wrist",
        "left_shoulder left_elbow left_wrist",
        "neck right_hip right_knee right_ankle",
        "neck left_hip left_knee left_ankle",
        "neck nose",
        "nose right_eye right_ear",
        "nose left_eye left_ear",
    ),
    colours=tuple((r / 255, g / 255, b / 255) for r, g, b in _OPENPOSE_RGB),
)

_FIGURE_NAMES = tuple(
    "head neck right_shoulder right_elbow right_hand left_shoulder left_elbow left_hand "
    "right_hip right_knee right_foot left_hip left_knee left_foot".split()
)

# The drawn figures of the demo: the first 14 joints of OpenPose, named after what the figures show.
FIGURE_14 = Skeleton(
    names=_FIGURE_NAMES,
    limbs=_limbs(
        _FIGURE_NAMES,
        "neck head",
        "neck right_shoulder right_elbow right_hand",
        "neck left_shoulder left_elbow left_hand",
        "neck right_hip right_knee right_foot",
        "neck left_hip left_knee left_foot",
    ),
    colours=OPENPOSE_18.colours[:14],
)

_COCO_NAMES = tuple(
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow "
    "left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle".split()
)

COCO_17 = Skeleton(
    names=_COCO_NAMES,
    # The 19 limbs of COCO's own annotations; without a neck, the trunk is a box.
    limbs=_limbs(
        _COCO_NAMES,
        "left_hip left_knee left_ankle",
        "right_hip right_knee right_ankle",
        "left_hip right_hip",
        "left_shoulder left_hip",
        "right_shoulder right_hip",
        "left_shoulder right_shoulder",
        "left_shoulder left_elbow left_wrist",
        "right_shoulder right_elbow right_wrist",
        "left_eye right_eye",
        "nose left_eye left_ear",
        "nose right_eye right_ear",
        "left_ear left_shoulder",
        "right_ear right_shoulder",
    ),
    colours=tuple(OPENPOSE_18.colours[_OPENPOSE_NAMES.index(name)] for name in _COCO_NAMES),
)

_COLOUR_OF = {
    name: colour
    for skeleton in (OPENPOSE_18, FIGURE_14)
    for name, colour in zip(skeleton.names, skeleton.colours, strict=True)
}


def usual_colours(names: tuple[str, ...]) -> list[tuple[float, float, float]] | None:
    """The usual colours of these joints, or None when one of the names is not a joint of a known skeleton."""
    return [_COLOUR_OF[name] for name in names] if set(names) <= set(_COLOUR_OF) else None


def other_side(names: tuple[str, ...]) -> tuple[int, ...]:
    """For each joint the index of its partner, left_knee for right_knee; its own where it has none."""
    index = {name: i for i, name in enumerate(names)}
    partners = []
    for i, name in enumerate(names):
        side, middle, rest = name.partition("_") if "_" in name else name.partition(" ")
        opposite = {"left": "right", "right": "left"}.get(side, side)
        partners.append(index.get(opposite + middle + rest, i))
    return tuple(partners)
