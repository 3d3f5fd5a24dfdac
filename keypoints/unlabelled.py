"""Learning keypoints without labels (Hedlin et al., CVPR 2024): pictures in, keypoint tokens out."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch

from ..attention.maps import map_size
from ..attention.queries import key_weights, read_queries
from ..attention.reader import read_maps
from .bank import Bank, fill_bank, own_warps
from .closed_form import SINKS
from .clusters import clustered_tokens
from .consensus import Consensus, agreed_arrangement
from .keypoints import Keypoints
from .learner import ThroughUnet, generator_of, optimise
from .learning_state import LearningState, digest_of
from .recipes import Recipe
from .refinement import FixedQueries
from .selection import chosen_in_picture, vote
from .targets import peaks
from .tokens import WIDTH, KeypointTokens
from .watch import Watch

VOTERS = 100  # training pictures that vote for the final keypoints
SHOWN = 4  # pictures in a preview


@dataclass(frozen=True)
class Learned:
    """tokens, the loss of every step, and the step at which an interrupted run was taken up again (0: none)."""

    tokens: KeypointTokens
    losses: list[float]
    resumed_at: int = 0


@torch.inference_mode(False)  # a node runs in inference mode, whose tensors have no backward
def learn_unlabelled(source, pictures: torch.Tensor, recipe: Recipe, *, seed: int = 0, watch: Watch | None = None):
    """Learned tokens of K = recipe.keypoints keypoints of pictures [P, H, W, 3] in 0..1, one kind of object.

    source  the host's model: encode(pictures) and open(latent shape, gradients=)
    """
    watch = watch or Watch()
    if recipe.preset != "published" and len(pictures) < 2:
        raise ValueError(
            f"Learning without labels compares pictures of one kind of object, and got {len(pictures)}. "
            "Connect at least two; thirty and more are better."
        )
    published = recipe.preset == "published"
    bank, encodings, total = encoded(source, pictures, recipe, seed, watch)
    shape = (2 * recipe.batch, *bank.latents.shape[2:])
    with source.open(shape, gradients=published, head_bytes=head_bytes(recipe, recipe.tokens)) as unet:
        run = Run(unet, bank, recipe, seed, watch, encodings, total)
        if published:
            state, resumed = run.published()
            picked, arrangement = run.elected(state.context), None
        else:
            state, resumed, found = run.from_clusters()
            picked = tuple(range(recipe.keypoints))
            arrangement = agreed_arrangement(found, tuple(pictures.shape[1:3]))
        run.finish()
    learned = {"method": "without labels", "preset": recipe.preset, "pictures": len(pictures), "seed": seed,
               "steps": recipe.steps, "rate": recipe.rate, "model_channels": source.model_channels}  # fmt: skip
    names = tuple(f"point_{number + 1}" for number in range(len(picked)))
    tokens = KeypointTokens(state.context, picked, names, (), recipe.layers, recipe.t, recipe.map_size,
                            arrangement=arrangement, learned=learned)  # fmt: skip
    return Learned(tokens, state.losses, resumed)


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


class Run:
    """One run over an opened UNet and a filled bank, with its state file."""

    def __init__(self, unet, bank: Bank, recipe: Recipe, seed: int, watch: Watch, done: int, total: int, also=()):
        self.unet, self.bank, self.recipe, self.seed, self.watch = unet, bank, recipe, seed, watch
        self.done, self.total = done, total
        weights = key_weights(unet, bank.latents[0, :1], recipe.layers)
        self.digest = digest_of(bank.latents[:, 0], *weights, asdict(recipe), seed, *also)
        self.path = watch.folder / f"{self.digest}.safetensors" if watch.folder else None

    def published(self) -> tuple[LearningState, int]:
        """Random tokens, optimised through the UNet."""
        start = torch.randn(self.recipe.tokens, WIDTH, generator=generator_of(self.seed, -1))
        source = ThroughUnet(self.unet, self.bank, self.recipe, self.seed, on_call=self.still_busy)
        return self.descend(source, lambda: start)

    def from_clusters(self) -> tuple[LearningState, int, Consensus]:
        """The closed form, then as many steps as the recipe has; and where the keypoints are in the pictures."""
        source = FixedQueries(self.unet, self.bank, self.recipe, self.seed, on_read=self.still_busy)

        def instant():
            source.layers = self.queries()
            return clustered_tokens(source.layers, self.bank.theta, self.recipe, generator_of(self.seed, -1))

        state, resumed = self.descend(source, instant)
        return state, resumed, source.agreed(state)

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

    def look(self, state: LearningState, names=None) -> Keypoints:
        """The keypoints of the first few pictures as the tokens stand, for a preview."""
        maps = self._maps(state.context, range(min(SHOWN, self.bank.pictures)))
        if self.recipe.preset == "published" and names is None:
            rows = chosen_in_picture(maps[0], maps[0], self.recipe.keypoints, self.recipe.local).tolist()
        else:
            rows = list(range(len(names) if names else self.recipe.keypoints))
        found = maps[:, rows]
        names = names or tuple(f"point_{number + 1}" for number in range(len(rows)))
        score = found.flatten(2).amax(-1)
        return Keypoints(peaks(found), score, torch.ones_like(score, dtype=torch.bool), names)

    def elected(self, context: torch.Tensor) -> tuple[int, ...]:
        """The rows that most pictures choose (section 3.2)."""
        voters = torch.randperm(self.bank.pictures, generator=generator_of(self.seed, -2))[:VOTERS].tolist()
        ballots = []
        for start in range(0, len(voters), 4):
            for maps in self._maps(context, voters[start : start + 4]):
                ballots.append(chosen_in_picture(maps, maps, self.recipe.keypoints, self.recipe.local))
            self.still_busy()
        return vote(ballots, len(context), self.recipe.keypoints)

    def _maps(self, context, numbers):
        latents = self.bank.latents[list(numbers), 0]
        size = map_size(tuple(latents.shape[-2:]), self.recipe.map_size)
        with torch.no_grad():
            return read_maps(self.unet, latents, context[None], size=size, t=self.recipe.t, seed=self.seed,
                             layers=self.recipe.layers)  # fmt: skip

    def finish(self):
        """What was learned is in the caller's hands now."""
        if self.path:
            self.path.unlink(missing_ok=True)
