"""The baseline without discriminant analysis: a keypoint is the mean of what the model asks at its labels."""

import torch

from ..attention.queries import LayerQueries
from .closed_form import SINKS, tokens_with_keys


def prototype_tokens(layers: list[LayerQueries], xy: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """[K + sinks, 768]: keys are the mean normalised query at the labels xy [B, K, 2], less the mean over everything.

    weight [B, K], 0 where there is no label. The logit of a key is then a cosine similarity.
    """
    share = weight / weight.sum(0).clamp_min(1e-6)
    keys = []
    for layer in layers:
        unit = torch.nn.functional.normalize(layer.at(xy.nan_to_num(0.5)), dim=-1)
        centre = torch.nn.functional.normalize(layer.q, dim=-1).mean((0, 1))
        mean = (unit * share[..., None]).sum(0) - centre
        scale = layer.q.norm(dim=-1).mean() / (layer.q.shape[-1] / layer.heads) ** 0.5
        keys.append(mean * layer.heads / scale)
    tokens = tokens_with_keys(layers, torch.cat(keys, -1))
    return torch.cat([tokens, tokens.new_zeros(SINKS, tokens.shape[1])])
