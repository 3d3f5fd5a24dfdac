"""Learning keypoints without labels (Hedlin et al., CVPR 2024): pictures in, keypoint tokens out."""

import torch

from .clusters import clustered_tokens
from .consensus import Consensus, agreed_arrangement
from .learner import ThroughUnet, generator_of
from .learning_run import Learned, Run, encoded, head_bytes, provenance
from .learning_state import LearningState
from .recipes import Recipe
from .refinement import FixedQueries
from .selection import chosen_in_picture, vote
from .tokens import WIDTH, KeypointTokens
from .watch import Watch

VOTERS = 100  # training pictures that vote for the final keypoints


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
        run = UnlabelledRun(unet, bank, recipe, seed, watch, encodings, total)
        if published:
            state, resumed = run.published()
            picked, arrangement = run.elected(state.context), None
        else:
            state, resumed, found = run.from_clusters()
            picked = tuple(range(recipe.keypoints))
            arrangement = agreed_arrangement(found, tuple(pictures.shape[1:3]))
        run.finish()
    tokens = KeypointTokens(
        state.context, picked, names_of(len(picked)), (), recipe.layers, recipe.t, recipe.map_size,
        arrangement=arrangement, learned=provenance("without labels", recipe, len(pictures), seed, source),
    )  # fmt: skip
    return Learned(tokens, state.losses, resumed)


def names_of(count: int) -> tuple[str, ...]:
    return tuple(f"point_{number + 1}" for number in range(count))


class UnlabelledRun(Run):
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

    def elected(self, context: torch.Tensor) -> tuple[int, ...]:
        """The rows that most pictures choose (section 3.2)."""
        voters = torch.randperm(self.bank.pictures, generator=generator_of(self.seed, -2))[:VOTERS].tolist()
        ballots = []
        for start in range(0, len(voters), 4):
            for maps in self.maps(context, voters[start : start + 4]):
                ballots.append(chosen_in_picture(maps, maps, self.recipe.keypoints, self.recipe.local))
            self.still_busy()
        return vote(ballots, len(context), self.recipe.keypoints)

    def keypoint_rows(self, maps):
        if self.recipe.preset == "published":  # as the first picture would choose
            rows = chosen_in_picture(maps[0], maps[0], self.recipe.keypoints, self.recipe.local).tolist()
        else:
            rows = list(range(self.recipe.keypoints))
        return rows, names_of(len(rows))
