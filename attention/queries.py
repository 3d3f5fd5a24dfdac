"""Queries of many pictures, and the weights that turn tokens into keys: what closed forms work on.

A cross-attention compares queries with keys, and keys are linear in the tokens: k = token @ W. With the queries of
some pictures held fixed, everything about a token's map follows from W, without running the model again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch.nn.functional import grid_sample

from .maps import averaged_maps
from .recorder import Captured
from .timesteps import seeded_noise

WIDTH = 768  # of SD1.x's context


@dataclass(frozen=True)
class LayerQueries:
    """What one cross-attention asked, for B pictures; kept on the CPU, where there is room for many.

    q        [B, h * w, C] float32, rows first
    weights  [768, C] float32, from a token to its key
    heads    C is cut into this many
    size     (h, w)
    """

    q: torch.Tensor
    weights: torch.Tensor
    heads: int
    size: tuple[int, int]

    def at(self, xy: torch.Tensor) -> torch.Tensor:
        """[B, K, C] queries at places xy [B, K, 2] in 0..1, bicubic between the cells."""
        grid = self.q.transpose(1, 2).unflatten(2, self.size)
        where = (2 * xy.to(self.q) - 1)[:, :, None]
        found = grid_sample(grid, where, mode="bicubic", padding_mode="border", align_corners=False)
        return found[..., 0].transpose(1, 2)

    def part(self, pictures, device=None) -> "LayerQueries":
        """The queries of some pictures, by index, on a device."""
        return replace(self, q=self.q[pictures].to(device), weights=self.weights.to(device))


def read_queries(
    unet,
    latents: torch.Tensor,
    context: torch.Tensor,
    *,
    t: int,
    layers: tuple[str, ...],
    seed: int = 0,
    batch: int = 4,
    on_batch: Callable[[int], None] = lambda done: None,
) -> list[LayerQueries]:
    """What each of the layers asks of latents [B, 4, h, w] under a context [1, N, 768]; arguments as read_maps."""
    taken: list[list[Captured]] = []
    for first in range(0, len(latents), batch):
        part = latents[first : first + batch]
        recorder = unet.recorder(layers, context_length=context.shape[1])
        unet.run(part, seeded_noise(part, seed, first), t, context, recorder)
        taken.append([replace(one, q=one.q.float().cpu()) for one in recorder.taken()])
        on_batch(first + len(part))
    weights = key_weights(unet, latents[:1], layers)
    return [
        LayerQueries(torch.cat([one.q for one in layer]), keys, layer[0].heads, layer[0].size)
        for layer, keys in zip(zip(*taken, strict=True), weights, strict=True)
    ]


def key_weights(unet, latents: torch.Tensor, layers: tuple[str, ...]) -> list[torch.Tensor]:
    """[768, C] for each layer: the keys of the unit tokens, so that patches on the model (LoRA) are in them."""
    recorder = unet.recorder(layers, context_length=WIDTH)
    unit = torch.eye(WIDTH)[None]
    unet.run(latents, seeded_noise(latents, 0), 0, unit, recorder)
    return [one.k[0].float().cpu() for one in recorder.taken()]


def maps_of(layers: list[LayerQueries], context: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """[B, N, R, R'] maps of tokens [N, 768] under queries that stay as they are, differentiable in the tokens.

    Exact for the context under which the queries were read; for others near it an approximation, because tokens
    also reach the later queries, through the attentions before them.
    """
    captured = [
        Captured(layer.q, (context @ layer.weights).expand(len(layer.q), -1, -1), layer.heads, layer.size)
        for layer in layers
    ]
    return averaged_maps(captured, size)
