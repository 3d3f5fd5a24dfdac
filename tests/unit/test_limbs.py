"""Limbs by name and as written: keypoints/limbs.py."""

import pytest
from attention_keypoints.keypoints.joint_names import BODY_25
from attention_keypoints.keypoints.limbs import limbs_by_name, limbs_from_text
from attention_keypoints.keypoints.skeletons import COCO_17, FIGURE_14, OPENPOSE_18

NAMES = ("left_hip", "left_knee", "left_foot", "tail")


@pytest.mark.parametrize("skeleton", [OPENPOSE_18, COCO_17, FIGURE_14])
def test_joints_of_a_known_skeleton_have_its_limbs(skeleton):
    assert limbs_by_name(skeleton.names) == skeleton.limbs


def test_a_part_of_a_skeleton_in_other_spelling_has_the_limbs_between_its_joints():
    assert limbs_by_name(("RKnee", "Tail", "right hip", "Neck")) == ((3, 2), (2, 0))


def test_toes_are_joined_too():
    limbs = {(BODY_25[i], BODY_25[j]) for i, j in limbs_by_name(BODY_25)}
    assert {("left_ankle", "left_big_toe"), ("neck", "nose"), ("left_ankle", "left_heel")} <= limbs


def test_names_of_no_known_skeleton_are_an_error_that_says_what_to_do():
    with pytest.raises(ValueError, match="joins two of these keypoints: beak, tail. Choose 'minimum spanning tree'"):
        limbs_by_name(("beak", "tail"))


@pytest.mark.parametrize(
    "text",
    [
        "left_hip - left_knee\nleft_knee - left_foot",
        "\n  left_hip-left_knee - left_foot \n\n",
        "left_hip - left_knee\nleft_knee - left_hip\nleft_knee - left_foot",
        "Left Hip - LKnee\nL_Knee - left foot",
    ],
    ids=["lines", "a chain", "twice", "other spelling"],
)
def test_written_limbs_are_read(text):
    assert limbs_from_text(text, NAMES) == ((0, 1), (1, 2))


def test_names_with_dashes_need_spaces_around_the_dash_between_them():
    assert limbs_from_text("left-hip - left-knee", ("left-knee", "left-hip")) == ((1, 0),)


def test_no_text_is_no_limb():
    assert limbs_from_text(" \n", NAMES) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tail - left_hip\nleft_nee - tail", "Line 2 of the limbs names 'left_nee'.*Did you mean 'left_knee'.*tail"),
        ("tail - x", "names 'x', but no keypoint has this name. There are: left_hip"),
        ("tail", "Line 1 of the limbs, 'tail', is no limb"),
        ("tail - ", "names ''"),
        ("tail - tail", "joins 'tail' with itself"),
    ],
)
def test_an_error_names_the_line_and_what_is_wrong(text, message):
    with pytest.raises(ValueError, match=message):
        limbs_from_text(text, NAMES)
