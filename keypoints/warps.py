"""Small affine warps of pictures, and the way back: Hedlin et al. eq. 5 and 11 (their calligraphic T).

A warp is the matrix theta [2, 3] of torch's affine_grid (align_corners=False, x and y in -1..1): it says for
every place of the warped picture which place of the original is seen there. Zoom 1 to 1.25 is therefore a
matrix 1 to 0.8 times the unit one.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True)
class WarpRange:
    """How far warps go; the defaults are the published code's.

    rotation  degrees to either side
    zoom      largest enlargement; 1 to zoom, uniform in its inverse
    shift     of the side, to either side
    """

    rotation: float = 15.0
    zoom: float = 1.25
    shift: float = 0.125


PUBLISHED_RANGE = WarpRange()


def random_warps(
    count: int, generator: torch.Generator, reach: WarpRange = PUBLISHED_RANGE, aspect: float = 1.0
) -> torch.Tensor:
    """[count, 2, 3] float32 warps, drawn on the CPU; aspect is width / height, so that a rotation stays one."""
    draws = torch.rand(count, 4, generator=generator)
    angle = (2 * draws[:, 0] - 1) * math.radians(reach.rotation)
    scale = 1 - draws[:, 1] * (1 - 1 / reach.zoom)
    shift = (2 * draws[:, 2:] - 1) * 2 * reach.shift
    cos, sin = scale * angle.cos(), scale * angle.sin()
    rows = torch.stack([cos, -sin / aspect, shift[:, 0], sin * aspect, cos, shift[:, 1]], -1)
    return rows.view(count, 2, 3)


def no_warps(count: int) -> torch.Tensor:
    """[count, 2, 3] warps that leave everything where it is."""
    return torch.eye(2, 3).repeat(count, 1, 1)


def inverse(theta: torch.Tensor) -> torch.Tensor:
    """[B, 2, 3]: the exact way back of each warp."""
    back = torch.linalg.inv(theta[..., :2])
    return torch.cat([back, -back @ theta[..., 2:]], -1)


def warp(maps: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """[B, C, H, W] float32 maps seen through warps [B, 2, 3]; zeros where the original ends. Bilinear."""
    grid = affine_grid(theta.to(maps), list(maps.shape), align_corners=False)
    return grid_sample(maps, grid, padding_mode="zeros", align_corners=False)


def warp_back(maps: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """[B, C, H, W]: maps of warped pictures where they belong in the originals; zeros where nothing was seen."""
    return warp(maps, inverse(theta))


def coverage(theta: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """[B, 1, H, W] in 0..1: which places of the originals the warped pictures show."""
    return warp_back(torch.ones(len(theta), 1, *size, device=theta.device), theta)


def warp_pictures(pictures: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """[B, H, W, 3] pictures in 0..1, warped; black where they end, as the published code has it."""
    return warp(pictures.movedim(-1, 1).float(), theta).clamp(0, 1).movedim(1, -1)


def move_points(theta: torch.Tensor, xy: torch.Tensor) -> torch.Tensor:
    """[B, K, 2] in 0..1: where points xy [B, K, 2] of the originals lie in the warped pictures."""
    back = inverse(theta).to(xy)
    moved = torch.einsum("bij,bkj->bki", back[..., :2], 2 * xy - 1) + back[:, None, :, 2]
    return (moved + 1) / 2


def labels_of_copies(xy: torch.Tensor, weight: torch.Tensor, theta: torch.Tensor):
    """(xy [P (1 + W), K, 2], weight [P (1 + W), K]): labels xy [P, K, 2] moved into every copy of theta
    [P, 1 + W, 2, 3]; one that left the copy counts 0.
    """
    copies = theta.shape[1]
    moved = move_points(theta.flatten(0, 1), xy.nan_to_num(0.5).repeat_interleave(copies, 0))
    inside = ((moved > 0) & (moved < 1)).all(-1)
    return moved, weight.repeat_interleave(copies, 0) * inside
