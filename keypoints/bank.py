"""Encoded pictures and warped copies of them, made once and read many times: the published recipe encodes two
pictures in every step, and the autoencoder is then a third of its time.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from .warps import PUBLISHED_RANGE, WarpRange, no_warps, random_warps, warp_pictures

LARGEST = 2 * 2**30  # bytes of latents, in host memory; a 512 picture's latent has 64 KiB
AT_ONCE = 8


@dataclass(frozen=True)
class Bank:
    """P pictures, each followed by W warped copies.

    latents  [P, 1 + W, 4, h, w] float32 on the CPU
    theta    [P, 1 + W, 2, 3] their warps; the first is none
    """

    latents: torch.Tensor
    theta: torch.Tensor

    @property
    def pictures(self) -> int:
        return len(self.latents)

    @property
    def warps(self) -> int:
        return self.latents.shape[1] - 1

    @property
    def everything(self) -> tuple[torch.Tensor, torch.Tensor]:
        """(latents [P (1 + W), 4, h, w], theta [P (1 + W), 2, 3]), all copies of a picture in a row."""
        return self.latents.flatten(0, 1), self.theta.flatten(0, 1)


def own_warps(pictures: torch.Tensor, warps: int, seed: int, reach: WarpRange = PUBLISHED_RANGE) -> torch.Tensor:
    """[P, 1 + W, 2, 3]: no warp and W random ones for each of P pictures; fewer where memory would run over."""
    count, height, width = pictures.shape[:3]
    warps = max(0, min(warps, LARGEST // (count * height * width // 16 * 4) - 1))
    drawn = random_warps(count * warps, torch.Generator().manual_seed(seed), reach, width / height)
    return torch.cat([no_warps(count)[:, None], drawn.view(count, warps, 2, 3)], 1)


def common_warps(pictures: torch.Tensor, warps: int, seed: int, reach: WarpRange = PUBLISHED_RANGE) -> torch.Tensor:
    """[P, 1 + W, 2, 3]: no warp and W random ones, the same for all pictures, however a batch is cut into pieces."""
    return own_warps(pictures[:1], warps, seed, reach).expand(len(pictures), -1, -1, -1)


def fill_bank(
    encode: Callable[[torch.Tensor], torch.Tensor],
    pictures: torch.Tensor,
    theta: torch.Tensor,
    on_picture: Callable[[int], None] = lambda done: None,
) -> Bank:
    """A bank of pictures [P, H, W, 3] in 0..1 and of their copies seen through warps theta [P, 1 + W, 2, 3].

    encode      pictures -> latents [B, 4, H / 8, W / 8]
    on_picture  called with the number of encoded pictures, for progress and cancel
    """
    count, copies = theta.shape[:2]
    latents = []
    for first in range(0, count * copies, AT_ONCE):
        numbers = torch.arange(first, min(first + AT_ONCE, count * copies))
        latents.append(encode(seen_through(pictures, theta, numbers)).float().cpu())
        on_picture(first + len(numbers))
    return Bank(torch.cat(latents).unflatten(0, (count, copies)), theta)


def seen_through(pictures, theta, numbers):
    """Some of the pictures (n = picture * (1 + W) + copy), warped; those of no warp as they are."""
    copies = theta.shape[1]
    warped = warp_pictures(pictures[numbers // copies], theta.flatten(0, 1)[numbers])
    plain = (numbers % copies == 0)[:, None, None, None]
    return torch.where(plain, pictures[numbers // copies], warped)
