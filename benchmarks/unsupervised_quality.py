"""Keypoints learned without labels, on demo pictures that nothing was learned on: how near linear landmarks come
(Hedlin et al., section 4), and whether a keypoint stays on one joint.
"""

import statistics

import torch

from ..demo.model import LAYERS
from ..demo.world import demo_pictures
from ..keypoints.keypoints import Keypoints
from ..keypoints.landmarks import apply_landmarks, fit_landmarks
from ..keypoints.metrics import consistency, mean_l2, pck
from ..keypoints.recipes import UNLABELLED
from ..keypoints.tokens import KeypointTokens
from ..keypoints.unlabelled import learn_unlabelled
from .demo_world import FITTED, LEARNED, UNSEEN, demo_world, inside

PICTURES, FIT, TEST = 60, 150, 100
KEYPOINTS = 10
SEEDS = (0, 1, 2)
# The paper's 500 steps of 500 tokens take hours on a CPU: they are a case for the night. Printed beside the figures.
PUBLISHED_STEPS, PUBLISHED_TOKENS = 60, 100


def measured(found, truth, found_fit, truth_fit) -> dict[str, float]:
    landmarks = apply_landmarks(found, fit_landmarks(found_fit, truth_fit))
    shares = pck(landmarks.xy, truth.xy, (0.1, 0.05)).nanmean(1)
    own, _ = consistency(found.xy, truth.xy)
    return {
        "l2": mean_l2(landmarks.xy, truth.xy).nanmean().item(), "pck@0.1": shares[0].item(),
        "pck@0.05": shares[1].item(), "consistency": own.mean().item(),
        "keypoints that stay with one joint in 80 %": (own >= 0.8).sum().item(),
    }  # fmt: skip


def of_tokens(world, tokens) -> dict[str, float]:
    found, truth = world.detected(tokens, UNSEEN, TEST)
    return measured(found, truth, *world.detected(tokens, FITTED, FIT))


def over_seeds(runs: list[dict[str, float]]):
    """Rows of the mean and, with several seeds, the spread; the distance of every seed, to compare cases by."""
    for metric in runs[0]:
        values = [run[metric] for run in runs]
        unit = "s" if metric == "seconds" else "of the side" if metric == "l2" else ""
        yield metric, statistics.mean(values), unit, 0
        if len(values) > 1 and metric != "steps":
            yield f"{metric} spread", statistics.stdev(values), unit, 0
        if len(values) > 1 and metric == "l2":
            yield from ((f"l2 seed {seed}", value, unit, 0) for seed, value in zip(SEEDS, values, strict=True))


def learned(preset: str, seeds: tuple[int, ...] = SEEDS, **changes):
    world = demo_world()
    pictures, _, _ = demo_pictures(LEARNED, PICTURES)
    runs = []
    changes |= {"keypoints": KEYPOINTS}
    for seed in seeds:
        result, seconds = world.learn(learn_unlabelled, UNLABELLED, preset, pictures, seed=seed, **changes)
        runs.append({**of_tokens(world, result.tokens), "steps": len(result.losses), "seconds": seconds})
    yield from over_seeds(runs)


def random_tokens():
    world = demo_world()
    runs = []
    for seed in SEEDS:
        context = torch.randn(PUBLISHED_TOKENS, 768, generator=torch.Generator().manual_seed(seed))
        names = tuple(str(number) for number in range(KEYPOINTS))
        runs.append(of_tokens(world, KeypointTokens(context, range(KEYPOINTS), names, (), LAYERS, 250)))
    yield from over_seeds(runs)


def mean_pose():
    """The mean of the fitted pictures, in every picture."""
    truth = inside(demo_pictures(UNSEEN, TEST)[1])
    fit = inside(demo_pictures(FITTED, FIT)[1])
    mean = fit.xy.nanmean(0).expand_as(truth.xy)
    pose = Keypoints(mean, truth.score, truth.visible, truth.names)
    shares = pck(pose.xy, truth.xy, (0.1, 0.05)).nanmean(1)
    yield "l2", mean_l2(pose.xy, truth.xy).nanmean().item(), "of the side", 0
    yield "pck@0.1", shares[0].item(), "", 0
    yield "pck@0.05", shares[1].item(), "", 0


CASES = {
    "unsupervised-published": lambda: learned("published", steps=PUBLISHED_STEPS, tokens=PUBLISHED_TOKENS),
    "unsupervised-instant": lambda: learned("instant"),
    "unsupervised-improved": lambda: learned("improved"),
    "unsupervised-improved-tenth": lambda: learned("improved", steps=PUBLISHED_STEPS // 10),
    "unsupervised-random": random_tokens,
    "mean-pose": mean_pose,
}
NIGHTLY = {"unsupervised-published-whole": lambda: learned("published", SEEDS[:1])}
