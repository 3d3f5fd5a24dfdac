"""Joints of the usual human skeletons as files order them; how labels of them come to OpenPose's names and order."""

import re
from dataclasses import replace

import numpy as np

from . import skeletons
from .pixel_labels import PixelLabels
from .skeletons import OPENPOSE_18

COCO_17 = skeletons.COCO_17.names
BODY_25 = tuple(
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist mid_hip "
    "right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear "
    "left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel".split()
)
SMPL_24 = tuple(
    "pelvis left_hip right_hip spine1 left_knee right_knee spine2 left_ankle right_ankle spine3 left_foot right_foot "
    "neck left_collar right_collar head left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist "
    "left_hand right_hand".split()
)
_HUMAN = (OPENPOSE_18.names, COCO_17, BODY_25, SMPL_24)

# Limbs to the joints that OpenPose-18 lacks, inner joint first.
FURTHER_LIMBS = tuple(
    tuple(limb.split())
    for limb in (
        "neck head", "left_wrist left_hand", "right_wrist right_hand", "left_ankle left_foot", "right_ankle right_foot",
        "left_ankle left_heel", "right_ankle right_heel", "left_ankle left_big_toe", "right_ankle right_big_toe",
        "left_big_toe left_small_toe", "right_big_toe right_small_toe",
    )
)  # fmt: skip


def human_joints(names: tuple[str, ...]) -> tuple[str, ...] | None:
    """These names as this pack spells them, if together they are a human skeleton known here; else None.

    "LShoulder", "L_Shoulder", "left shoulder" and "left_shoulder" are one joint.
    """
    spelled = tuple(spell(name) for name in names)
    return spelled if any(sorted(spelled) == sorted(joints) for joints in _HUMAN) else None


def spell(name: str) -> str:
    """A joint's name as this pack spells it, whether or not there is such a joint: left_hip for "L Hip" or "LHip"."""
    apart = re.sub(r"^([LR])(?=[A-Z][a-z])", r"\1_", name)  # LHip, as OpenPose writes it
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", apart)
    apart = re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")
    apart = re.sub(r"^l_", "left_", re.sub(r"^r_", "right_", apart))
    return re.sub(r"_(?=\d)", "", apart)


def in_openpose_names(labels: PixelLabels) -> PixelLabels:
    """Labels of a human skeleton known here as to_openpose has them, all others as they are."""
    spelled = human_joints(labels.names)
    return to_openpose(replace(labels, names=spelled)) if spelled else labels


def to_openpose(labels: PixelLabels) -> PixelLabels:
    """Labels of a human skeleton, OpenPose-18's joints first and in its order, then what else there is.

    Where shoulders are given and the neck is not, as in COCO, the neck is halfway between them, visible where
    both are. Limbs are OpenPose's, and those to the further joints.
    """
    if "neck" not in labels.names and {"left_shoulder", "right_shoulder"} <= set(labels.names):
        labels = _with_neck(labels)
    index = {name: k for k, name in enumerate(labels.names)}
    names = [name for name in OPENPOSE_18.names if name in index]
    names += [name for name in labels.names if name not in OPENPOSE_18.names]
    columns = [index[name] for name in names]
    place = {name: k for k, name in enumerate(names)}
    limbs = [(OPENPOSE_18.names[i], OPENPOSE_18.names[j]) for i, j in OPENPOSE_18.limbs] + list(FURTHER_LIMBS)
    return replace(
        labels,
        xy=labels.xy[:, columns],
        score=labels.score[:, columns],
        visible=labels.visible[:, columns],
        names=tuple(names),
        skeleton=tuple((place[i], place[j]) for i, j in limbs if i in place and j in place),
    )


def _with_neck(labels: PixelLabels) -> PixelLabels:
    pair = [labels.names.index("left_shoulder"), labels.names.index("right_shoulder")]
    return replace(
        labels,
        # The mean of a number and NaN is NaN: with one shoulder only, the neck is not labelled.
        xy=np.concatenate([labels.xy, labels.xy[:, pair].mean(axis=1, keepdims=True)], axis=1),
        score=np.concatenate([labels.score, labels.score[:, pair].min(axis=1, keepdims=True)], axis=1),
        visible=np.concatenate([labels.visible, labels.visible[:, pair].all(axis=1, keepdims=True)], axis=1),
        names=(*labels.names, "neck"),
    )
