"""The loop in which tokens are optimised: one for learning without labels and from labels, whatever the loss.

A source of gradients gives the loss and its gradient at a step; `ThroughUnet` computes them through the host's
UNet, as published; `refinement.py` has one that holds the queries fixed.
"""

from collections.abc import Callable

import torch

from ..attention.gradients import scaled_gradient
from ..attention.maps import averaged_maps, map_size
from .bank import Bank
from .learning_state import LearningState
from .objectives import published_loss
from .recipes import Recipe

# (maps, warped maps, theta) -> (loss, parts)
Objective = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], tuple[torch.Tensor, dict[str, float]]]


def optimise(
    state: LearningState,
    gradient: Callable[[int, LearningState], tuple[float, torch.Tensor]],
    steps: int,
    rate: float,
    *,
    trainable: slice = slice(None),
    on_step: Callable[[LearningState], None] = lambda state: None,
) -> LearningState:
    """Adam on the rows `trainable` of the state's context, from its step to `steps`.

    gradient  (step, state) -> (loss, gradient [N, 768]); the same step and state give the same
    on_step   called after every step: progress, preview, saving, cancel
    """
    rows = state.context[trainable].clone()
    optimiser = torch.optim.Adam([rows], lr=rate)
    optimiser.state[rows] = {"step": torch.tensor(float(state.step)), "exp_avg": state.first[trainable].clone(),
                             "exp_avg_sq": state.second[trainable].clone()}  # fmt: skip
    while state.step < steps:
        loss, slope = gradient(state.step, state)
        rows.grad = slope.to(rows)[trainable]
        optimiser.step()
        moments = optimiser.state[rows]
        state.context[trainable], state.first[trainable] = rows, moments["exp_avg"]
        state.second[trainable] = moments["exp_avg_sq"]
        state.losses.append(loss)
        state.step += 1
        on_step(state)
    return state


def gradient_step(
    unet, latents, warped, theta, noise, noise_warped, context, recipe: Recipe, objective: Objective | None = None
) -> tuple[float, torch.Tensor]:
    """(loss, gradient [N, 768] float32 on the CPU) of B pictures with their warped copies, in one UNet call.

    latents, warped      [B, 4, h, w]; noise for each; theta [B, 2, 3]
    context              [1, N, 768]
    objective            maps of pictures and copies to a loss; published_loss when there is none
    """
    tokens = context.to(unet.device).clone().requires_grad_()
    recorder = unet.recorder(recipe.layers)
    unet.run(torch.cat([latents, warped]), torch.cat([noise, noise_warped]), recipe.t, tokens, recorder)
    size = map_size((latents.shape[2], latents.shape[3]), recipe.map_size)
    maps, of_warped = averaged_maps(recorder.taken(), size).chunk(2)
    if objective is None:
        loss, _ = published_loss(maps, of_warped, theta.to(maps), recipe=recipe)
    else:
        loss, _ = objective(maps, of_warped, theta.to(maps))
    (slope,) = scaled_gradient(loss, [tokens], unet.dtype)
    return loss.item(), slope[0].cpu()


def draw(generator: torch.Generator, bank: Bank, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(numbers of `count` pictures, numbers of one warped copy of each)."""
    pictures = torch.randint(bank.pictures, (count,), generator=generator)
    return pictures, torch.randint(1, bank.warps + 1, (count,), generator=generator)


def generator_of(seed: int, step: int) -> torch.Generator:
    """Randomness of one step, whatever ran before it, so that a resumed run draws the same."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)


class ThroughUnet:
    """Gradients as published: through the attention maps and the UNet's blocks before them.

    objective  (maps, warped maps, theta, numbers of the pictures, numbers of their copies) -> (loss, parts), or None
    on_call    called after every UNet call: a step has several, and Cancel should not wait for all of them
    """

    def __init__(
        self, unet, bank: Bank, recipe: Recipe, seed: int, objective=None, on_call: Callable[[], None] = lambda: None
    ):
        if bank.warps < 1:
            raise ValueError("Learning through the UNet needs at least one warped copy of every picture.")
        self.unet, self.bank, self.recipe, self.seed, self.objective = unet, bank, recipe, seed, objective
        self.on_call = on_call

    def __call__(self, step: int, state: LearningState) -> tuple[float, torch.Tensor]:
        generator = generator_of(self.seed, step)
        total, slope = 0.0, torch.zeros_like(state.context)
        for call in range(self.recipe.accumulation):
            pictures, copies = self._drawn(generator, step, call)
            noise = torch.randn(2, len(pictures), *self.bank.latents.shape[2:], generator=generator)
            latents, warped = self.bank.latents[pictures, 0], self.bank.latents[pictures, copies]
            theta = self.bank.theta[pictures, copies]
            objective = self.objective and (lambda *maps, who=(pictures, copies): self.objective(*maps, *who))
            loss, part = gradient_step(
                self.unet, latents, warped, theta, *noise, state.context[None], self.recipe, objective
            )
            total, slope = total + loss, slope + part
            self.on_call()
        return total / self.recipe.accumulation, slope / self.recipe.accumulation

    def _drawn(self, generator, step, call):
        pictures, copies = draw(generator, self.bank, self.recipe.batch)
        if self.recipe.warps == 0:  # a fresh warp for every draw: the copies are in the order of the draws
            number = (step * self.recipe.accumulation + call) * self.recipe.batch + torch.arange(self.recipe.batch)
            pictures, copies = number % self.bank.pictures, number // self.bank.pictures % self.bank.warps + 1
        return pictures, copies
