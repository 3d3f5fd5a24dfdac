"""Records the queries and keys of chosen cross-attentions while the host runs its UNet.

The recorder hands out a copy of the host's transformer options with one attn2 replacement patch per
layer. Whatever another pack has put in a layer's place is kept and called; nothing of the caller's is
written to. Attention itself is never computed here: `attend` is the host's own function.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from .layers import CROSS_ATTENTIONS, block_key


@dataclass(frozen=True)
class Captured:
    """What one cross-attention compared: the picture's queries with the context's keys.

    q     [B, h * w, heads * d], rows first
    k     [B, N, heads * d]
    size  (h, w) of the layer, as the host reports it, not guessed from h * w
    """

    q: torch.Tensor
    k: torch.Tensor
    heads: int
    size: tuple[int, int]


class EarlyExit(BaseException):
    """Ends a forward pass after the last needed layer.

    A BaseException, so that an `except Exception` on the way up, the host's or a pack's, lets it pass.
    """


class Recorder:
    """Captures q and k of `layers`; `captured` maps each layer's name to a Captured after a forward pass.

    attend          the host's attention: attend(q, k, v, heads, extra_options) -> output before to_out
    stop_early      raise EarlyExit at the last of the layers, whose output nothing needs any more
    condition       which part of a mixed batch to keep: 0 the positive, 1 the negative (cond_or_uncond)
    context_length  number of rows of that condition's context; the host repeats contexts of unequal length
                    to a common one, and the repeats are folded back, or each token's share would be split
    """

    def __init__(
        self,
        layers: tuple[str, ...],
        attend: Callable,
        *,
        stop_early: bool = True,
        condition: int = 0,
        context_length: int | None = None,
    ):
        self.layers = tuple(name for name in CROSS_ATTENTIONS if name in layers)
        self.attend = attend
        self.stop_early = stop_early
        self.condition = condition
        self.context_length = context_length
        self.captured: dict[str, Captured] = {}

    def taken(self) -> list[Captured]:
        """What each of the layers compared, in forward order. Raises RuntimeError when one of them did not run."""
        skipped = [layer for layer in self.layers if layer not in self.captured]
        if skipped:
            raise RuntimeError(
                f"The model did not run the cross-attention of {', '.join(skipped)}. A patch on it skips blocks "
                "(a caching or block-skipping node); connect the model from before that node."
            )
        return [self.captured[layer] for layer in self.layers]

    def patched(self, transformer_options: dict) -> dict:
        """A copy of the options with this recorder's patches in it, chained before those already there."""
        options = transformer_options.copy()
        replace = options["patches_replace"] = options.get("patches_replace", {}).copy()
        attn2 = replace["attn2"] = replace.get("attn2", {}).copy()
        for layer in self.layers:
            key = block_key(layer)
            foreign = attn2.get(key, attn2.get(key[:2]))
            attn2[key] = self._patch(layer, foreign)
        return options

    def _patch(self, layer, foreign):
        def patch(q, k, v, extra_options):
            self._keep(layer, q, k, extra_options)
            if self.stop_early and layer == self.layers[-1]:
                raise EarlyExit
            if foreign is not None:
                return foreign(q, k, v, extra_options)
            return self.attend(q, k, v, extra_options["n_heads"], extra_options)

        return patch

    def _keep(self, layer, q, k, extra_options):
        conditions = extra_options.get("cond_or_uncond") or [self.condition]
        if len(conditions) > 1:
            if self.condition not in conditions:
                return
            wanted = [part for part, kind in enumerate(conditions) if kind == self.condition]
            q, k = (torch.cat([tensor.chunk(len(conditions))[part] for part in wanted]) for tensor in (q, k))
        elif conditions[0] != self.condition:
            return
        height, width = extra_options["activations_shape"][-2:]
        k = fold_repeats(k, self.context_length or k.shape[1])
        self.captured[layer] = Captured(q, k, extra_options["n_heads"], (height, width))


def fold_repeats(k: torch.Tensor, length: int) -> torch.Tensor:
    """The first `length` keys [B, length, C] of keys [B, r * length, C] that repeat them r times.

    The softmax over r equal copies gives each copy 1/r of its token's share; over one copy, the whole.
    Raises ValueError when the keys are not repeats.
    """
    copies = k.unflatten(1, (-1, length)) if k.shape[1] % length == 0 else None
    # Copies may round differently in half precision, where a matrix product depends on a row's place.
    if copies is None or not all(torch.allclose(copy, copies[:, 0], 1e-2, 1e-2) for copy in copies.unbind(1)[1:]):
        raise ValueError(
            f"A patch on the model turned a context of {length} rows into {k.shape[1]}, so rows and tokens no longer "
            "belong together. Connect the model from before that node."
        )
    return k[:, :length]
