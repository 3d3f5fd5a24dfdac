"""Joint names of files and of this pack: keypoints/joint_names.py."""

import pytest
from attention_keypoints.keypoints.joint_names import BODY_25, COCO_17, SMPL_24, human_joints
from attention_keypoints.keypoints.skeletons import OPENPOSE_18


@pytest.mark.parametrize("names", [OPENPOSE_18.names, COCO_17, BODY_25, SMPL_24])
@pytest.mark.parametrize(
    "spelling",
    [
        lambda name: name,
        lambda name: name.replace("_", " ").title(),
        lambda name: name.replace("left_", "L_").replace("right_", "R_"),
        lambda name: (
            "".join(part[0].upper() + part[1:] for part in name.split("_")).replace("Left", "L").replace("Right", "R")
        ),
        lambda name: name.replace("_", "-").upper(),
    ],
    ids=["ours", "Left Hip", "L_hip", "LHip", "LEFT-HIP"],
)
def test_joints_of_a_known_skeleton_are_known_by_any_spelling(names, spelling):
    assert human_joints(tuple(spelling(name) for name in names)) == names


def test_the_order_of_the_names_does_not_matter():
    assert human_joints(COCO_17[::-1]) == COCO_17[::-1]


@pytest.mark.parametrize("names", [("beak", "tail"), COCO_17[:16], (*COCO_17, "tail"), COCO_17[:16] + ("nose",), ()])
def test_anything_else_is_not_taken_for_a_known_skeleton(names):
    assert human_joints(names) is None
