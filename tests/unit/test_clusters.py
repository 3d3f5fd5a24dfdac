"""Keypoints out of clusters of queries: keypoints/clusters.py."""

import pytest
import torch
from attention_keypoints.keypoints.clusters import k_means


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
