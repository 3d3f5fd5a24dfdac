"""The chance that a keypoint is visible where it was found: what tells it, and a curve fitted on labelled pictures.

What tells it, the evidence e, is read at the keypoint's place: the log of its own share of the attention or, for
tokens with a row that knows what hidden keypoints look like (occlusion.py), minus the log of that row's share.

    chance = 1 / (1 + exp(-(slope e + offset)))

Fitted on pictures in which some keypoints are gone: warped copies cut them off, or something was laid over them. A
keypoint counts as visible when it is, and was found within 0.1 of its label. By its own share, the offset differs
between keypoints: their shares are brought to the mean of the visible ones.
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


def evidence(maps: torch.Tensor, xy: torch.Tensor) -> torch.Tensor:
    """[B, K] at places xy [B, K, 2] in 0..1, out of the maps [B, K or K + 1, R, R'] of KeypointTokens.rows."""
    count = xy.shape[1]
    if maps.shape[1] == count:
        return at_places(maps, xy).clamp_min(1e-9).log()
    return -at_places(maps[:, count:].expand(-1, count, -1, -1), xy).clamp_min(1e-9).log()


def visibility(e: torch.Tensor, tokens: KeypointTokens) -> torch.Tensor | None:
    """[B, K] in 0..1: the chance that keypoints of evidence e [B, K] are visible, or None without a calibration."""
    if tokens.calibration is None:
        return None
    slope, offset = tokens.calibration.T
    return torch.sigmoid(slope * e + offset)


def fitted_calibration(
    unet, bank: Bank, tokens: KeypointTokens, xy: torch.Tensor, visible: torch.Tensor, share_hidden: float | None = None
):
    """[K, 2] (slope, offset), or None where every keypoint counts as visible or none does.

    xy [P, K, 2] labels, visible [P, K] of the bank's pictures
    share_hidden  how many keypoints are hidden in pictures as they are, in 0..1; None: as many as in the bank
    """
    latents, _ = bank.everything
    where, inside = labels_of_copies(xy, torch.ones_like(xy[..., 0]), bank.theta)
    known = ~xy.isnan().any(-1).repeat_interleave(bank.warps + 1, 0)
    size = map_size(tuple(latents.shape[-2:]), tokens.map_size)
    with torch.no_grad():
        maps = read_maps(unet, latents, tokens.context[None], size=size, t=tokens.t, seed=1, layers=tokens.layers,
                         batch=AT_ONCE, rows=tokens.rows)  # fmt: skip
    places = arranged_peaks(maps[:, : len(tokens.picked)], tokens.arrangement)
    e = evidence(maps, places)
    seen = visible.repeat_interleave(bank.warps + 1, 0) & (inside > 0)
    right = seen & ((places - where).norm(dim=-1) < NEAR)
    truth = right[known].float()
    if truth.min() == truth.max():
        return None
    level = torch.zeros(xy.shape[1])
    if tokens.hidden is None:
        level = torch.stack([
            one[good].mean() if good.any() else one.mean()
            for one, good in zip(e.T, (right & known).T, strict=True)
        ])  # fmt: skip
    counts = torch.ones_like(truth)
    if share_hidden is not None:
        counts = torch.where(truth > 0, (1 - share_hidden) / truth.mean(), share_hidden / (1 - truth).mean())
    slope, offset = _logistic((e - level)[known], truth, counts)
    return torch.stack([torch.full_like(level, slope), offset - slope * level], -1)


def _logistic(x: torch.Tensor, truth: torch.Tensor, counts: torch.Tensor) -> tuple[float, float]:
    """(slope, offset) of the most likely logistic curve through x [n] and truth [n] of 0 and 1, each counting so often,
    by Newton's method.
    """
    design = torch.stack([x, torch.ones_like(x)], -1).double()
    counts = counts.double()
    answer = torch.tensor([1.0, 0.0], dtype=torch.double)
    ridge = RIDGE * torch.eye(2, dtype=torch.double)
    for _ in range(ROUNDS):
        chance = torch.sigmoid(design @ answer)
        slope = design.T @ (counts * (chance - truth.double())) + ridge @ answer
        curve = (design * (counts * chance * (1 - chance))[:, None]).T @ design + ridge
        step = torch.linalg.solve(curve, slope)
        answer = answer - step * min(1.0, 2.0 / step.norm().item()) if step.norm() > 0 else answer
    return answer[0].clamp_min(0.01).item(), answer[1].item()
