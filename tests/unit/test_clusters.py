"""Keypoints out of clusters of queries: keypoints/clusters.py."""

import pytest
import torch
from attention_keypoints.keypoints.clusters import (
    AROUND,
    Consensus,
    concentration,
    consensus,
    k_means,
    stable_and_apart,
)
from attention_keypoints.keypoints.targets import gaussians
from attention_keypoints.keypoints.warps import move_points, no_warps, random_warps


def seeded(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(5))
def test_k_means_tells_blobs_apart(seed):
    truth = torch.arange(4).repeat_interleave(30)
    centres = torch.tensor([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]])
    points = centres[truth] + 0.3 * torch.randn(120, 3, generator=generator(9))
    owner = k_means(points, 4, generator(seed))
    pairs = {(one, other) for one, other in zip(truth.tolist(), owner.tolist(), strict=True)}
    assert len(pairs) == 4 and len({other for _, other in pairs}) == 4


def test_k_means_leaves_every_point_with_its_nearest_mean():
    points = seeded(80, 2)
    owner = k_means(points, 5, generator())
    means = torch.stack([points[owner == number].mean(0) for number in owner.unique()])
    nearest = owner.unique()[torch.cdist(points, means).argmin(-1)]
    assert (nearest == owner).float().mean() > 0.97


def test_k_means_gives_the_same_for_the_same_seed_and_no_more_clusters_than_points():
    points = seeded(50, 3)
    assert torch.equal(k_means(points, 6, generator(2)), k_means(points, 6, generator(2)))
    assert len(k_means(points[:3], 10, generator()).unique()) == 3


@pytest.fixture
def copies():
    """(xy [P, K, 2], theta [P, 1 + W, 2, 3], peaks [P (1 + W), K, 2] that move exactly with their picture)."""
    xy = 0.35 + 0.3 * seeded(4, 3, 2)
    drawn = random_warps(4 * 4, generator(1)).view(4, 4, 2, 3)
    theta = torch.cat([no_warps(4)[:, None], drawn], 1)
    return xy, theta, move_points(theta.flatten(0, 1), xy.repeat_interleave(5, 0))


def test_peaks_of_all_copies_are_taken_home_exactly(copies):
    xy, theta, found = copies
    agreed = consensus(found, theta)
    torch.testing.assert_close(agreed.xy, xy, rtol=0, atol=1e-5)
    assert (agreed.agreement == 1).all()


def test_one_copy_that_goes_astray_neither_moves_the_place_nor_agrees(copies):
    xy, theta, found = copies
    astray = found.clone().unflatten(0, (4, 5))
    astray[:, 2, 1] = 0.01
    agreed = consensus(astray.flatten(0, 1), theta)
    torch.testing.assert_close(agreed.xy, xy, rtol=0, atol=1e-5)
    expected = torch.tensor([1.0, 0.8, 1.0]).expand(4, 3)
    torch.testing.assert_close(agreed.agreement, expected)


def test_what_stays_with_the_frame_agrees_less_than_what_moves_with_the_picture(copies):
    _, theta, found = copies
    framed = torch.tensor([0.1, 0.9]).expand_as(found)
    assert consensus(framed, theta).agreement.mean() < 0.8 < consensus(found, theta).agreement.mean()


def tokens_at(*places, pictures=5):
    return torch.tensor(places).expand(pictures, -1, 2) + 0.02 * seeded(pictures, 1, 2)


def test_twins_are_not_both_chosen():
    xy = tokens_at((0.2, 0.2), (0.205, 0.2), (0.8, 0.3), (0.5, 0.8))
    chosen = stable_and_apart(Consensus(xy, torch.ones(5, 4)), torch.ones(4), 3)
    assert len(chosen) == 3 and not {0, 1} <= set(chosen) and {2, 3} <= set(chosen)


def test_what_is_not_stable_or_not_concentrated_is_chosen_last():
    xy = tokens_at((0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9))
    agreement = torch.tensor([1.0, 0.1, 1.0, 1.0]).expand(5, 4)
    narrow = torch.tensor([0.9, 0.9, 0.05, 0.9])
    assert set(stable_and_apart(Consensus(xy, agreement), narrow, 2)) == {0, 3}


def test_no_token_is_chosen_twice_and_no_more_than_there_are():
    xy = torch.full((5, 3, 2), 0.5)
    chosen = stable_and_apart(Consensus(xy, torch.zeros(5, 3)), torch.ones(3), 7)
    assert sorted(chosen) == [0, 1, 2]


def test_concentration_is_the_share_of_the_map_around_its_peak():
    size, middle = (40, 60), torch.tensor([0.5, 0.5])
    narrow = gaussians(middle, size, (0.8, 0.8))
    even = torch.ones(size)
    shares = concentration(torch.stack([narrow, even, 0.1 * narrow]))
    assert shares[0] > 0.999 and shares[2] == pytest.approx(shares[0].item())
    # The peak of an even map is its first cell: a quarter of a disc.
    assert shares[1].item() == pytest.approx(3.1416 * AROUND**2 / 4, rel=0.35)
