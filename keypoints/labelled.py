"""Learning keypoints from labelled pictures (in context, Schofield et al.): pictures and labels in, tokens out."""

from dataclasses import replace

import torch

from ..attention.queries import read_queries
from .arrangement import fitted_arrangement
from .calibration import fitted_calibration
from .closed_form import fitted_tokens, random_places
from .keypoints import Keypoints
from .learner import ThroughUnet, generator_of
from .learning_run import Learned, Run, encoded, head_bytes, provenance
from .objectives import published_label_loss
from .occlusion import Covers, encoded_covers, hidden_row, number_of_copies
from .prototypes import prototype_tokens
from .recipes import Recipe
from .refinement import FixedQueries
from .tokens import WIDTH, KeypointTokens
from .warps import labels_of_copies
from .watch import Watch

BELIEF = (1, 10)  # hidden keypoints among so many, believed before the labels are counted
HIDDEN_WEIGHT = 0.25  # of a label whose point is hidden: the place is right, what is seen there is something else
APPENDED = 0.2  # Schofield et al.: learned tokens for each base token


@torch.inference_mode(False)  # a node runs in inference mode, whose tensors have no backward
def learn_from_labels(
    source,
    pictures: torch.Tensor,
    labels: Keypoints,
    recipe: Recipe,
    *,
    seed: int = 0,
    base: KeypointTokens | None = None,
    watch: Watch | None = None,
) -> Learned:
    """Tokens of the labelled keypoints, out of pictures [P, H, W, 3] in 0..1 and their labels.

    labels  keypoints of the same P pictures; any of them may be missing (NaN) in any picture, but each must be
            there in one
    base    tokens that stay frozen before the learned ones ("published"); random ones when there are none
    """
    watch = watch or Watch()
    recipe = replace(recipe, keypoints=len(labels.names))
    xy, weight = usable_labels(labels, len(pictures))
    published = recipe.preset == "published"
    more = number_of_copies(len(pictures), recipe.covered) if recipe.covered else 0
    bank, encodings, total = encoded(source, pictures, recipe, seed, watch, more)
    visible = labels.visible & (weight > 0)
    covers = None
    if recipe.covered:
        known = torch.where(weight[..., None] > 0, xy, torch.nan)
        covers = encoded_covers(
            source.encode, pictures, known, visible, bank, recipe.covered, generator_of(seed, -3),
            lambda done: watch.on_progress(encodings + done, total),
        )  # fmt: skip
    shape = (2 * recipe.batch, *bank.latents.shape[2:])
    rows = round((1 + APPENDED) * (len(base.context) if base else recipe.tokens))
    with source.open(shape, gradients=published, head_bytes=head_bytes(recipe, rows)) as unet:
        what = {"names": labels.names, "xy": xy, "weight": weight, "base": base}
        run = LabelRun(unet, bank, recipe, seed, watch, encodings + more, total, **what)
        state, resumed = run.published() if published else run.from_closed_form()
        tokens = KeypointTokens(
            state.context, run.rows, labels.names, labels.skeleton, recipe.layers, recipe.t, recipe.map_size,
            learned=provenance("from labels", recipe, len(pictures), seed, source),
        )  # fmt: skip
        if recipe.preset in ("instant", "improved"):
            tokens = replace(tokens, arrangement=fitted_arrangement(xy, tuple(pictures.shape[1:3])))
        tokens = run.calibrated(run.with_hidden_row(tokens, covers), covers, visible)
        run.finish()
    return Learned(tokens, state.losses, resumed)


