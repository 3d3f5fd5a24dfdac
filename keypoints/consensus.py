"""Where keypoints are in pictures, by what the pictures and their warped copies agree on."""

from typing import NamedTuple

import torch

from .arrangement import fitted_arrangement

NEAR = 0.05  # of the side


class Consensus(NamedTuple):
    """Where keypoints are in P pictures, by what the originals and their warped copies say.

    xy         [P, K, 2] in 0..1: the place of the copy that is nearest to all others
    agreement  [P, K] in 0..1: share of the copies within 0.05 of it
    """

    xy: torch.Tensor
    agreement: torch.Tensor


def consensus(found: torch.Tensor, theta: torch.Tensor) -> Consensus:
    """What peaks [P (1 + W), K, 2] of all copies agree on."""
    pictures, copies = theta.shape[:2]
    # A warp says where in the original each place of the copy comes from: applied to a peak it takes it back.
    home = torch.einsum("bij,bkj->bki", theta.flatten(0, 1)[..., :2], 2 * found - 1)
    home = ((home + theta.flatten(0, 1)[:, None, :, 2] + 1) / 2).unflatten(0, (pictures, copies))
    among = home.transpose(1, 2)  # [P, K, 1 + W, 2]
    central = torch.cdist(among, among).sum(-1).argmin(-1)
    xy = among.gather(2, central[..., None, None].expand(-1, -1, 1, 2))[:, :, 0]
    agreement = ((home - xy[:, None]).norm(dim=-1) < NEAR).float().mean(1)
    return Consensus(xy, agreement)


def agreed_arrangement(found: Consensus, size: tuple[int, int]) -> torch.Tensor:
    """[2, K, K] as fitted_arrangement gives it, from the keypoints on which most copies agree.

    size  (rows, columns) of the pictures
    """
    return fitted_arrangement(torch.where((found.agreement > 0.5)[..., None], found.xy, torch.nan), size)
