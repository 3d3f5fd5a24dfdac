"""From attention maps to values worth showing: which tokens, which scale, which size.

The overlay and the mask both start here, so the same setting means the same thing in both.
"""

from collections.abc import Sequence

import torch

EACH_MAP, SHARED, ABSOLUTE = NORMALISATIONS = ("each map", "shared", "absolute")


def pick_tokens(names: Sequence[str], which: str | Sequence[int | str]) -> list[int]:
    """The indices of the chosen tokens, in the order asked for.

    `which` is a list of names and indices, or one string of them parted by commas. A name stands for
    every token that has it, and takes precedence over an index. Nothing chosen means all tokens.
    Raises ValueError for an unknown name and for an index outside the maps.
    """
    wanted = which.split(",") if isinstance(which, str) else list(which)
    wanted = [item.strip() if isinstance(item, str) else item for item in wanted]
    wanted = [item for item in wanted if item != ""]
    picked = []
    for item in wanted or range(len(names)):
        found = [i for i, name in enumerate(names) if name == item]
        picked += found or [_index(item, names)]
    return list(dict.fromkeys(picked))


def _index(item: int | str, names: Sequence[str]) -> int:
    try:
        index = int(item)
    except ValueError:
        raise ValueError(
            f"There is no token named '{item}' in these maps. The names are: {', '.join(names)}."
        ) from None
    if not 0 <= index < len(names):
        raise ValueError(
            f"Token {index} is outside these maps, which hold {len(names)} tokens. "
            f"Choose from 0 to {len(names) - 1}."
        )
    return index


def check_maps(maps: torch.Tensor, names: Sequence[str]) -> torch.Tensor:
    """Attention maps [B, N, R, R'] as float32 on the CPU. Raises ValueError when they cannot be shown."""
    if maps.ndim != 4 or 0 in maps.shape:
        raise ValueError(
            f"Expected attention maps of shape [pictures, tokens, rows, columns], "
            f"got shape {list(maps.shape)}. Connect the maps of a node that reads attention."
        )
    if len(names) != maps.shape[1]:
        raise ValueError(
            f"Got {maps.shape[1]} attention maps per picture but {len(names)} names. Each map needs one name."
        )
    maps = maps.detach().to(device="cpu", dtype=torch.float32)
    if not maps.isfinite().all():
        raise ValueError(
            "The attention maps hold values that are not numbers. Check that the picture is a "
            "proper one and that the model gives pictures with its present precision."
        )
    return maps


def normalise_maps(maps: torch.Tensor, how: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Bring maps [B, N, R, R'] to 0..1.

    `each map` stretches every map from its own lowest to its own highest value, `shared` stretches all
    maps of a picture by the same two values, `absolute` leaves the shares of attention as they are.
    Returns the maps, and the values [B, N] that became 0 and 1. A map without contrast becomes 0.
    """
    if how == EACH_MAP:
        low, high = maps.amin(dim=(2, 3)), maps.amax(dim=(2, 3))
    elif how == SHARED:
        low = maps.amin(dim=(1, 2, 3))[:, None].expand(maps.shape[:2])
        high = maps.amax(dim=(1, 2, 3))[:, None].expand(maps.shape[:2])
    elif how == ABSOLUTE:
        low, high = torch.zeros(maps.shape[:2]), torch.ones(maps.shape[:2])
    else:
        raise ValueError(f"Unknown normalisation '{how}'. Choose one of: {', '.join(NORMALISATIONS)}.")
    span = (high - low).clamp(min=torch.finfo(torch.float32).tiny)[..., None, None]
    return ((maps - low[..., None, None]) / span).clamp(0, 1), low, high


def resize_maps(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Maps [B, N, R, R'] in 0..1 to [B, N, H, W] for `size` (H, W), smoothly, still in 0..1."""
    return torch.nn.functional.interpolate(maps, size=size, mode="bicubic", antialias=True).clamp(0, 1)
