"""One gradient of the published loss by two sides, the plain recipe and ours, on the same weights, pictures, noise,
warps and tokens.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ..attention import host
from ..demo.figures import draw_figure
from ..keypoints.learner import gradient_step
from ..keypoints.recipes import UNLABELLED
from ..keypoints.warps import random_warps
from . import plain_recipe
from .measure import peak_memory

FIRST = 5000  # number of the first demo figure that is shown


@dataclass(frozen=True)
class Pair:
    """A picture and its warped copy, as one gradient needs them.

    picture                  [1, 3, H, W] in 0..1
    theta                    [1, 2, 3] of the warp
    noise, noise_warped      [1, 4, h, w]
    latents, latents_warped  [1, 4, h, w], encoded up front
    """

    picture: torch.Tensor
    theta: torch.Tensor
    noise: torch.Tensor
    noise_warped: torch.Tensor
    latents: torch.Tensor
    latents_warped: torch.Tensor


@dataclass(frozen=True)
class Step:
    """What one step of the optimiser took: seconds, bytes above the weights, mean loss, gradient [1, N, 768]."""

    seconds: float
    peak: int
    loss: float
    gradient: torch.Tensor


class Side:
    """Tokens that one of the two learns.

    gradient_of  (pair, tokens [1, N, 768]) -> (loss, gradient [1, N, 768])
    """

    def __init__(self, gradient_of: Callable, context: torch.Tensor):
        self.gradient_of = gradient_of
        self.tokens = context.clone().requires_grad_()
        self.optimiser = torch.optim.Adam([self.tokens], lr=plain_recipe.RATE)

    def step(self, pairs: list[Pair]) -> Step:
        """One step on the mean loss of some pairs, taken one after the other."""
        loss, gradient = 0.0, torch.zeros_like(self.tokens)
        with peak_memory() as peak:
            start = time.perf_counter()
            for pair in pairs:
                of_pair, part = self.gradient_of(pair, self.tokens)
                loss += float(of_pair) / len(pairs)
                gradient += part.detach() / len(pairs)
            self.tokens.grad = gradient
            self.optimiser.step()
            self.tokens.sum().item()  # waits for a GPU
            seconds = time.perf_counter() - start
        return Step(seconds, peak[0], loss, gradient.clone())


def published_side(unet, encode, context: torch.Tensor, *, fused: bool = False) -> Side:
    recipe = plain_recipe.PlainRecipe(unet, encode, fused=fused)

    def gradient_of(pair, tokens):
        loss, _ = recipe.loss(pair.picture, pair.theta, pair.noise, pair.noise_warped, tokens)
        (gradient,) = torch.autograd.grad(loss, tokens)
        return loss.item(), gradient

    return Side(gradient_of, context)


def our_side(unet: host.Unet, context: torch.Tensor) -> Side:
    def gradient_of(pair, tokens):
        loss, gradient = gradient_step(
            unet, pair.latents, pair.latents_warped, pair.theta, pair.noise, pair.noise_warped,
            tokens.detach(), UNLABELLED["published"],
        )  # fmt: skip
        return loss, gradient[None].to(tokens.device)

    return Side(gradient_of, context)


def seeded(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def demo_figures(count: int, size: int) -> torch.Tensor:
    """[B, 3, size, size] in 0..1."""
    drawn = np.stack([draw_figure(seed, size).picture for seed in range(FIRST, FIRST + count)])
    return torch.from_numpy(drawn).float().movedim(-1, 1) / 255


def make_pairs(pictures: torch.Tensor, encode: Callable, device: torch.device) -> tuple[list[Pair], float]:
    """(pairs with seeded warps and noise, seconds to encode one picture)."""
    thetas = random_warps(len(pictures), torch.Generator().manual_seed(2)).to(device)
    pairs, seconds = [], []
    for number, (picture, theta) in enumerate(zip(pictures.to(device).split(1), thetas.split(1), strict=True)):
        start = time.perf_counter()
        with torch.no_grad():
            latents, latents_warped = encode(picture), encode(plain_recipe.warp(picture, theta))
        latents.sum().item()
        seconds.append((time.perf_counter() - start) / 2)
        noise, noise_warped = (seeded(*latents.shape, seed=10 + 2 * number + k).to(device) for k in (0, 1))
        pairs.append(Pair(picture, theta, noise, noise_warped, latents, latents_warped))
    return pairs, statistics.median(seconds)


def make_batches(pictures, encode, device, per_step: int) -> tuple[list[list[Pair]], float]:
    """(the pairs of each step, seconds to encode one picture)."""
    pairs, seconds = make_pairs(pictures, encode, device)
    return [pairs[first : first + per_step] for first in range(0, len(pairs), per_step)], seconds


def in_turn(published: Side, ours: Side, batches: list[list[Pair]]) -> tuple[list[Step], list[Step]]:
    steps = [(published.step(batch), ours.step(batch)) for batch in batches]
    return [plain for plain, _ in steps], [our for _, our in steps]


def cosine(one: torch.Tensor, other: torch.Tensor) -> float:
    return torch.nn.functional.cosine_similarity(one.flatten().double(), other.flatten().double(), 0).item()


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()
