"""Encoded pictures and their warped copies: keypoints/bank.py."""

import pytest
import torch
from attention_keypoints.keypoints import bank as banks
from attention_keypoints.keypoints.bank import common_warps, fill_bank, own_warps
from attention_keypoints.keypoints.warps import no_warps, warp_pictures


def pooled(pictures):
    """Stands for an autoencoder: four channels at an eighth of the size."""
    small = torch.nn.functional.avg_pool2d(pictures.movedim(-1, 1), 8)
    return torch.cat([small, small.mean(1, keepdim=True)], 1)


@pytest.fixture
def pictures():
    return torch.rand(3, 24, 40, 3, generator=torch.Generator().manual_seed(0))


def test_every_picture_stands_before_its_own_copies_in_order(pictures):
    theta = own_warps(pictures, 4, seed=1)
    bank = fill_bank(pooled, pictures, theta)
    assert bank.latents.shape == (3, 5, 4, 3, 5) and (bank.pictures, bank.warps) == (3, 4)
    for number, picture in enumerate(pictures):
        for copy in range(5):
            expected = pooled(warp_pictures(picture[None], theta[number, copy][None]))[0]
            torch.testing.assert_close(bank.latents[number, copy], expected, rtol=0, atol=1e-5)


def test_the_pictures_themselves_are_encoded_untouched(pictures):
    bank = fill_bank(pooled, pictures, own_warps(pictures, 2, seed=1))
    assert torch.equal(bank.latents[:, 0], pooled(pictures))


def test_everything_is_all_copies_of_a_picture_in_a_row(pictures):
    bank = fill_bank(pooled, pictures, own_warps(pictures, 2, seed=1))
    latents, theta = bank.everything
    assert torch.equal(latents[4], bank.latents[1, 1]) and torch.equal(theta[4], bank.theta[1, 1])
    assert len(latents) == len(theta) == 9


@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_a_bank_does_not_depend_on_how_many_are_encoded_at_once(pictures, monkeypatch, at_once):
    theta = own_warps(pictures, 3, seed=1)
    expected = fill_bank(pooled, pictures, theta).latents
    monkeypatch.setattr(banks, "AT_ONCE", at_once)
    done = []
    torch.testing.assert_close(fill_bank(pooled, pictures, theta, done.append).latents, expected)
    assert done == [min(first + at_once, 12) for first in range(0, 12, at_once)]


def test_each_picture_has_warps_of_its_own_and_none_first(pictures):
    theta = own_warps(pictures, 3, seed=5)
    assert theta.shape == (3, 4, 2, 3)
    assert torch.equal(theta[:, 0], no_warps(3))
    assert len({tuple(one.flatten().tolist()) for one in theta[:, 1:].flatten(0, 1)}) == 9
    assert torch.equal(theta, own_warps(pictures, 3, seed=5))
    assert not torch.equal(theta, own_warps(pictures, 3, seed=6))


def test_common_warps_are_the_same_for_every_picture_and_every_piece_of_the_batch(pictures):
    theta = common_warps(pictures, 3, seed=5)
    assert theta.shape == (3, 4, 2, 3)
    assert torch.equal(theta, theta[:1].expand(3, -1, -1, -1))
    assert torch.equal(common_warps(pictures[1:], 3, seed=5), theta[1:])


def test_without_copies_a_bank_holds_the_pictures_alone(pictures):
    bank = fill_bank(pooled, pictures, own_warps(pictures, 0, seed=1))
    assert bank.warps == 0 and bank.latents.shape == (3, 1, 4, 3, 5)


def test_copies_are_fewer_where_the_latents_would_fill_the_memory(pictures, monkeypatch):
    """A latent of 24 x 40 has 3 * 5 * 4 numbers of four bytes: three pictures of five copies are 3600 bytes."""
    monkeypatch.setattr(banks, "LARGEST", 3600)
    assert own_warps(pictures, 50, seed=1).shape[1] == 5
    monkeypatch.setattr(banks, "LARGEST", 10)
    assert own_warps(pictures, 50, seed=1).shape[1] == 1
