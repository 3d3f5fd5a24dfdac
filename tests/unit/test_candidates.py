"""Which candidates become keypoints without labels: keypoints/candidates.py."""

import pytest
import torch
from attention_keypoints.keypoints.candidates import AROUND, chosen_candidates, concentration, unknown
from attention_keypoints.keypoints.consensus import Consensus
from attention_keypoints.keypoints.targets import gaussians


def seeded(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def tokens_at(*places, pictures=5):
    return torch.tensor(places).expand(pictures, -1, 2) + 0.02 * seeded(pictures, 1, 2)


def test_twins_are_not_both_chosen():
    xy = tokens_at((0.2, 0.2), (0.205, 0.2), (0.8, 0.3), (0.5, 0.8))
    chosen = chosen_candidates(Consensus(xy, torch.ones(5, 4)), torch.ones(4), 3)
    assert len(chosen) == 3 and not {0, 1} <= set(chosen) and {2, 3} <= set(chosen)


def test_what_is_not_stable_or_not_concentrated_is_chosen_last():
    xy = tokens_at((0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9))
    agreement = torch.tensor([1.0, 0.1, 1.0, 1.0]).expand(5, 4)
    narrow = torch.tensor([0.9, 0.9, 0.05, 0.9])
    assert set(chosen_candidates(Consensus(xy, agreement), narrow, 2)) == {0, 3}


def test_what_jumps_over_the_picture_is_chosen_last_however_stable():
    apart = ((0.3, 0.2), (0.7, 0.2), (0.5, 0.5), (0.5, 0.9))
    xy = tokens_at(*apart, pictures=40) + 0.15 * (seeded(40, 4, 2, seed=2) - 0.5)
    xy[:, 1] = seeded(40, 2, seed=3)
    assert set(chosen_candidates(Consensus(xy, torch.ones(40, 4)), torch.ones(4), 3)) == {0, 2, 3}


def test_of_two_equally_far_the_one_that_moves_by_itself_is_chosen():
    xy = tokens_at((0.5, 0.3), (0.5, 0.5), (0.5, 0.1), (0.2, 0.4), pictures=30).clone()
    xy[:, 2] += 0.08 * (seeded(30, 2, seed=1) - 0.5)
    narrow = torch.tensor([1.0, 0.99, 0.5, 0.6])
    assert chosen_candidates(Consensus(xy, torch.ones(30, 4)), narrow, 2) == [0, 2]
    assert chosen_candidates(Consensus(tokens_at((0.5, 0.3), (0.5, 0.5), (0.5, 0.1), (0.2, 0.4)), torch.ones(5, 4)),
                             narrow, 2)[1] != 2  # fmt: skip


def test_what_follows_the_chosen_ones_is_not_unknown_and_what_moves_by_itself_is():
    one, other, noise = (seeded(200, 1, 2, seed=seed) - 0.5 for seed in (1, 2, 3))
    xy = 0.5 + torch.cat([one, other, 0.5 * (one + other), 0.2 * noise], 1)
    left = unknown(xy, [0, 1])
    assert left[:3].max() < 0.01
    assert left[3].item() == pytest.approx((0.2 * noise).norm(dim=-1).square().mean().sqrt().item(), rel=0.03)


def test_no_token_is_chosen_twice_and_no_more_than_there_are():
    xy = torch.full((5, 3, 2), 0.5)
    chosen = chosen_candidates(Consensus(xy, torch.zeros(5, 3)), torch.ones(3), 7)
    assert sorted(chosen) == [0, 1, 2]


def test_concentration_is_the_share_of_the_map_around_its_peak():
    size, middle = (40, 60), torch.tensor([0.5, 0.5])
    narrow = gaussians(middle, size, (0.8, 0.8))
    even = torch.ones(size)
    shares = concentration(torch.stack([narrow, even, 0.1 * narrow]))
    assert shares[0] > 0.999 and shares[2] == pytest.approx(shares[0].item())
    # The peak of an even map is its first cell: a quarter of a disc.
    assert shares[1].item() == pytest.approx(3.1416 * AROUND**2 / 4, rel=0.35)
