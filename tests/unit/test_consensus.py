"""Where pictures and warped copies agree that keypoints are: keypoints/consensus.py."""

import pytest
import torch
from attention_keypoints.keypoints.arrangement import fitted_arrangement
from attention_keypoints.keypoints.consensus import Consensus, agreed_arrangement, consensus
from attention_keypoints.keypoints.warps import move_points, no_warps, random_warps


def seeded(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def copies():
    """(xy [P, K, 2], theta [P, 1 + W, 2, 3], peaks [P (1 + W), K, 2] that move exactly with their picture)."""
    xy = 0.35 + 0.3 * seeded(4, 3, 2)
    drawn = random_warps(4 * 4, torch.Generator().manual_seed(1)).view(4, 4, 2, 3)
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


def test_the_arrangement_knows_nothing_of_places_on_which_few_copies_agree():
    xy = 0.2 + 0.6 * seeded(6, 4, 2)
    agreement = torch.ones(6, 4)
    agreement[1, 2] = agreement[4] = 0.5
    astray = torch.where((agreement > 0.5)[..., None], xy, 0.0)
    found = agreed_arrangement(Consensus(astray, agreement), (64, 96))
    believed = torch.where((agreement > 0.5)[..., None], xy, torch.nan)
    assert torch.equal(found, fitted_arrangement(believed, (64, 96)))
    assert not torch.allclose(found, fitted_arrangement(astray, (64, 96)))
