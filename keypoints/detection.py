"""Finding learned keypoints in pictures: maps, averaged over warped copies (Hedlin et al. eq. 11), and their peaks."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..attention.maps import map_size
from ..attention.pictures import check_pictures, readable_pictures
from ..attention.reader import read_maps
from .arrangement import arranged_peaks
from .bank import Bank, common_warps, fill_bank
from .calibration import evidence, visibility
from .keypoints import Keypoints
from .targets import at_places, cell_centres
from .tokens import KeypointTokens
from .warps import coverage, warp_back

PIECE = 16  # pictures encoded before the UNet runs: the host may have to swap the two models
AT_ONCE = 8  # pictures and copies in one UNet call


@dataclass(frozen=True)
class Detected:
    """keypoints of B pictures; maps [B, K, R, R'] float32 of the picked tokens, averaged over copies."""

    keypoints: Keypoints
    maps: torch.Tensor


def detect_pictures(
    source,
    images: torch.Tensor,
    tokens: KeypointTokens,
    *,
    augmentations: int = 0,
    seed: int = 0,
    radius: float = 0.0,
    longest: int | None = None,
    first: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    keep_maps: bool = True,
) -> tuple[Keypoints, torch.Tensor | None]:
    """(keypoints of pictures [B, H, W, C] in 0..1, their maps [B, K, R, R'] or None).

    Works through the batch in pieces; beside the pictures and what is returned, no more than one piece is held.

    source         the host's model: encode(pictures) and open(latent shape)
    augmentations  warped copies to average over besides the picture itself (eq. 11; published: 10)
    radius         see `detect`
    longest        larger pictures are shrunk to this side, see `readable_pictures`
    first          number of the first picture in a larger whole, for its noise
    on_progress    (done, total) copies encoded and read, after every call of a model; a good place for cancel
    """
    check_pictures(images)
    count, found, maps = len(images), [], None
    for start in range(0, count, PIECE):
        pictures = readable_pictures(images[start : start + PIECE], longest)
        theta = common_warps(pictures, augmentations, seed)
        work = 2 * theta.shape[1]  # each copy of a picture is encoded and read
        tell = _after(on_progress, work * start, work * count)
        bank = fill_bank(source.encode, pictures, theta, tell)
        with source.open((AT_ONCE, *bank.latents.shape[2:])) as unet:
            one = detect(
                unet, bank, tokens, seed=seed, first=first + start, radius=radius,
                on_copy=_after(tell, len(pictures) * theta.shape[1]),
            )  # fmt: skip
        found.append(one.keypoints)
        if keep_maps:
            maps = torch.empty(count, *one.maps.shape[1:]) if maps is None else maps
            maps[start : start + PIECE] = one.maps
    together = (torch.cat([getattr(one, part) for one in found]) for part in ("xy", "score", "visible"))
    return Keypoints(*together, tokens.names, tokens.skeleton), maps


def _after(tell: Callable, done: int, *rest) -> Callable[[int], None]:
    """What work tells that comes after `done` other work."""
    return lambda more: tell(done + more, *rest)


def detect(
    unet,
    bank: Bank,
    tokens: KeypointTokens,
    *,
    seed: int = 0,
    first: int = 0,
    radius: float = 0.0,
    on_copy: Callable[[int], None] = lambda done: None,
) -> Detected:
    """The keypoints of the pictures of a bank, which holds the pictures and the warped copies to average over.

    first    number of the bank's first picture in the whole batch, for its noise
    radius   in 512ths of the longer side: the place is the mean of the map within it around the highest cell, weighted
             by the map (the published code's option: 5); 0 for the centre of that cell
    on_copy  called with the number of pictures and copies read, for progress and cancel
    Score: the share of the attention at the peak, or, with a calibration, the chance that the keypoint is visible;
    visible where that chance is at least a half.
    """
    copies = bank.warps + 1
    together = max(1, AT_ONCE // copies)
    parts = []
    for start in range(0, bank.pictures, together):
        part = slice(start, start + together)
        parts.append(
            _averaged(
                unet, bank.latents[part], bank.theta[part], tokens, seed, (first + start) * copies,
                _after(on_copy, start * copies),
            )
        )  # fmt: skip
    every = torch.cat(parts)
    maps = every[:, : len(tokens.picked)]
    xy = arranged_peaks(maps, tokens.arrangement)
    chance = visibility(evidence(every, xy), tokens)
    score = at_places(maps, xy) if chance is None else chance
    visible = torch.ones_like(score, dtype=torch.bool) if chance is None else chance >= 0.5
    if radius:
        xy = local_means(maps, xy, radius)
    return Detected(Keypoints(xy, score, visible, tokens.names, tokens.skeleton), maps)


def _averaged(unet, latents, theta, tokens: KeypointTokens, seed: int, number: int, on_copy):
    """[b, rows, R, R'] on the CPU: maps of the tokens' rows in copies [b, 1 + A, 4, h, w], each warped back.

    The sum of the warped-back maps is divided by that of warped-back ones (eq. 11).
    """
    size = map_size((latents.shape[-2], latents.shape[-1]), tokens.map_size)
    flat, where = latents.flatten(0, 1), theta.flatten(0, 1)
    maps = read_maps(unet, flat, tokens.context[None], size=size, t=tokens.t, seed=seed, layers=tokens.layers,
                     batch=AT_ONCE, first=number, rows=tokens.rows,
                     on_batch=on_copy)  # fmt: skip
    if latents.shape[1] == 1:
        return maps
    copies = (-1, latents.shape[1])
    total = warp_back(maps, where).unflatten(0, copies).sum(1)
    return total / coverage(where, size).unflatten(0, copies).sum(1).clamp_min(1e-6)


def local_means(maps: torch.Tensor, xy: torch.Tensor, radius: float) -> torch.Tensor:
    """[B, K, 2] in 0..1: the mean place, weighted by the map, within `radius` of places xy [B, K, 2]."""
    rows, columns = maps.shape[-2:]
    cells = max(rows, columns) / 512 * radius
    y, x = cell_centres(rows)[:, None].expand(rows, columns), cell_centres(columns).expand(rows, columns)
    top = xy * torch.tensor([columns, rows])
    near = (x - top[..., 0, None, None]).square() + (y - top[..., 1, None, None]).square() <= cells**2
    weight = maps * near
    total = weight.sum((-1, -2)).clamp_min(1e-12)
    mean = torch.stack([(weight * x).sum((-1, -2)) / total, (weight * y).sum((-1, -2)) / total], -1)
    return mean / torch.tensor([columns, rows])
