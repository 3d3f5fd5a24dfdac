"""Attention maps as a mask, for nodes that work on a part of a picture."""

from collections.abc import Sequence

import torch

from .heat import EACH_MAP, check_maps, normalise_maps, pick_tokens, resize_maps

MAXIMUM, MEAN = COMBINATIONS = ("maximum", "mean")


def maps_to_mask(
    maps: torch.Tensor,
    names: Sequence[str],
    which: str | Sequence[int | str],
    size: tuple[int, int],
    *,
    combine: str = MAXIMUM,
    normalise: str = EACH_MAP,
    threshold: float | None = None,
) -> torch.Tensor:
    """One mask per picture from the maps of the chosen tokens.

    maps       [B, N, R, R'], each value a share of attention in 0..1, with N `names`
    which      names or indices of tokens, see `pick_tokens`; nothing means all
    size       (height, width) of the mask in pixels
    combine    `maximum` or `mean` over the chosen tokens, after normalising
    normalise  see `normalise_maps`; `shared` looks at all tokens, also those not chosen
    threshold  None for a soft mask; else 1 where the value is at least this (0..1), 0 elsewhere

    Returns the mask [B, H, W] float32 in 0..1. Raises ValueError for tokens and options that do not exist.
    """
    maps = check_maps(maps, names)
    if combine not in COMBINATIONS:
        raise ValueError(f"Unknown way to combine '{combine}'. Choose one of: {', '.join(COMBINATIONS)}.")
    if min(size) < 1:
        raise ValueError(f"A mask needs at least one pixel, got height {size[0]} and width {size[1]}.")
    if threshold is not None and not 0 <= threshold <= 1:
        raise ValueError(f"The threshold must lie between 0 and 1, got {threshold}.")
    chosen = normalise_maps(maps, normalise)[0][:, pick_tokens(names, which)]
    combined = chosen.amax(dim=1) if combine == MAXIMUM else chosen.mean(dim=1)
    mask = resize_maps(combined[:, None], size)[:, 0]
    return mask if threshold is None else (mask >= threshold).float()
