"""Optimising tokens against queries that are held fixed, and read again every so often.

A token's map depends on the queries of the picture and on its own key. Queries change little with the tokens, so
they are read once through the UNet, and then the tokens are optimised on them alone, for a hundredth of the
work of a step through the UNet: the gradient leaves out only the way from the tokens to later queries.
Reading again now and then brings the queries back to those that the tokens really meet.

The loss is the spatial cross-entropy to labels. Without labels, the labels are the places on which a picture and
its warped copies agree, found again at every reading: equivariance (eq. 5) as a vote instead of a difference.
"""

from collections.abc import Callable

import torch

from ..attention.maps import map_size
from ..attention.queries import LayerQueries, maps_of, read_queries
from .bank import Bank
from .clusters import peaks_of
from .consensus import Consensus, consensus
from .learner import generator_of
from .learning_state import LearningState
from .objectives import spatial_cross_entropy
from .recipes import Recipe
from .warps import labels_of_copies

MAP = 32  # cells of the longer side of the maps that are compared with labels
SIGMA = 0.015  # of each side


class FixedQueries:
    """Gradients under queries that are read again every `recipe.reread` steps.

    labels  (xy [P, K, 2], weight [P, K]) of the bank's pictures, or None: what the copies agree on
    layers  the queries as they were read last
    """

    def __init__(self, unet, bank: Bank, recipe: Recipe, seed: int, labels=None,
                 on_read: Callable[[int], None] = lambda done: None):  # fmt: skip
        self.unet, self.bank, self.recipe, self.seed, self.labels = unet, bank, recipe, seed, labels
        self.on_read = on_read
        self.layers: list[LayerQueries] = []
        self._xy = self._weight = None

    def __call__(self, step: int, state: LearningState) -> tuple[float, torch.Tensor]:
        if step % self.recipe.reread == 0:
            state.extra["read_under"] = state.context.clone()
            self._read(step, state)
        elif not self.layers:  # resumed between two readings
            self._read(step - step % self.recipe.reread, state)
        generator = generator_of(self.seed, step)
        chosen = torch.randperm(len(self._xy), generator=generator)[: 2 * self.recipe.batch]
        device = self.unet.device
        xy, weight = self._xy[chosen].to(device), self._weight[chosen].to(device)
        with torch.enable_grad():
            tokens = state.context.to(device).clone().requires_grad_()
            maps = maps_of([layer.part(chosen, device) for layer in self.layers], tokens, self._size)
            loss = spatial_cross_entropy(maps[:, : xy.shape[1]], xy, weight, SIGMA)
            (slope,) = torch.autograd.grad(loss, tokens)
        return loss.item(), slope.cpu()

    def _read(self, step, state):
        latents, _ = self.bank.everything
        self._size = map_size(tuple(latents.shape[-2:]), MAP)
        self.layers = []  # not two of them in memory
        self.layers = read_queries(
            self.unet, latents, state.extra["read_under"][None], t=self.recipe.t, layers=self.recipe.layers,
            seed=self.seed + step * 7919, on_batch=self.on_read,
        )  # fmt: skip
        self._xy, self._weight = self._labels(state)

    def _labels(self, state):
        if self.labels is not None:
            return labels_of_copies(*self.labels, self.bank.theta)
        xy, weight = labels_of_copies(*self._agreed(state.extra["read_under"]), self.bank.theta)
        return xy, weight.square()

    def agreed(self, state: LearningState) -> Consensus:
        """Where picture and copies agree that the keypoints of a state are, under the queries that were read last."""
        if not self.layers:  # resumed when all steps were done
            last = state.step - 1
            self._read(last - last % self.recipe.reread, state)
        return self._agreed(state.context)

    def _agreed(self, context):
        found, _ = peaks_of(self.layers, context, self.recipe.keypoints)
        return consensus(found, self.bank.theta)
