"""Skeletons as data: keypoints/skeletons.py."""

import pytest
from attention_keypoints.keypoints.skeletons import COCO_17, FIGURE_14, OPENPOSE_18, other_side, usual_colours


@pytest.mark.parametrize("skeleton", [OPENPOSE_18, FIGURE_14])
def test_limbs_join_all_joints_into_one_tree(skeleton):
    assert len(skeleton.limbs) == len(skeleton.names) - 1
    reached = {skeleton.names.index("neck")}
    for _ in skeleton.limbs:
        reached |= {j for i, j in skeleton.limbs if i in reached}
    assert reached == set(range(len(skeleton.names)))


def test_limbs_are_in_the_order_that_pose_drawings_colour_them():
    drawn = [(2, 3), (2, 6), (3, 4), (4, 5), (6, 7), (7, 8), (2, 9), (9, 10), (10, 11), (2, 12), (12, 13)]
    drawn += [(13, 14), (2, 1), (1, 15), (15, 17), (1, 16), (16, 18)]
    assert OPENPOSE_18.limbs == tuple((i - 1, j - 1) for i, j in drawn)


def test_the_limbs_of_coco_are_those_of_its_annotations():
    published = [(16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10)]
    published += [(9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7)]
    assert {frozenset(limb) for limb in COCO_17.limbs} == {frozenset((i - 1, j - 1)) for i, j in published}
    assert len(COCO_17.limbs) == 19


@pytest.mark.parametrize("skeleton", [OPENPOSE_18, COCO_17, FIGURE_14])
def test_left_and_right_are_the_same_but_for_the_side(skeleton):
    def other_side(name: str) -> str:
        side, _, joint = name.partition("_")
        return {"left": "right_", "right": "left_"}[side] + joint if joint else name

    limbs = {(skeleton.names[i], skeleton.names[j]) for i, j in skeleton.limbs}
    mirrored = {frozenset((other_side(inner), other_side(outer))) for inner, outer in limbs}
    assert mirrored == {frozenset(limb) for limb in limbs}


def test_every_joint_has_a_colour_of_its_own():
    for skeleton in (OPENPOSE_18, COCO_17, FIGURE_14):
        assert len(set(skeleton.colours)) == len(skeleton.names)


def test_joints_with_two_names_have_one_colour():
    assert usual_colours(("head", "left_foot")) == usual_colours(("nose", "left_ankle"))


def test_other_names_have_no_usual_colours():
    assert usual_colours(("neck", "beak")) is None


def test_joints_of_both_sides_are_each_others_partners_and_others_their_own():
    names = ("left_knee", "head", "right_knee", "left elbow", "left_foot", "right elbow", "leftover", "neck_right")
    assert other_side(names) == (2, 1, 0, 5, 4, 3, 6, 7)


@pytest.mark.parametrize("skeleton", [OPENPOSE_18, FIGURE_14])
def test_the_partner_of_the_partner_is_the_joint_itself(skeleton):
    partners = other_side(skeleton.names)
    assert [partners[partner] for partner in partners] == list(range(len(skeleton.names)))
    assert sum(i != partner for i, partner in enumerate(partners)) == len(skeleton.names) - 2
