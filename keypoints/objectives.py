"""What is minimised: the published losses (Hedlin et al. eq. 4 to 6, Schofield et al.) and a spatial cross-entropy.

All take maps [B, N, R, R'] float32 of B pictures and of their warped copies, and give a scalar in float32.
"""

import torch

from .recipes import Recipe
from .selection import chosen_in_picture
from .targets import at_peaks, cauchys, gaussians
from .warps import warp_back


def localisation(maps: torch.Tensor, sigma: float) -> torch.Tensor:
    """Mean squared difference of each map to the Gaussian at its own maximum (eq. 6); sigma in cells."""
    return (maps - at_peaks(maps, sigma)).square().mean()


def equivariance(maps: torch.Tensor, warped: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """Mean squared difference of maps to those of the warped pictures, warped back (eq. 5).

    As published, what the warped picture does not show counts as zero.
    """
    return (maps - warp_back(warped, theta)).square().mean()


def published_loss(
    maps: torch.Tensor, warped: torch.Tensor, theta: torch.Tensor, *, recipe: Recipe
) -> tuple[torch.Tensor, dict[str, float]]:
    """(loss, its parts) of learning without labels: eq. 4 over the tokens that each picture chooses.

    The mean over pictures, each with its own choice: the most local by eq. 9 on the original, the furthest apart of
    these on the warped copy.
    """
    local, same = [], []
    for one, other, where in zip(maps, warped, theta, strict=True):
        rows = chosen_in_picture(one.detach(), other.detach(), recipe.keypoints, recipe.local)
        local.append(localisation(one[rows], recipe.sigma))
        same.append(equivariance(one[None, rows], other[None, rows], where[None]))
    local, same = torch.stack(local).mean(), torch.stack(same).mean()
    loss = recipe.localisation * local + recipe.equivariance * same
    return loss, {"localisation": local.item(), "equivariance": same.item()}


def published_label_loss(
    maps: torch.Tensor,
    warped: torch.Tensor,
    theta: torch.Tensor,
    xy: torch.Tensor,
    weight: torch.Tensor,
    *,
    recipe: Recipe,
) -> tuple[torch.Tensor, dict[str, float]]:
    """(loss, its parts) of learning from labels, Schofield et al.: localisation, equivariance and the mean squared
    difference to a peak at the label, over the labelled keypoints of each picture.

    maps    [B, K, R, R'] of the keypoints' tokens only
    xy      [B, K, 2] labels in 0..1; weight [B, K], 0 where there is none
    """
    size = tuple(maps.shape[-2:])
    scale = (recipe.label_sigma * size[0], recipe.label_sigma * size[1])
    target = (cauchys if recipe.cauchy else gaussians)(xy.nan_to_num(0.5), size, scale)

    def mean(difference):
        return (difference.square().mean((-1, -2)) * weight).sum() / weight.sum().clamp_min(1)

    local = mean(maps - at_peaks(maps, recipe.sigma))
    same = mean(maps - warp_back(warped, theta))
    labelled = mean(maps - target)
    loss = recipe.localisation * local + recipe.equivariance * same + recipe.labels * labelled
    return loss, {"localisation": local.item(), "equivariance": same.item(), "labels": labelled.item()}


def spatial_cross_entropy(
    maps: torch.Tensor, xy: torch.Tensor, weight: torch.Tensor, sigma: float
) -> torch.Tensor:
    """Cross-entropy between a Gaussian at each label and the map as a distribution over places.

    maps    [B, K, R, R']; xy [B, K, 2] in 0..1; weight [B, K], 0 where there is no label
    sigma   of each side

    A mean squared difference hardly moves: a dark map already scores nearly as a perfect one does. This one moves at
    once, and does not ask for a height that the softmax over tokens cannot give.
    """
    rows, columns = maps.shape[-2:]
    target = gaussians(xy.nan_to_num(0.5), (rows, columns), (sigma * rows, sigma * columns)).flatten(-2)
    target = target / target.sum(-1, keepdim=True).clamp_min(1e-6)
    places = maps.flatten(-2).clamp_min(1e-9)
    log_share = places.log() - places.sum(-1, keepdim=True).log()
    return (-(target * log_share).sum(-1) * weight).sum() / weight.sum().clamp_min(1e-6)
