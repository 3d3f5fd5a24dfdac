"""How keypoints are learned: the three presets, with everything in them that can be chosen."""

from dataclasses import dataclass, replace

from ..attention.layers import PUBLISHED as PUBLISHED_LAYERS
from ..attention.timesteps import DEFAULT_T
from .warps import PUBLISHED_RANGE, WarpRange


@dataclass(frozen=True)
class Recipe:
    """One way to learn; the comments give the papers' symbols.

    preset        "published": random tokens, optimised through the UNet with the published losses
                  "instant": the closed form, no optimisation
                  "improved": the closed form, then optimised against queries that are read again every so often
    """

    preset: str
    keypoints: int = 10  # K
    tokens: int = 500  # N; the other presets have K and the sinks
    steps: int = 0
    rate: float = 5e-3  # Adam's
    batch: int = 1  # pictures in one UNet call, each with its warped copy
    accumulation: int = 4  # UNet calls in one step
    warps: int = 7  # warped copies of each picture in the bank; 0: a fresh one for every draw
    most_read: int = 200  # pictures and copies whose queries are kept; SD1.5's of a 512 picture have 7 MB
    reach: WarpRange = PUBLISHED_RANGE
    layers: tuple[str, ...] = PUBLISHED_LAYERS
    t: int = DEFAULT_T
    map_size: int = 128
    local: int = 25  # kappa
    sigma: float = 2.0  # of the Gaussian G, in cells of a 128 map
    localisation: float = 100.0
    equivariance: float = 1000.0  # lambda_equiv = 10 times the one above
    labels: float = 0.0  # weight of the error against labelled Gaussians (Schofield et al.: 5)
    label_sigma: float = 0.05  # of each side (Schofield et al.)
    cauchy: bool = False  # the other target that Schofield et al. tried
    shrink: float = 1.0  # s of the closed form
    strength: float = 1.0  # a of the closed form
    clusters: int = 100
    reread: int = 50  # steps between two readings of the queries
    covered: int = 0  # covered copies of all labelled pictures, which teach what a hidden keypoint looks like

    def __post_init__(self):
        for name, least in (("keypoints", 1), ("steps", 0), ("batch", 1), ("accumulation", 1), ("warps", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}; got {getattr(self, name)}.")
        if self.preset == "published" and self.tokens < self.keypoints:
            raise ValueError(
                f"Asked for {self.keypoints} keypoints out of {self.tokens} tokens. Use more tokens or fewer keypoints."
            )


UNLABELLED = {
    "published": Recipe("published", steps=500, t=0, warps=0),
    # 60 demo pictures, mean distance after regression of six runs: 120 read 0.0403, 200 read 0.0406.
    "instant": Recipe("instant", most_read=120),
    "improved": Recipe("improved", steps=60, rate=1e-3, batch=8, accumulation=1, reread=30),
}

# Schofield et al.: frozen base tokens, a block of random ones appended, losses 1 : 1 : 5, 100 steps.
LABELLED = {
    "published": Recipe(
        "published", steps=100, t=0, warps=0, localisation=1.0, equivariance=1.0, labels=5.0, accumulation=1
    ),
    "prototype": Recipe("prototype"),
    "instant": Recipe("instant"),
    "improved": Recipe("improved", steps=40, rate=1e-2, batch=8, accumulation=1, reread=40, covered=150),
}


def recipe(presets: dict[str, Recipe], preset: str, **changes) -> Recipe:
    """A preset with some of its values changed."""
    return replace(presets[preset], **changes)
