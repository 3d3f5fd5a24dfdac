"""Which keypoint is which joint: keypoints/joint_map.py."""

import pytest
from attention_keypoints.keypoints.joint_map import read_joints, usual_joints, write_joints
from attention_keypoints.keypoints.joint_names import COCO_17
from attention_keypoints.keypoints.skeletons import FIGURE_14, OPENPOSE_18


def test_openpose_and_coco_joints_are_found_by_their_names():
    assert usual_joints(OPENPOSE_18.names) == {name: name for name in OPENPOSE_18.names}
    assert usual_joints(COCO_17) == {name: name for name in COCO_17}
    assert usual_joints(("LWrist", "right hip", "tail")) == {"LWrist": "left_wrist", "right hip": "right_hip"}


def test_head_hands_and_feet_of_the_figures_stand_for_nose_wrists_and_ankles():
    found = usual_joints(FIGURE_14.names)
    assert tuple(found[name] for name in FIGURE_14.names) == OPENPOSE_18.names[:14]


def test_a_joint_by_its_own_name_goes_before_what_stands_for_it():
    assert usual_joints(("left_hand", "left_wrist")) == {"left_wrist": "left_wrist"}


def test_a_line_says_more_than_a_name_and_names_fill_in_what_no_line_mentions():
    names = ("head", "nose", "paw = left", "neck")
    text = "\n paw = left = Right Wrist \nneck =\nhead = nose\n"
    assert read_joints(text, names) == {"paw = left": "right_wrist", "head": "nose"}


def test_the_written_map_is_read_as_the_same_map():
    names = ("head", "point 3", "left_knee")
    joint_of = read_joints("point 3 = left_ear\nhead =", names)
    text = write_joints(joint_of, names)
    assert text == "head =\npoint 3 = left_ear\nleft_knee = left_knee"
    assert read_joints(text, names) == joint_of


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [
        ("head nose", ("head",), '"head nose" should be a line like "my point = right_wrist"'),
        ("haed = nose", ("head",), 'no keypoint "haed"; did you mean "head"'),
        ("head = right_wirst", ("head",), 'no joint "right_wirst"; did you mean "right_wrist"'),
        ("head = nose\nhead = neck", ("head",), '"head" is given twice'),
        ("a = nose\nb = nose", ("a", "b"), '"nose" is given to two keypoints'),
        ("", ("point 0", "point 1"), 'None of the keypoints .* lines like "point 0 = right_wrist"'),
        ("head =", ("head",), "None of the keypoints"),
        ("", tuple(f"point {k}" for k in range(10_000)), "and 9980 more"),
    ],
)
def test_what_cannot_be_a_map_is_refused_in_words(text, names, message):
    with pytest.raises(ValueError, match=message):
        read_joints(text, names)
