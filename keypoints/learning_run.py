"""What every way of learning goes through: pictures encoded, a UNet opened, tokens started and optimised, with progress
that lets Cancel through, a preview, and a state file from which an interrupted run is taken up.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch

from ..attention.maps import map_size
from ..attention.queries import key_weights, read_queries
from ..attention.reader import read_maps
from .bank import Bank, fill_bank, own_warps
from .closed_form import SINKS
from .keypoints import Keypoints
from .learner import optimise
from .learning_state import LearningState, digest_of
from .recipes import Recipe
from .targets import peaks
from .tokens import WIDTH, KeypointTokens
from .watch import Watch

SHOWN = 4  # pictures in a preview


@dataclass(frozen=True)
class Learned:
    """tokens, the loss of every step, and the step at which an interrupted run was taken up again (0: none)."""

    tokens: KeypointTokens
    losses: list[float]
    resumed_at: int = 0


def encoded(source, pictures, recipe: Recipe, seed: int, watch: Watch, more: int = 0) -> tuple[Bank, int, int]:
    """(the filled bank, units of work done, units in all: pictures encoded, pictures read, steps, and so many more)."""
    copies = copies_of_each(recipe, len(pictures))
    encodings = len(pictures) * (1 + copies)
    total = encodings * (1 if recipe.preset == "published" else 2) + recipe.steps + more
    theta = own_warps(pictures, copies, seed, recipe.reach)
    return fill_bank(source.encode, pictures, theta, lambda done: watch.on_progress(done, total)), encodings, total


def copies_of_each(recipe: Recipe, pictures: int) -> int:
    """How many warped copies the bank needs."""
    if recipe.warps == 0:  # one for every draw
        return -(-recipe.steps * recipe.accumulation * recipe.batch // pictures) or 1
    return recipe.warps if recipe.preset == "published" else max(1, min(recipe.warps, recipe.most_read // pictures - 1))


def head_bytes(recipe: Recipe, tokens: int) -> int:
    """Maps of a picture and its copy, their gradient, and what the losses make of them: about four times the maps."""
    return 4 * 2 * recipe.batch * tokens * recipe.map_size**2 * 4 if recipe.preset == "published" else 0


def provenance(method: str, recipe: Recipe, pictures: int, seed: int, source) -> dict:
    """How tokens were learned, for their file."""
    return {"method": method, "preset": recipe.preset, "pictures": pictures, "seed": seed, "steps": recipe.steps,
            "rate": recipe.rate, "model_channels": source.model_channels}  # fmt: skip


class Run:
    """One run over an opened UNet and a filled bank, with its state file. What is learned, subclasses say.

    done, total  units of work as `encoded` counts them
    also         what the result depends on besides pictures, recipe, seed and the model's weights
    """

    def __init__(self, unet, bank: Bank, recipe: Recipe, seed: int, watch: Watch, done: int, total: int, also=()):
        self.unet, self.bank, self.recipe, self.seed, self.watch = unet, bank, recipe, seed, watch
        self.done, self.total = done, total
        weights = key_weights(unet, bank.latents[0, :1], recipe.layers)
        self.digest = digest_of(bank.latents[:, 0], *weights, asdict(recipe), seed, *also)
        self.path = watch.folder / f"{self.digest}.safetensors" if watch.folder else None

    def keypoint_rows(self, maps: torch.Tensor) -> tuple[list[int], tuple[str, ...]]:
        """(rows of the context that are keypoints as far as it is known, their names); maps [B, N, R, R']."""
        raise NotImplementedError

    def queries(self):
        """What the pictures ask when there is nothing to see but sinks."""
        latents, _ = self.bank.everything
        return read_queries(self.unet, latents, torch.zeros(1, SINKS, WIDTH), t=self.recipe.t,
                            layers=self.recipe.layers, seed=self.seed, on_batch=self.reading)  # fmt: skip

    def descend(self, gradient, start: Callable[[], torch.Tensor], **options) -> tuple[LearningState, int]:
        """(the state after all steps, the step at which an interrupted run was taken up); start() makes the tokens."""
        state = LearningState.load(self.path, self.digest) if self.path else None
        resumed = state.step if state else 0
        state = state or LearningState.start(start())
        self.done = self.total - self.recipe.steps
        try:
            optimise(state, gradient, self.recipe.steps, self.recipe.rate, on_step=self._after_step, **options)
        except BaseException:  # Cancel is one: what was learned until then is kept
            if self.path and state.step:
                state.save(self.path, self.digest)
            raise
        return state, resumed

    def reading(self, done: int):
        self.watch.on_progress(self.done + done, self.total)

    def still_busy(self, *_):
        """Within a step the bar stays, but Cancel gets through."""
        self.watch.on_progress(self.done, self.total)

    def _after_step(self, state: LearningState):
        self.done = self.total - self.recipe.steps + state.step
        if self.path and state.step % self.watch.save_every == 0 and state.step < self.recipe.steps:
            state.save(self.path, self.digest)
        self.watch.on_state(state, self.look)
        self.watch.on_progress(self.done, self.total)

    def look(self, state: LearningState) -> Keypoints:
        """The keypoints of the first few pictures as the tokens stand, for a preview."""
        maps = self.maps(state.context, range(min(SHOWN, self.bank.pictures)))
        rows, names = self.keypoint_rows(maps)
        score = maps[:, rows].flatten(2).amax(-1)
        return Keypoints(peaks(maps[:, rows]), score, torch.ones_like(score, dtype=torch.bool), names)

    def maps(self, context: torch.Tensor, numbers) -> torch.Tensor:
        """[n, N, R, R'] of the pictures of these numbers."""
        latents = self.bank.latents[list(numbers), 0]
        size = map_size(tuple(latents.shape[-2:]), self.recipe.map_size)
        with torch.no_grad():
            return read_maps(self.unet, latents, context[None], size=size, t=self.recipe.t, seed=self.seed,
                             layers=self.recipe.layers)  # fmt: skip

    def finish(self):
        """What was learned is in the caller's hands now."""
        if self.path:
            self.path.unlink(missing_ok=True)
