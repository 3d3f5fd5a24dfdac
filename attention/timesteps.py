"""The diffusion timestep at which a picture is read, and the noise that belongs to it."""

import torch

# Hedlin et al. read at t = 0 in code. On the demo world parts are found better between 200 and 400, where the
# model has to know what it sees: `run.py bench quality timesteps` prints the sweep.
DEFAULT_T = 250
LAST_T = 999


def check_timestep(t: int) -> int:
    if not 0 <= t <= LAST_T:
        raise ValueError(f"The timestep must be between 0 (no noise) and {LAST_T} (only noise); got {t}.")
    return t


def seeded_noise(latents: torch.Tensor, seed: int, first: int = 0) -> torch.Tensor:
    """Noise of the shape of latents [B, 4, h, w], float32, drawn on the CPU so that every device agrees.

    Picture number `first + b` of a batch has a seed of its own, so its noise does not depend on how the
    batch was cut into pieces.
    """
    shape = latents.shape[1:]
    draws = []
    for index in range(first, first + latents.shape[0]):
        # 2**63 keeps a seed of 64 bits plus the index inside what torch accepts.
        generator = torch.Generator().manual_seed((seed + index) % 2**63)
        draws.append(torch.randn(shape, generator=generator))
    return torch.stack(draws).to(latents.device)
