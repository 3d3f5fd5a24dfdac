"""The peaks that maps are compared with: keypoints/targets.py."""

import math

import pytest
import torch
from attention_keypoints.keypoints.targets import at_peaks, cauchys, cell_centres, gaussians, peaks


@pytest.mark.parametrize("make, fall", [(gaussians, lambda d: math.exp(-d / 2)), (cauchys, lambda d: 1 / (1 + d))])
def test_a_peak_has_the_written_out_height_at_every_cell(make, fall):
    rows, columns, scale = 6, 9, (1.5, 2.5)
    x, y = 0.3, 0.8
    found = make(torch.tensor([x, y]), (rows, columns), scale)
    for row in range(rows):
        for column in range(columns):
            down, across = (row + 0.5 - y * rows) / scale[0], (column + 0.5 - x * columns) / scale[1]
            assert found[row, column].item() == pytest.approx(fall(down**2 + across**2), abs=1e-6)


@pytest.mark.parametrize("make", [gaussians, cauchys])
def test_a_peak_at_a_cells_centre_is_one_there_and_less_everywhere_else(make):
    found = make(torch.tensor([[2.5 / 8, 1.5 / 4]]), (4, 8), (1.0, 1.0))[0]
    assert found[1, 2] == 1
    assert found.flatten().sort().values[-2] < 0.9


def test_a_cauchy_falls_slower_than_a_gaussian():
    centre = torch.tensor([0.5, 0.5])
    gaussian, cauchy = gaussians(centre, (32, 32), (2.0, 2.0)), cauchys(centre, (32, 32), (2.0, 2.0))
    assert cauchy[0, 0] > 100 * gaussian[0, 0]


def test_leading_dimensions_are_those_of_the_centres():
    assert gaussians(torch.rand(3, 5, 2), (4, 7), (1.0, 1.0)).shape == (3, 5, 4, 7)
    assert cauchys(torch.rand(2, 2), (4, 7), (1.0, 1.0)).shape == (2, 4, 7)


@pytest.mark.parametrize("row, column", [(0, 0), (3, 6), (2, 1)])
def test_the_peak_of_a_map_is_the_centre_of_its_highest_cell(row, column):
    maps = torch.zeros(2, 1, 4, 7)
    maps[1, 0, row, column] = 0.2
    assert peaks(maps)[1, 0].tolist() == pytest.approx([(column + 0.5) / 7, (row + 0.5) / 4])


def test_the_peak_of_a_drawn_peak_is_its_centre_up_to_half_a_cell():
    xy = torch.rand(50, 2, generator=torch.Generator().manual_seed(0))
    found = peaks(gaussians(xy, (16, 24), (2.0, 2.0)))
    assert ((found - xy) * torch.tensor([24, 16])).abs().max() <= 0.5 + 1e-4


def test_the_target_of_a_map_shares_its_maximum_and_has_no_gradient():
    maps = torch.rand(2, 3, 12, 8, requires_grad=True)
    target = at_peaks(maps, 2.0)
    assert not target.requires_grad
    assert torch.equal(target.flatten(2).argmax(-1), maps.flatten(2).argmax(-1))
    assert (target.flatten(2).amax(-1) == 1).all()
    torch.testing.assert_close(target, gaussians(peaks(maps), (12, 8), (2.0, 2.0)))


def test_centres_of_cells_lie_half_a_cell_in():
    assert cell_centres(3).tolist() == [0.5, 1.5, 2.5]
