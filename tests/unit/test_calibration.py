"""The chance that a keypoint is visible: keypoints/calibration.py."""

import pytest
import torch
from attention_keypoints.keypoints.calibration import _logistic


def drawn(slope, offset, count=20_000):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, generator=generator)
    return x, (torch.rand(count, generator=generator) < torch.sigmoid(slope * x + offset)).float()


@pytest.mark.parametrize("slope, offset", [(2.0, 0.5), (0.5, -1.0), (6.0, 3.0)])
def test_the_curve_that_made_the_data_is_found(slope, offset):
    found = _logistic(*drawn(slope, offset))
    assert found == pytest.approx((slope, offset), rel=0.08, abs=0.05)


def test_the_curve_is_the_most_likely_one():
    """The chances add up to the number of ones, and so do their products with x, but for the small ridge."""
    x, truth = drawn(1.5, -0.3, 500)
    slope, offset = _logistic(x, truth)
    error = torch.sigmoid(slope * x + offset) - truth
    assert abs(error.sum() + 0.01 * offset) < 1e-2 and abs((error * x).sum() + 0.01 * slope) < 1e-2


def test_data_that_part_completely_still_give_a_finite_steep_curve():
    x = torch.tensor([-2.0, -1.5, -1.0, 1.0, 1.5, 2.0])
    slope, offset = _logistic(x, (x > 0).float())
    assert 2 < slope < 100 and abs(offset) < 0.1


def test_a_higher_peak_never_means_less_visible():
    x = torch.tensor([-1.0, -0.5, 0.5, 1.0])
    assert _logistic(x, torch.tensor([1.0, 1.0, 0.0, 0.0]))[0] == 0.01
