"""The chance that a keypoint is visible: keypoints/calibration.py."""

import math

import pytest
import torch
from attention_keypoints.attention.layers import PUBLISHED
from attention_keypoints.keypoints.calibration import _logistic, evidence, visibility
from attention_keypoints.keypoints.tokens import KeypointTokens


def tokens(calibration):
    return KeypointTokens(torch.zeros(3, 768), (0, 2), ("a", "b"), layers=PUBLISHED, calibration=calibration)


def curve(x, truth):
    return _logistic(x, truth, torch.ones_like(truth))


def drawn(slope, offset, count=20_000):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, generator=generator)
    return x, (torch.rand(count, generator=generator) < torch.sigmoid(slope * x + offset)).float()


@pytest.mark.parametrize("slope, offset", [(2.0, 0.5), (0.5, -1.0), (6.0, 3.0)])
def test_the_curve_that_made_the_data_is_found(slope, offset):
    found = curve(*drawn(slope, offset))
    assert found == pytest.approx((slope, offset), rel=0.08, abs=0.05)


def test_the_curve_is_the_most_likely_one():
    """The chances add up to the number of ones, and so do their products with x, but for the small ridge."""
    x, truth = drawn(1.5, -0.3, 500)
    slope, offset = curve(x, truth)
    error = torch.sigmoid(slope * x + offset) - truth
    assert abs(error.sum() + 0.01 * offset) < 1e-2 and abs((error * x).sum() + 0.01 * slope) < 1e-2


def test_data_that_part_completely_still_give_a_finite_steep_curve():
    x = torch.tensor([-2.0, -1.5, -1.0, 1.0, 1.5, 2.0])
    slope, offset = curve(x, (x > 0).float())
    assert 2 < slope < 100 and abs(offset) < 0.1


def test_what_counts_thrice_is_as_good_as_three_of_it():
    x, truth = drawn(1.5, -0.3, 300)
    thrice = torch.where(truth > 0, 3.0, 1.0)
    again = thrice.int()
    expected = curve(x.repeat_interleave(again), truth.repeat_interleave(again))
    assert _logistic(x, truth, thrice) == pytest.approx(expected, rel=1e-6)


def test_a_higher_peak_never_means_less_visible():
    x = torch.tensor([-1.0, -0.5, 0.5, 1.0])
    assert curve(x, torch.tensor([1.0, 1.0, 0.0, 0.0]))[0] == 0.01


def test_by_its_own_share_a_keypoint_is_told_by_the_log_of_its_map_at_its_place():
    maps = torch.rand(2, 3, 8, 8) + 0.1
    xy = torch.full((2, 3, 2), 0.5 + 1 / 16)
    torch.testing.assert_close(evidence(maps, xy), maps[:, :, 4, 4].log())


def test_with_a_row_for_hidden_ones_a_keypoint_is_told_by_that_rows_map_at_its_place():
    maps = torch.rand(2, 4, 8, 8) + 0.1
    xy = torch.tensor([[[0.01, 0.01], [0.99, 0.01], [0.99, 0.99]]]).expand(2, -1, -1)
    corners = maps[:, 3][:, [0, 0, 7], [0, 7, 7]]
    torch.testing.assert_close(evidence(maps, xy), -corners.log())


def test_without_a_calibration_nothing_is_said_about_visibility():
    assert visibility(torch.rand(4, 2), tokens(None)) is None


def test_the_chance_is_the_calibrations_curve_of_the_evidence():
    calibration = torch.tensor([[2.0, 3.0], [0.5, -1.0]])
    e = torch.tensor([[0.2, 0.9]]).log()
    expected = [1 / (1 + math.exp(-(2 * math.log(0.2) + 3))), 1 / (1 + math.exp(-(0.5 * math.log(0.9) - 1)))]
    assert visibility(e, tokens(calibration))[0].tolist() == pytest.approx(expected, rel=1e-4)


def test_no_attention_at_all_is_not_visible_and_not_nan():
    chance = visibility(
        evidence(torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 2)), tokens(torch.tensor([[2.0, 3.0], [1.0, 0.0]]))
    )
    assert (chance < 1e-6).all()
