"""The papers' metrics, on points whose distances are known."""

import math

import pytest
import torch
from attention_keypoints.keypoints.metrics import (
    consistency,
    distances,
    hit_within_pixels,
    left_right_confusion,
    mean_l2,
    pck,
    roc_auc,
)

NAN = float("nan")
NOWHERE = [NAN, NAN]
# Two pictures, three joints: off by 0.05 and 0.25; labelled once, off by 0.15; labelled nowhere.
TRUTH = torch.tensor([[[0.5, 0.5], [0.2, 0.2], NOWHERE], [[0.5, 0.5], NOWHERE, NOWHERE]])
FOUND = torch.tensor([[[0.53, 0.54], [0.2, 0.35], [0.1, 0.1]], [[0.65, 0.7], [0.9, 0.9], NOWHERE]])


def test_distances_are_of_labelled_points_only():
    expected = torch.tensor([[0.05, 0.15, NAN], [0.25, NAN, NAN]])
    torch.testing.assert_close(distances(FOUND, TRUTH), expected, equal_nan=True)


def test_the_mean_distance_is_per_joint_and_over_labelled_points():
    torch.testing.assert_close(mean_l2(FOUND, TRUTH), torch.tensor([0.15, 0.15, NAN]), equal_nan=True)


def test_a_labelled_point_that_was_not_found_counts_as_a_diagonal_and_as_a_miss():
    found = FOUND.clone()
    found[0, 0] = NAN
    assert mean_l2(found, TRUTH)[0].item() == pytest.approx((math.sqrt(2) + 0.25) / 2)
    assert pck(found, TRUTH, [0.3])[0, 0].item() == 0.5
    assert hit_within_pixels(found, TRUTH, 1000, 512, 512)[0].item() == 0.5


def test_correct_keypoints_are_shares_at_each_threshold():
    expected = torch.tensor([[0.0, 0.0, NAN], [0.5, 0.0, NAN], [0.5, 1.0, NAN], [1.0, 1.0, NAN]])
    torch.testing.assert_close(pck(FOUND, TRUTH, [0.04, 0.06, 0.2, 0.3]), expected, equal_nan=True)


def test_pixels_count_width_and_height_apart():
    truth, found = torch.tensor([[[0.5, 0.5]] * 2]), torch.tensor([[[0.6, 0.5], [0.5, 0.6]]])
    assert hit_within_pixels(found, truth, 40, width=300, height=500).tolist() == [1.0, 0.0]


def test_points_on_the_other_side_are_confused():
    names = ("left_hand", "right_hand", "head")
    truth = torch.tensor([[[0.8, 0.5], [0.2, 0.5], [0.5, 0.1]]]).expand(4, 3, 2).clone()
    found = truth.clone()
    found[0, 0] = torch.tensor([0.22, 0.5])  # the left hand on the right one
    found[1, 0] = torch.tensor([0.4, 0.5])  # nearer to the right one, but on neither
    found[2, 2] = truth[2, 0]  # the head is on no side
    assert left_right_confusion(found, truth, names) == 1 / 8
    truth[0, 1] = NAN  # without a label of the right hand nothing is known of either hand
    assert left_right_confusion(found, truth, names) == 0


def test_without_paired_joints_there_is_nothing_to_confuse():
    assert math.isnan(left_right_confusion(FOUND, TRUTH, ("head", "neck", "tail")))


def test_hands_that_meet_are_not_confused():
    truth = torch.full((1, 2, 2), 0.5)
    assert left_right_confusion(truth, truth, ("left_hand", "right_hand")) == 0


def test_a_keypoint_is_consistent_with_the_joint_that_it_is_on_most_often():
    truth = torch.tensor([[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]).expand(4, 3, 2).clone()
    found = torch.stack([truth[:, 2], truth[:, 0]], dim=1)
    found[0, 0], found[1, 1], found[2, 1] = truth[0, 0], truth[1, 1], torch.tensor(NOWHERE)
    share, joint = consistency(found, truth)
    assert share.tolist() == [0.75, 0.5] and joint.tolist() == [2, 0]


def test_consistency_counts_pictures_in_which_the_joint_is_labelled():
    truth = torch.tensor([[[0.1, 0.1]], [[0.1, 0.1]], [NOWHERE]])
    found = torch.tensor([[[0.1, 0.12]], [[0.9, 0.1]], [[0.1, 0.1]]])
    share, joint = consistency(found, truth)
    assert share.tolist() == [0.5] and joint.tolist() == [0]


def test_the_area_under_the_roc_curve_is_the_chance_of_the_right_order():
    score = torch.randint(0, 12, (200,), generator=torch.Generator().manual_seed(3)).float()  # many ties
    truth = torch.rand(200, generator=torch.Generator().manual_seed(4)) < 0.3
    higher = (score[truth][:, None] > score[~truth]).double() + 0.5 * (score[truth][:, None] == score[~truth])
    assert roc_auc(score, truth) == pytest.approx(higher.mean().item(), abs=1e-12)


@pytest.mark.parametrize(
    ("score", "area"), [([0.1, 0.2, 0.3, 0.4], 1.0), ([4.0, 3.0, 2.0, 1.0], 0.0), ([7.0] * 4, 0.5)]
)
def test_known_areas_under_the_roc_curve(score, area):
    assert roc_auc(torch.tensor(score), torch.tensor([False, False, True, True])) == area


@pytest.mark.parametrize(
    ("score", "truth", "words"),
    [
        ([0.1, 0.2], [True, True], "2 true and 0 false"),
        ([0.1, NAN], [True, False], "1 of them not numbers"),
        ([0.1], [True, False], "1 scores"),
    ],
)
def test_a_roc_curve_that_cannot_be_drawn_is_refused(score, truth, words):
    with pytest.raises(ValueError, match=words):
        roc_auc(torch.tensor(score), torch.tensor(truth))


def test_points_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"got \[2, 3, 2\] and \[2, 2, 2\]"):
        mean_l2(FOUND, TRUTH[:, :2])
