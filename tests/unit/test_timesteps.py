"""Timesteps and the noise that belongs to them."""

import pytest
import torch
from attention_keypoints.attention.timesteps import DEFAULT_T, check_timestep, seeded_noise

LATENTS = torch.zeros(3, 4, 5, 7)


def test_the_same_seed_gives_the_same_noise():
    assert torch.equal(seeded_noise(LATENTS, 5), seeded_noise(LATENTS, 5))
    assert not torch.equal(seeded_noise(LATENTS, 5), seeded_noise(LATENTS, 6))


def test_a_pictures_noise_does_not_depend_on_how_the_batch_was_cut():
    whole = seeded_noise(LATENTS, 5)
    assert torch.equal(seeded_noise(LATENTS[1:], 5, first=1), whole[1:])
    assert not torch.equal(whole[0], whole[1])


def test_noise_is_normal():
    noise = seeded_noise(torch.zeros(4, 4, 64, 64), 0)
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02


@pytest.mark.parametrize("seed", [0, 2**63 - 1, 2**64 - 1])
def test_every_seed_of_the_host_is_accepted(seed):
    assert seeded_noise(LATENTS, seed).shape == LATENTS.shape


def test_drawing_noise_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    seeded_noise(LATENTS, 5)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("t", [0, DEFAULT_T, 999])
def test_timesteps_of_the_schedule_pass(t):
    assert check_timestep(t) == t


@pytest.mark.parametrize("t", [-1, 1000])
def test_other_timesteps_are_refused(t):
    with pytest.raises(ValueError, match=f"between 0 .* and 999 .*got {t}"):
        check_timestep(t)