def usable_labels(labels: Keypoints, pictures: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(xy [P, K, 2], weight [P, K]); ValueError, in words, where nothing could be learned."""
    if len(labels.xy) != pictures:
        raise ValueError(
            f"Expected labels for each of the {pictures} pictures; got labels of {len(labels.xy)}. "
            "Connect the same batch of pictures that was labelled."
        )
    inside = labels.labelled & ((labels.xy >= 0) & (labels.xy <= 1)).all(-1)
    weight = inside * torch.where(labels.visible, 1.0, HIDDEN_WEIGHT)
    missing = [name for name, total in zip(labels.names, weight.sum(0), strict=True) if total == 0]
    if missing:
        raise ValueError(
            f"No picture has a label inside it for: {', '.join(missing)}. Label each keypoint in at least one picture, "
            "or leave it out of the names."
        )
    return labels.xy, weight


class LabelRun(Run):
    """A run with labels xy [P, K, 2] and their weight [P, K].

    run   what every Run takes
    base  tokens that stay frozen before the learned ones ("published"), random ones where there are none
    """

    def __init__(
        self, *run, names: tuple[str, ...], xy: torch.Tensor, weight: torch.Tensor, base: KeypointTokens | None
    ):
        super().__init__(*run, also=(xy.nan_to_num(-1), weight, base.context if base else 0))
        self.xy, self.weight, self.names = xy, weight, names
        self.base = base.context if base else None
        self.rows = tuple(range(len(names)))  # of the context, one for each name

    def published(self):
        """Frozen base tokens, a block of 0.2 times as many appended; the first K of it are the keypoints."""
        generator = generator_of(self.seed, -1)
        frozen = self.base if self.base is not None else torch.randn(self.recipe.tokens, WIDTH, generator=generator)
        appended = max(len(self.names), round(APPENDED * len(frozen)))
        start = torch.cat([frozen, torch.randn(appended, WIDTH, generator=generator)])
        block = slice(len(frozen), None)
        rows = slice(len(frozen), len(frozen) + len(self.names))
        self.rows = tuple(range(rows.start, rows.stop))

        def objective(maps, warped, theta, pictures, copies):
            xy, weight = self.xy[pictures].to(maps), self.weight[pictures].to(maps)
            return published_label_loss(maps[:, rows], warped[:, rows], theta, xy, weight, recipe=self.recipe)

        source = ThroughUnet(self.unet, self.bank, self.recipe, self.seed, objective, self.still_busy)
        return self.descend(source, lambda: start, trainable=block)

    def from_closed_form(self):
        labels = (self.xy, self.weight)
        source = FixedQueries(self.unet, self.bank, self.recipe, self.seed, labels, on_read=self.still_busy)
        return self.descend(source, self.instant)

    def instant(self) -> torch.Tensor:
        """The closed form, or the baseline's."""
        layers = self.queries()
        generator = generator_of(self.seed, -1)
        xy, weight = labels_of_copies(self.xy, self.weight, self.bank.theta)
        if self.recipe.preset == "prototype":
            return prototype_tokens(layers, xy, weight)
        places = random_places(len(xy), generator)
        return fitted_tokens(layers, xy, weight, places, shrink=self.recipe.shrink, strength=self.recipe.strength)

    def with_hidden_row(self, tokens: KeypointTokens, covers: Covers | None) -> KeypointTokens:
        """Tokens that also know hidden keypoints, where enough points are covered and enough are not."""
        if covers is None:
            return tokens
        latents, _ = covers.bank.everything
        layers = read_queries(self.unet, latents, tokens.context[None], t=tokens.t, layers=tokens.layers,
                              seed=self.seed, on_batch=self.still_busy)  # fmt: skip
        row = hidden_row(layers, covers.xy, covers.hidden, covers.visible)
        if row is None:
            return tokens
        return replace(tokens, context=torch.cat([tokens.context, row]), hidden=len(tokens.context))

    def calibrated(self, tokens: KeypointTokens, covers: Covers | None, visible: torch.Tensor) -> KeypointTokens:
        """visible [P, K]: labelled and not marked as hidden."""
        if tokens.hidden is None:
            calibration = fitted_calibration(self.unet, self.bank, tokens, self.xy, visible)
        else:
            labelled = self.weight > 0
            share = ((labelled & ~visible).sum() + BELIEF[0]) / (labelled.sum() + BELIEF[1])
            calibration = fitted_calibration(
                self.unet, covers.bank, tokens, covers.xy, covers.visible, share_hidden=share.item()
            )
        return replace(tokens, calibration=calibration)

    def keypoint_rows(self, maps):
        return list(self.rows), self.names
