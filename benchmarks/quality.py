"""How well things are found, on demo pictures that nothing was trained on."""

import torch

from ..attention import host
from ..attention.layers import PUBLISHED
from ..attention.maps import AttentionMaps
from ..attention.pictures import readable_pictures
from ..attention.reader import read_maps
from ..attention.timesteps import DEFAULT_T
from ..demo import prompts
from ..demo.figures import PARTS, draw_figure
from ..demo.model import LAYERS, load_demo_model
from ..demo.world import demo_pictures
from . import in_context_quality, pose_transfer_quality, unsupervised_quality

PICTURES = 200
FIRST = 5000  # apart from the pictures that graphs and tests show
HIT = 0.1  # of the picture's side


class PartMaps:
    """The encoded pictures, their truth, and the maps of every part at any timestep and layers."""

    def __init__(self, count: int):
        self.model, self.vae = load_demo_model()
        images, keypoints, _ = demo_pictures(FIRST, count)
        pictures = readable_pictures(images)
        parts = [host.encode_pictures(self.model, self.vae, part) for part in pictures.split(10)]
        self.latents = torch.cat(parts)
        figures = [draw_figure(seed) for seed in range(FIRST, FIRST + count)]
        self.centres = torch.stack([torch.from_numpy(figure.centres) for figure in figures])
        self.inside = ((self.centres >= 0) & (self.centres <= 1)).all(-1)
        joints = [keypoints.names.index(joint) if joint else None for joint in PARTS.values()]
        seen = [self.inside[:, part] if joint is None else keypoints.visible[:, joint]
                for part, joint in enumerate(joints)]  # fmt: skip
        self.visible = torch.stack(seen, 1)

    def peaks(self, t: int, layers=LAYERS, seed: int = 0) -> torch.Tensor:
        """[B, 16, 2] peaks of the rows of all parts, of no stated colour."""
        context, names = prompts.all_parts()
        with host.open_unet(self.model, (10, *self.latents.shape[1:])) as unet:
            maps = read_maps(unet, self.latents, context, size=(128, 128), t=t, seed=seed, layers=layers, batch=10)
        return AttentionMaps(maps[:, 1:], names[1:]).peaks()[0]

    def hits(self, peaks: torch.Tensor) -> torch.Tensor:
        return (peaks - self.centres).norm(dim=-1) <= HIT


def part_maps():
    """Whether the row of each part peaks within 0.1 of where the part is: over the parts inside the picture,
    and over those that nothing hides. Swapped: nearer to the other side's part than to its own, over pairs.
    """
    world = PartMaps(PICTURES)
    peaks = world.peaks(DEFAULT_T)
    hits = world.hits(peaks)
    names = list(PARTS)
    yield "pictures", PICTURES, "", 0
    yield "hit@0.1", hits[world.inside].float().mean().item(), "share", 0
    yield "hit@0.1 visible", hits[world.visible].float().mean().item(), "share", 0
    published = world.hits(world.peaks(DEFAULT_T, PUBLISHED))
    yield "hit@0.1 published layers", published[world.inside].float().mean().item(), "share", 0
    for part, name in enumerate(names):
        yield f"hit@0.1 {name}", hits[world.inside[:, part], part].float().mean().item(), "share", 0
    swapped = []
    for part, name in enumerate(names):
        if name.startswith(("left", "right")):
            other = names.index(name.replace("left", "*").replace("right", "left").replace("*", "right"))
            to_own = (peaks[:, part] - world.centres[:, part]).norm(dim=-1)
            to_other = (peaks[:, part] - world.centres[:, other]).norm(dim=-1)
            told = world.inside[:, part] & world.inside[:, other]
            swapped.append(((to_other < to_own) & (to_other <= HIT))[told])
    yield "left and right swapped", torch.cat(swapped).float().mean().item(), "share", 0


def timesteps():
    """The sweep behind the default timestep: mean hit@0.1 over parts inside the picture."""
    world = PartMaps(60)
    for t in (0, 50, 100, 200, 250, 300, 400, 600):
        hits = world.hits(world.peaks(t))
        yield f"hit@0.1 t={t}", hits[world.inside].float().mean().item(), "share", 0


MODULES = (unsupervised_quality, in_context_quality, pose_transfer_quality)
CASES = {"part-maps": part_maps, "timesteps": timesteps}
for module in MODULES:
    CASES |= module.CASES
NIGHTLY = unsupervised_quality.NIGHTLY  # cases that take hours
