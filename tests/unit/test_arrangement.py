"""Distances between keypoints, and places chosen by them: keypoints/arrangement.py."""

import math

import pytest
import torch
from attention_keypoints.keypoints.arrangement import arranged_peaks, fitted_arrangement
from attention_keypoints.keypoints.targets import at_places, gaussians, peaks

SIZE = (96, 96)
# A body, and a hand on either side of it, one nearer than the other.
BODY = torch.tensor([[0.5, 0.3], [0.5, 0.6], [0.4, 0.45], [0.75, 0.45]])


def moved(xy, degrees=0.0, scale=1.0, mirrored=False):
    turn = math.radians(degrees)
    matrix = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    out = xy - 0.5
    return (out * torch.tensor([-1.0 if mirrored else 1.0, 1.0])) @ matrix.T * scale + 0.5


def maps_of(xy, size=SIZE, wrong=1.25):
    """Each map has its peak; the last one a higher one at the other hand."""
    sigma = (size[0] / 48, size[1] / 48)
    maps = 0.8 * gaussians(xy, size, sigma)
    maps[-1] = torch.maximum(maps[-1], 0.8 * wrong * gaussians(xy[2], size, sigma))
    return maps[None]


LABELS = torch.stack([moved(BODY, degrees) for degrees in (0, 15, -20, 40, 5)])


@pytest.mark.parametrize(
    "change",
    [{}, {"degrees": 90}, {"degrees": 180}, {"mirrored": True}, {"scale": 0.6}, {"scale": 1.3}],
    ids=lambda change: str(change or "as labelled"),
)
def test_a_point_goes_where_it_belongs_and_not_to_the_higher_peak(change):
    xy = moved(BODY, **change)
    found = arranged_peaks(maps_of(xy), fitted_arrangement(LABELS, SIZE))
    assert (peaks(maps_of(xy))[0, -1] - xy[2]).norm() < 0.02
    assert (found[0] - xy).norm(dim=-1).max() < 0.02


def test_a_much_higher_peak_is_believed():
    found = arranged_peaks(maps_of(BODY, wrong=20.0), fitted_arrangement(LABELS, SIZE))
    assert (found[0, -1] - BODY[2]).norm() < 0.02


def test_a_limb_unlike_any_labelled_one_is_still_found():
    stretched = BODY.clone()
    stretched[-1] = torch.tensor([0.95, 0.9])
    found = arranged_peaks(maps_of(stretched, wrong=0.0), fitted_arrangement(LABELS, SIZE))
    assert (found[0] - stretched).norm(dim=-1).max() < 0.02


def test_distances_are_of_the_picture_and_not_of_its_sides():
    """The same figure in a square and in a wide picture."""
    wide = BODY.clone()
    wide[:, 0] = 0.5 + (BODY[:, 0] - 0.5) / 2
    square, other = fitted_arrangement(LABELS, SIZE), fitted_arrangement(wide[None], (96, 192))
    assert square[0, 0, 1] / square[0, 0, 3] == pytest.approx((other[0, 0, 1] / other[0, 0, 3]).item(), rel=1e-4)
    found = arranged_peaks(maps_of(wide, (96, 192)), square)
    assert (found[0] - wide).norm(dim=-1).max() < 0.02


def test_without_an_arrangement_each_point_is_where_its_map_is_highest():
    maps = torch.rand(3, 4, 32, 48, generator=torch.Generator().manual_seed(0))
    assert torch.equal(arranged_peaks(maps, None), peaks(maps))


@pytest.mark.parametrize("labels", [BODY[None, :1], BODY[None] * torch.tensor([torch.nan, 1.0])], ids=["one", "none"])
def test_a_point_that_nothing_is_known_about_is_where_its_map_is_highest(labels):
    maps = maps_of(BODY)[:, : labels.shape[1]]
    assert torch.equal(arranged_peaks(maps, fitted_arrangement(labels, SIZE)), peaks(maps))


def test_pairs_that_no_picture_has_together_say_nothing_and_the_others_count():
    labels = LABELS.clone()
    labels[:3, 0], labels[3:, 3] = torch.nan, torch.nan
    mean, spread = fitted_arrangement(labels, SIZE)
    assert spread[0, 3].isinf() and spread[3, 3].isinf()
    assert torch.equal(spread, spread.T) and torch.allclose(mean, mean.T)
    found = arranged_peaks(maps_of(BODY), fitted_arrangement(labels, SIZE))
    assert (found[0] - BODY).norm(dim=-1).max() < 0.02


def test_one_labelled_picture_makes_no_distance_certain():
    one, five = fitted_arrangement(LABELS[:1], SIZE)[1], fitted_arrangement(LABELS, SIZE)[1]
    apart = ~torch.eye(4, dtype=torch.bool)
    assert (one > five)[apart].all()


def test_distances_that_differ_between_pictures_spread_more():
    labels = LABELS.clone()
    labels[:, 3, 0] += torch.tensor([-0.2, 0.0, 0.2, -0.1, 0.1])
    before, after = fitted_arrangement(LABELS, SIZE)[1], fitted_arrangement(labels, SIZE)[1]
    assert (after[3, :3] > 1.2 * before[3, :3]).all()


def test_figures_of_different_sizes_are_one_figure():
    labels = torch.stack([moved(BODY, scale=scale) for scale in (0.5, 0.8, 1.0, 1.2)])
    spread, alike = fitted_arrangement(labels, SIZE)[1], fitted_arrangement(BODY.expand(4, -1, -1), SIZE)[1]
    apart = ~torch.eye(4, dtype=torch.bool)
    assert (spread <= 1.02 * alike)[apart].all()


def test_values_at_places_are_those_of_their_cells():
    maps = torch.rand(2, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    assert torch.equal(at_places(maps, peaks(maps)), maps.flatten(2).amax(-1))
