"""What a peak's height says about whether the keypoint is visible, fitted on the labelled pictures themselves.

Warped copies have what is needed: they cut keypoints off, so there are places with the keypoint and without.
A peak counts as right when it lies within 0.1 of the label and the keypoint is visible there. The heights of
every keypoint are brought to their mean over right peaks; one logistic curve for all is fitted to them.
"""

import torch

from ..attention.maps import map_size
from ..attention.reader import read_maps
from .arrangement import arranged_peaks
from .bank import Bank
from .targets import at_places
from .tokens import KeypointTokens
from .warps import labels_of_copies

NEAR = 0.1
ROUNDS = 30
RIDGE = 1e-2  # keeps the slope finite where right and wrong part completely
AT_ONCE = 8


def fitted_calibration(unet, bank: Bank, tokens: KeypointTokens, xy: torch.Tensor, visible: torch.Tensor):
    """[K, 2] (slope, offset), or None where every peak is right or every one is wrong.

    xy [P, K, 2] labels, visible [P, K] of the bank's pictures
    """
    latents, _ = bank.everything
    where, inside = labels_of_copies(xy, torch.ones_like(xy[..., 0]), bank.theta)
    known = ~xy.isnan().any(-1).repeat_interleave(bank.warps + 1, 0)
    size = map_size(tuple(latents.shape[-2:]), tokens.map_size)
    with torch.no_grad():
        maps = read_maps(unet, latents, tokens.context[None], size=size, t=tokens.t, seed=1, layers=tokens.layers,
                         batch=AT_ONCE, rows=tokens.picked)  # fmt: skip
    places = arranged_peaks(maps, tokens.arrangement)
    share = at_places(maps, places)
    seen = visible.repeat_interleave(bank.warps + 1, 0) & (inside > 0)
    right = seen & ((places - where).norm(dim=-1) < NEAR)
    height = share.clamp_min(1e-9).log()
    level = torch.stack([
        one[good].mean() if good.any() else one.mean()
        for one, good in zip(height.T, (right & known).T, strict=True)
    ])  # fmt: skip
    truth = right[known].float()
    if truth.min() == truth.max():
        return None
    slope, offset = _logistic((height - level)[known], truth)
    return torch.stack([torch.full_like(level, slope), offset - slope * level], -1)


def _logistic(x: torch.Tensor, truth: torch.Tensor) -> tuple[float, float]:
    """(slope, offset) of the most likely logistic curve through x [n] and truth [n] of 0 and 1, by Newton's method."""
    design = torch.stack([x, torch.ones_like(x)], -1).double()
    answer = torch.tensor([1.0, 0.0], dtype=torch.double)
    ridge = RIDGE * torch.eye(2, dtype=torch.double)
    for _ in range(ROUNDS):
        chance = torch.sigmoid(design @ answer)
        slope = design.T @ (chance - truth.double()) + ridge @ answer
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + ridge
        step = torch.linalg.solve(curve, slope)
        answer = answer - step * min(1.0, 2.0 / step.norm().item()) if step.norm() > 0 else answer
    return answer[0].clamp_min(0.01).item(), answer[1].item()
