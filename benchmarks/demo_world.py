"""What the quality benchmarks share: demo pictures encoded once, a source that times what a learner uses."""

import time
from functools import cache

import torch

from ..attention import host
from ..demo.model import LAYERS, load_demo_model
from ..demo.world import demo_pictures
from ..keypoints.bank import common_warps, fill_bank
from ..keypoints.detection import detect
from ..keypoints.keypoints import Keypoints
from ..keypoints.recipes import recipe

UNSEEN, FITTED, LEARNED = 5000, 2000, 10_000  # first numbers of pictures: to test on, to fit landmarks on, to learn on


@cache
def demo_world() -> "DemoWorld":
    """One for all cases of a run: most test on the same encoded pictures."""
    return DemoWorld()


class DemoWorld:
    """The demo model, and banks of pictures by (first, count), with the truth beside them."""

    def __init__(self, augmentations: int = 4):  # as Detect Keypoints has it
        self.source = host.Source(*load_demo_model())
        self.augmentations = augmentations
        self._banks = {}

    def learn(self, learner, presets, preset: str, *args, seed=0, **changes):
        """(learned tokens with their losses, seconds): learner(source, *args, recipe)."""
        start = time.perf_counter()
        learned = learner(self.source, *args, recipe(presets, preset, layers=LAYERS, **changes), seed=seed)
        return learned, time.perf_counter() - start

    def bank(self, first: int, count: int):
        if (first, count) not in self._banks:
            pictures, truth, _ = demo_pictures(first, count)
            theta = common_warps(pictures, self.augmentations, 0)
            self._banks[first, count] = fill_bank(self.source.encode, pictures, theta), truth
        return self._banks[first, count]

    def detected(self, tokens, first: int, count: int) -> tuple[Keypoints, Keypoints]:
        """(found, true) keypoints of pictures `first` and on; the truth only of joints inside the picture."""
        bank, truth = self.bank(first, count)
        with host.open_unet(self.source.model, (8, *bank.latents.shape[2:])) as unet:
            found = detect(unet, bank, tokens, radius=5.0).keypoints
        return found, inside(truth)


def inside(truth: Keypoints) -> Keypoints:
    """Joints outside the picture as not labelled: nobody can find them."""
    within = ((truth.xy >= 0) & (truth.xy <= 1)).all(-1)
    xy = torch.where(within[..., None], truth.xy, torch.nan)
    return Keypoints(xy, truth.score, truth.visible & within, truth.names, truth.skeleton)
