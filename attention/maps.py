"""Averaged cross-attention maps out of captured queries and keys, exactly and in little memory.

The map of token n is the mean over layers and heads of softmax over TOKENS of q.k / sqrt(d), with the
queries brought to map resolution first (bicubic, align_corners=False; Hedlin et al. section 3.1).
Interpolation and q -> q.k are both linear, so the logits are interpolated instead of the queries, which
is the same numbers for far less work, and as two small matrix products, one for each axis.

Softmaxes of map resolution are never stored: both directions walk through chunks of pictures, heads and
rows that stay under a bound, and the backward pass computes them again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from .recorder import Captured

# One softmax chunk; forward holds about two of them, backward about three. On a CPU, chunks of this size stay in
# the cache and in memory that the C library keeps: 40 % less time than with the GPU's.
CHUNK_BYTES, CHUNK_BYTES_ON_CPU = 64 * 2**20, 4 * 2**20


@dataclass(frozen=True)
class AttentionMaps:
    """Averaged cross-attention maps of a batch of pictures.

    maps   [B, N, R, R'] float32 in 0..1: the share of the attention at a place that goes to a token
    names  N names
    """

    maps: torch.Tensor
    names: tuple[str, ...]

    def __post_init__(self):
        if self.maps.ndim != 4 or self.maps.shape[1] != len(self.names):
            raise ValueError(
                f"Attention maps must be [pictures, tokens, rows, columns] with one name for each token; "
                f"got {list(self.maps.shape)} and {len(self.names)} names."
            )

    def pick(self, tokens: Sequence[int]) -> "AttentionMaps":
        """The maps of some tokens, by index."""
        return AttentionMaps(self.maps[:, list(tokens)], tuple(self.names[token] for token in tokens))

    def peaks(self) -> tuple[torch.Tensor, torch.Tensor]:
        """(xy [B, N, 2] in 0..1 of width and height, share [B, N]) of the highest cell of each map."""
        rows, columns = self.maps.shape[-2:]
        share, index = self.maps.flatten(2).max(-1)
        xy = torch.stack([(index % columns + 0.5) / columns, (index // columns + 0.5) / rows], -1)
        return xy, share

    def __str__(self):
        """A table of the peaks, for nodes that show any value as text."""
        count, tokens, rows, columns = self.maps.shape
        plural = "s" if count != 1 else ""
        size = f"{count} picture{plural}, {tokens} maps of {columns} x {rows}"
        lines = [f"{size}; peak of each at x, y (share of attention)"]
        for number, (places, shares) in enumerate(zip(*self.peaks(), strict=True)):
            told = (
                f"{name} {x:.2f}, {y:.2f} ({share:.0%})"
                for name, (x, y), share in zip(self.names, places.tolist(), shares.tolist(), strict=True)
            )
            lines.append(f"picture {number + 1}: " + "; ".join(told))
        return "\n".join(lines)


class MapsOnDemand(AttentionMaps):
    """Maps of a batch for which they would be too large to keep: read again whenever a node asks for them.

    read  indices of tokens -> their maps [B, n, R, R']
    """

    def __init__(self, read: Callable[[Sequence[int]], torch.Tensor], names: tuple[str, ...]):
        # A frozen dataclass is set through object.
        object.__setattr__(self, "read", read)
        object.__setattr__(self, "names", names)

    @property
    def maps(self) -> torch.Tensor:
        return self.read(range(len(self.names)))

    def pick(self, tokens: Sequence[int]) -> AttentionMaps:
        return AttentionMaps(self.read(tokens), tuple(self.names[token] for token in tokens))


def map_size(picture_size: tuple[int, int], longest: int) -> tuple[int, int]:
    """(R, R') of a map for a picture of (height, width): same aspect ratio, the longer side `longest`."""
    height, width = picture_size
    scale = longest / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def bicubic_matrix(inputs: int, outputs: int, device=None, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """[outputs, inputs]: torch's bicubic interpolation along one axis (align_corners=False)."""
    unit = torch.eye(inputs, device=device, dtype=dtype)[None, None]
    return torch.nn.functional.interpolate(unit, (outputs, inputs), mode="bicubic", align_corners=False)[0, 0]


def averaged_maps(layers: Sequence[Captured], size: tuple[int, int], chunk_bytes: int | None = None) -> torch.Tensor:
    """[B, N, R, R'] maps of size (R, R'), differentiable with respect to every q and k.

    All layers must have seen the same B pictures and N tokens. Computed in float32, out of float64 in float64.
    """
    shapes = {(layer.q.shape[0], layer.k.shape[1]) for layer in layers}
    if len(shapes) != 1:
        raise ValueError(f"The layers to average must have seen one batch and one context; got {sorted(shapes)}.")
    if chunk_bytes is None:
        chunk_bytes = CHUNK_BYTES_ON_CPU if layers[0].q.device.type == "cpu" else CHUNK_BYTES
    spec = [(layer.heads, layer.size) for layer in layers]
    tensors = [tensor for layer in layers for tensor in (layer.q, layer.k)]
    return _AveragedMaps.apply(spec, size, chunk_bytes, *tensors)


class _AveragedMaps(torch.autograd.Function):
    """Tokens stand last inside: the softmax then runs over contiguous memory."""

    @staticmethod
    def forward(ctx, spec, size, chunk_bytes, *tensors):
        ctx.spec, ctx.size, ctx.chunk_bytes = spec, size, chunk_bytes
        ctx.save_for_backward(*tensors)
        batch, tokens = tensors[0].shape[0], tensors[1].shape[1]
        total = torch.zeros(batch, *size, tokens, device=tensors[0].device, dtype=_computed_in(tensors))
        weight = 1 / sum(heads for heads, _ in spec)
        for layer, q, k in _layers(spec, size, tensors):
            for part in layer.chunks(batch, tokens, chunk_bytes):
                shares = layer.logits(q, k, part).softmax(-1)
                total[part.pictures, part.rows] += shares.sum(1).mul_(weight)
        return total.permute(0, 3, 1, 2).contiguous()

    @staticmethod
    @torch.autograd.function.once_differentiable  # the recomputation below is not recorded
    def backward(ctx, gradient):
        tensors = ctx.saved_tensors
        batch, tokens = tensors[0].shape[0], tensors[1].shape[1]
        weight = 1 / sum(heads for heads, _ in ctx.spec)
        gradient = gradient.permute(0, 2, 3, 1).to(_computed_in(tensors)).contiguous() * weight
        results = []
        for layer, q, k in _layers(ctx.spec, ctx.size, tensors):
            results += layer.gradients(q, k, gradient, layer.chunks(batch, tokens, ctx.chunk_bytes))
        return None, None, None, *results


@dataclass(frozen=True)
class _Part:
    pictures: slice
    heads: slice
    rows: slice


@dataclass(frozen=True)
class _Layer:
    heads: int
    size: tuple[int, int]
    up: torch.Tensor  # [R, h]
    across: torch.Tensor  # [R', w]

    def split(self, tensor, part):
        """[b, heads, positions, d] of a part of a [B, positions, heads * d] tensor, as it is computed with."""
        one = tensor[part.pictures].unflatten(-1, (self.heads, -1))[:, :, part.heads]
        return one.transpose(1, 2).to(self.up.dtype)

    def chunks(self, batch, tokens, chunk_bytes):
        rows_of_map, columns = self.up.shape[0], self.across.shape[0]
        row = columns * tokens * 4
        rows = min(rows_of_map, max(1, chunk_bytes // row))
        heads = min(self.heads, max(1, chunk_bytes // (row * rows))) if rows == rows_of_map else 1
        pictures = min(batch, max(1, chunk_bytes // (row * rows * heads))) if heads == self.heads else 1
        return [
            _Part(slice(b, b + pictures), slice(h, h + heads), slice(r, r + rows))
            for b in range(0, batch, pictures)
            for h in range(0, self.heads, heads)
            for r in range(0, rows_of_map, rows)
        ]

    def logits(self, q, k, part):
        """[b, heads, rows, R', N] logits at map resolution."""
        height, width = self.size
        queries, keys = self.split(q, part), self.split(k, part)
        low = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2)  # [b, heads, h * w, N]
        tokens = low.shape[-1]
        tall = self.up[part.rows] @ low.reshape(*low.shape[:2], height, width * tokens)
        return self.across @ tall.unflatten(-1, (width, tokens))

    def gradients(self, q, k, gradient, parts):
        """Gradients of q and k; the softmax of every part is computed again."""
        height, width = self.size
        results = torch.zeros_like(q, dtype=self.up.dtype), torch.zeros_like(k, dtype=self.up.dtype)
        of_q, of_k = (tensor.unflatten(-1, (self.heads, -1)).transpose(1, 2) for tensor in results)
        for part in parts:
            shares = self.logits(q, k, part).softmax(-1)
            wanted = gradient[part.pictures, None, part.rows]
            of_logits = shares.mul(wanted)
            of_logits.sub_(shares.mul_(of_logits.sum(-1, keepdim=True)))
            of_tall = self.across.T @ of_logits  # [b, heads, rows, w, N]
            of_low = (self.up[part.rows].T @ of_tall.flatten(-2)).reshape(*of_tall.shape[:2], height * width, -1)
            queries, keys = self.split(q, part), self.split(k, part)
            scale = queries.shape[-1] ** -0.5
            of_q[part.pictures, part.heads] += (of_low @ keys) * scale
            of_k[part.pictures, part.heads] += (of_low.transpose(-1, -2) @ queries) * scale
        return results[0].to(q.dtype), results[1].to(k.dtype)


def _layers(spec, size, tensors):
    for index, (heads, (height, width)) in enumerate(spec):
        q, k = tensors[2 * index : 2 * index + 2]
        sides = ((height, size[0]), (width, size[1]))
        up, across = (bicubic_matrix(*side, q.device, _computed_in(tensors)) for side in sides)
        yield _Layer(heads, (height, width), up, across), q, k


def _computed_in(tensors: Sequence[torch.Tensor]) -> torch.dtype:
    return torch.promote_types(tensors[0].dtype, torch.float32)
