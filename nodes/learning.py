"""What the two learning nodes share: inputs, progress with a preview, the folder of unfinished runs."""

import time
from pathlib import Path

import folder_paths
import torch
from comfy_api.latest import io

from ..attention import host
from ..attention.layers import parse_layers
from ..keypoints.drawing import draw_keypoints
from ..keypoints.plots import learning_preview
from ..keypoints.recipes import Recipe, recipe
from ..keypoints.watch import Watch
from .inputs import layers_input, longest_side_input

CATEGORY = "keypoints"
SECONDS_BETWEEN_PREVIEWS = 3.0
UNFINISHED = Path("keypoints") / "unfinished"  # in the output folder: the host empties its temp folder at each start
OWN = "0: the preset's own."


def common_inputs():
    """Inputs from the seed on, the rarer ones."""
    return [
        io.Int.Input(
            "steps", default=0, min=0, max=100_000,
            tooltip=f"Optimiser steps. {OWN} Published: 500 for people, 10 000 for other objects; from labels 100.",
        ),
        io.Int.Input(
            # A seed that changes by itself would learn anew at every run.
            "seed", default=0, min=0, max=2**63 - 1, control_after_generate=False,
            tooltip="Of the noise, the warps and the first tokens. Same pictures and seed: same keypoints.",
        ),
        io.Int.Input(
            "timestep", default=-1, min=-1, max=999, optional=True, advanced=True,
            tooltip="t: how much noise is added before looking. -1: the preset's own (published: 0; others: 250).",
        ),
        io.Float.Input(
            "rate", default=0.0, min=0.0, max=1.0, step=0.0001, optional=True, advanced=True,
            tooltip=f"Adam's learning rate. {OWN} Published: 0.005.",
        ),
        io.Int.Input(
            "batch", default=0, min=0, max=64, optional=True, advanced=True,
            tooltip=f"Pictures looked at together, each with a warped copy. {OWN} Published: 1.",
        ),
        io.Int.Input(
            "accumulation", default=0, min=0, max=64, optional=True, advanced=True,
            tooltip=f"Batches whose gradients are added in one step. {OWN} Published: 4.",
        ),
        io.Int.Input(
            "tokens", default=500, min=1, max=2000, optional=True, advanced=True,
            tooltip="N: random tokens that the published preset starts with. Published: 500.",
        ),
        longest_side_input(),
        layers_input(),
    ]  # fmt: skip


def chosen_recipe(presets, preset, *, steps, timestep, rate, batch, accumulation, tokens, layers, **more) -> Recipe:
    """The preset with what was set in the node; 0, or -1 for the timestep, leaves the preset's own value."""
    changes = {"rate": rate, "batch": batch, "accumulation": accumulation}
    changes = {name: value for name, value in changes.items() if value}
    if steps and presets[preset].steps:
        changes["steps"] = steps
    if timestep >= 0:
        changes["t"] = timestep
    return recipe(presets, preset, tokens=tokens, layers=parse_layers(layers), **changes, **more)


class Reporter:
    """The host's progress bar with Cancel, and a preview of the keypoints beside the loss every few seconds."""

    def __init__(self, pictures: torch.Tensor):
        self.pictures = pictures
        self.bar, self.total, self.done, self.shown = None, 0, 0, 0.0

    def progress(self, done: int, total: int):
        if total != self.total:
            self.bar, self.total = host.Progress(total), total
        self.done = done
        self.bar(done)

    def state(self, state, look):
        if time.monotonic() - self.shown < SECONDS_BETWEEN_PREVIEWS:
            return
        keypoints = look(state)
        drawn = draw_keypoints(  # not fainter where the share of the attention is low, as it always is at first
            self.pictures[: len(keypoints.xy)], keypoints, show_names=False, confidence_as_opacity=False
        )
        self.bar(self.done, learning_preview(panel_of(drawn), state.losses))
        self.shown = time.monotonic()


def panel_of(pictures: torch.Tensor) -> torch.Tensor:
    """[1, H', W', 3]: up to four pictures [B, H, W, 3] in one, two beside each other."""
    if len(pictures) > 1 and len(pictures) % 2:
        pictures = torch.cat([pictures, torch.zeros_like(pictures[:1])])
    return torch.cat([torch.cat(list(pair), 1) for pair in pictures.split(2)], 0)[None]


def watching(pictures: torch.Tensor) -> Watch:
    reporter = Reporter(pictures)
    return Watch(reporter.progress, reporter.state, Path(folder_paths.get_output_directory()) / UNFINISHED)


def told(learned) -> str:
    """What happened, for the person at the graph."""
    tokens, steps = learned.tokens, len(learned.losses)
    how = f"{steps} steps, loss {learned.losses[0]:.4g} to {learned.losses[-1]:.4g}" if steps else "no optimisation"
    again = f"; taken up again at step {learned.resumed_at}" if learned.resumed_at else ""
    return f"{len(tokens.picked)} keypoints learned ({tokens.learned['preset']}, {how}{again})."
