"""Pictures in, averaged cross-attention maps out, without gradients, in batches that the device can hold.

The learning loops do the same with gradients: `unet.run` into a recorder, then `averaged_maps`.
"""

from collections.abc import Callable, Sequence

import torch

from .layers import PUBLISHED
from .maps import averaged_maps
from .timesteps import DEFAULT_T, seeded_noise


def read_maps(
    unet,
    latents: torch.Tensor,
    context: torch.Tensor,
    *,
    size: tuple[int, int],
    t: int = DEFAULT_T,
    seed: int = 0,
    layers: tuple[str, ...] = PUBLISHED,
    batch: int = 4,
    first: int = 0,
    rows: Sequence[int] | None = None,
    on_batch: Callable[[int], None] = lambda done: None,
) -> torch.Tensor:
    """[B, N, R, R'] float32 on the CPU: the maps of latents [B, 4, h, w] for context [B or 1, N, 768].

    unet      an opened UNet of the host
    size      (R, R') of the maps, see `map_size`
    t         timestep 0..999; noise is seeded for each picture by its place in the batch
    batch     pictures in one forward pass
    first     place of the first of these pictures in the whole batch
    rows      the tokens whose maps are wanted, all without; N is then their number
    on_batch  called with the number of pictures done, for progress and cancel
    """
    results = []
    for start in range(0, len(latents), batch):
        part = latents[start : start + batch]
        own = context if len(context) == 1 else context[start : start + batch]
        recorder = unet.recorder(layers, context_length=own.shape[1])
        unet.run(part, seeded_noise(part, seed, first + start), t, own, recorder)
        maps = averaged_maps(recorder.taken(), size)
        results.append((maps if rows is None else maps[:, list(rows)]).float().cpu())
        on_batch(start + len(part))
    return torch.cat(results)
