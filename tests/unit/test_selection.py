"""Which tokens become keypoints: keypoints/selection.py."""

import itertools
import math

import pytest
import torch
from attention_keypoints.keypoints.selection import chosen_in_picture, furthest_points, most_local, spread, vote
from attention_keypoints.keypoints.targets import gaussians

MIDDLE = torch.tensor([0.5, 0.5])


def seeded(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def written_out_kl(one, sigma):
    """KL(G || map) of one map, cell by cell, in plain Python."""
    rows, columns = one.shape
    cells = list(itertools.product(range(rows), range(columns)))
    top = max(cells, key=lambda cell: one[cell].item())
    bump = {cell: math.exp(-((cell[0] - top[0]) ** 2 + (cell[1] - top[1]) ** 2) / (2 * sigma**2)) for cell in cells}
    total = sum(height + 1e-5 for height in bump.values())
    mass = sum(math.exp(one[cell].item()) for cell in cells)
    kl = 0.0
    for cell in cells:
        wanted, found = (bump[cell] + 1e-5) / total, math.exp(one[cell].item()) / mass
        kl += wanted * math.log(wanted / found)
    return kl


def test_the_spread_is_the_written_out_divergence():
    maps = seeded(3, 7, 9)
    expected = [written_out_kl(one, 1.5) for one in maps]
    assert spread(maps, 1.5).tolist() == pytest.approx(expected, rel=1e-4)


def test_one_narrow_peak_spreads_less_than_two_none_or_one_that_fills_the_picture():
    size, sigma = (64, 64), 2.0
    narrow = gaussians(MIDDLE, size, (sigma, sigma))
    wide = gaussians(MIDDLE, size, (40.0, 40.0))
    other = gaussians(torch.tensor([0.1, 0.2]), size, (sigma, sigma))
    maps = torch.stack([torch.zeros(size), wide, narrow + 0.9 * other, narrow])
    scores = spread(maps, sigma)
    assert scores.argmin() == 3
    assert (scores[3] < scores[:3] - 1e-4).all()


def test_a_higher_peak_of_the_same_form_spreads_less():
    peak = gaussians(MIDDLE, (32, 32), (2.0, 2.0))
    dark, bright = spread(torch.stack([0.2 * peak, 0.9 * peak]))
    assert bright < dark


def test_the_most_local_maps_come_first_and_no_more_than_there_are():
    peak = gaussians(MIDDLE, (32, 32), (2.0, 2.0))
    maps = torch.stack([0.3 * peak, 0.9 * peak, 0.1 * peak, 0.6 * peak])
    assert most_local(maps, 3).tolist() == [1, 3, 0]
    assert most_local(maps, 25).tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize("points", [5, 12, 40])
def test_furthest_points_are_those_of_a_search_through_all(points):
    xy = seeded(points, 2, seed=points)
    places = [tuple(place) for place in xy.tolist()]
    chosen = list(max(itertools.combinations(range(points), 2), key=lambda p: math.dist(places[p[0]], places[p[1]])))
    while len(chosen) < 5:
        rest = [index for index in range(points) if index not in chosen]
        chosen.append(max(rest, key=lambda i: min(math.dist(places[i], places[j]) for j in chosen)))
    found = furthest_points(xy, 5).tolist()
    assert set(found[:2]) == set(chosen[:2]) and found[2:] == chosen[2:]


@pytest.mark.parametrize("count, expected", [(1, 1), (2, 2), (9, 4)])
def test_as_many_furthest_points_are_chosen_as_asked_for_and_as_there_are(count, expected):
    found = furthest_points(seeded(4, 2), count)
    assert len(set(found.tolist())) == len(found) == expected


def test_one_point_is_chosen_alone():
    assert furthest_points(seeded(1, 2), 3).tolist() == [0]


@pytest.mark.parametrize("points", [2, 30])
def test_points_in_one_place_are_still_chosen_once_each(points):
    found = furthest_points(torch.full((points, 2), 0.37), 2)
    assert len(set(found.tolist())) == 2


def test_a_picture_chooses_local_maps_first_and_of_these_the_furthest_apart_on_the_copy():
    """Row 4 lies furthest out, but it is wide; rows 0 and 2 are neighbours on the copy only."""
    size = (64, 64)
    there = [(0.2, 0.2), (0.8, 0.2), (0.5, 0.8), (0.5, 0.5)]
    on_copy = torch.tensor([(0.2, 0.2), (0.8, 0.2), (0.25, 0.25), (0.5, 0.6)])
    maps = gaussians(torch.tensor(there), size, (2.0, 2.0))
    maps = torch.cat([maps, gaussians(torch.tensor([[0.98, 0.98]]), size, (12.0, 12.0))])
    copy = torch.cat([gaussians(on_copy, size, (2.0, 2.0)), maps[4:]])
    assert set(chosen_in_picture(maps, copy, 3, local=4).tolist()) == {0, 1, 3}
    assert set(chosen_in_picture(maps, maps, 3, local=4).tolist()) == {0, 1, 2}
    assert 4 in chosen_in_picture(maps, copy, 3, local=5).tolist()


def test_the_tokens_that_most_pictures_chose_win_most_votes_first():
    ballots = [torch.tensor(rows) for rows in ([0, 5, 3], [5, 3, 2], [3, 1, 4])]
    assert vote(ballots, 6, 2) == (3, 5)
    assert vote(ballots, 6, 3) == (3, 5, 0), "of equal votes the first row"
