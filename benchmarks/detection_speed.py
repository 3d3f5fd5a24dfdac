"""Finding keypoints in many pictures: the streamed way against one picture at a time, plainly on diffusers, and against
everything at once, on the same weights, pictures, copies and noise.
"""

import torch

from ..attention import host
from ..attention.maps import map_size
from ..attention.reader import read_maps
from ..attention.timesteps import seeded_noise
from ..demo.model import LAYERS
from ..demo.world import demo_pictures
from ..keypoints.arrangement import arranged_peaks
from ..keypoints.bank import common_warps, seen_through
from ..keypoints.detection import detect_pictures, local_means
from ..keypoints.labelled import learn_from_labels
from ..keypoints.recipes import LABELLED, recipe
from ..keypoints.tokens import KeypointTokens
from ..keypoints.warps import coverage, warp_back
from . import plain_recipe, twins
from .demo_world import UNSEEN
from .measure import device, measured

# Pictures of the streamed way; of a shorter batch, to see what grows with it; of one by one, which is slow.
COUNT, FEWER, PLAIN = 48, 16, 4
AUGMENTATIONS, RADIUS = 4, 5.0  # the node's own
DIFFUSERS_LAYERS = tuple(f"up_blocks.2.attentions.{number}" for number in range(3))  # LAYERS
GIB = 2**30


def detect():
    """Demo figures of 256 x 256, four warped copies of each, 14 keypoints learned from five labels."""
    unet, model, vae = twins.demo()
    source = host.Source(model, vae)
    plain = plain_recipe.PlainRecipe(unet.to(device()), lambda picture: encode(source, picture), DIFFUSERS_LAYERS)
    tokens = labelled_tokens(source, t=int(plain.scheduler.timesteps[-1]))
    pictures, _, _ = demo_pictures(UNSEEN, COUNT)
    detect_pictures(source, pictures[:2], tokens)  # what is loaded and reserved once

    streamed, seconds, peak = measured(lambda: stream(source, pictures, tokens))
    _, _, peak_of_fewer = measured(lambda: stream(source, pictures[:FEWER], tokens))
    yield "pictures_per_second", COUNT / seconds, f"{1 + AUGMENTATIONS} copies each", 0
    yield "peak_gib", peak / GIB, f"GiB above the weights, {COUNT} pictures", 0
    yield "peak_gib_fewer", peak_of_fewer / GIB, f"GiB above the weights, {FEWER} pictures", 0

    whole, seconds, peak = measured(lambda: at_once(source, pictures[:FEWER], tokens))
    yield "pictures_per_second_at_once", FEWER / seconds, "", 0
    yield "peak_gib_at_once", peak / GIB, f"GiB above the weights, {FEWER} pictures", 0
    yield "distance_at_once", furthest(streamed[:FEWER], whole), "of the side, furthest of all points", 0

    loop, seconds, peak = measured(lambda: one_by_one(plain, pictures[:PLAIN], tokens))
    yield "pictures_per_second_plain", PLAIN / seconds, "one by one, as published", 0
    yield "peak_gib_plain", peak / GIB, "GiB above the weights, 1 picture", 0
    yield "distance_plain", furthest(streamed[:PLAIN], loop), "of the side, furthest of all points", 0


def labelled_tokens(source: host.Source, t: int) -> KeypointTokens:
    pictures, truth, _ = demo_pictures(0, 5)
    chosen = recipe(LABELLED, "instant", layers=LAYERS, t=t, map_size=plain_recipe.MAP_SIZE)
    return learn_from_labels(source, pictures, truth, chosen).tokens


def stream(source: host.Source, pictures: torch.Tensor, tokens: KeypointTokens) -> torch.Tensor:
    """[B, K, 2] as the node finds them, without the maps."""
    return detect_pictures(
        source, pictures, tokens, augmentations=AUGMENTATIONS, radius=RADIUS, keep_maps=False
    )[0].xy  # fmt: skip


def at_once(source: host.Source, pictures: torch.Tensor, tokens: KeypointTokens) -> torch.Tensor:
    """[B, K, 2] by one call of each model for all copies of all pictures."""
    theta = common_warps(pictures, AUGMENTATIONS, 0)
    latents = source.encode(seen_through(pictures, theta, torch.arange(theta[..., 0, 0].numel())))
    size = map_size(latents.shape[2:], tokens.map_size)
    with source.open(latents.shape) as unet:
        maps = read_maps(
            unet, latents, tokens.context[None], size=size, t=tokens.t, layers=tokens.layers, batch=len(latents)
        )[:, list(tokens.picked)]  # fmt: skip
    return places(averaged(maps, theta), tokens)


def one_by_one(plain: plain_recipe.PlainRecipe, pictures: torch.Tensor, tokens: KeypointTokens) -> torch.Tensor:
    """[B, K, 2] by a pass of the whole UNet for each copy of each picture."""
    theta = common_warps(pictures, AUGMENTATIONS, 0)
    context, found = tokens.context[None].to(device()), []
    for number, picture in enumerate(pictures.movedim(-1, 1).split(1)):
        maps = []
        for copy, one in enumerate(theta[number].split(1)):
            seen = picture if copy == 0 else plain_recipe.warp(picture, one)
            shape = torch.empty(1, 4, picture.shape[2] // 8, picture.shape[3] // 8, device=device())
            noise = seeded_noise(shape, 0, number * theta.shape[1] + copy)
            with torch.no_grad():
                maps.append(plain.maps(seen.to(device()), noise, context)[list(tokens.picked)].cpu())
        found.append(places(averaged(torch.stack(maps), theta[number : number + 1]), tokens))
    return torch.cat(found)


def places(maps: torch.Tensor, tokens: KeypointTokens) -> torch.Tensor:
    return local_means(maps, arranged_peaks(maps, tokens.arrangement), RADIUS)


def averaged(maps: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """[B, K, R, R'] out of maps [B (1 + A), K, R, R'] of copies: eq. 11, written out."""
    where = theta.flatten(0, 1)
    total = warp_back(maps, where).unflatten(0, theta.shape[:2]).sum(1)
    return total / coverage(where, maps.shape[-2:]).unflatten(0, theta.shape[:2]).sum(1).clamp_min(1e-6)


def encode(source: host.Source, picture: torch.Tensor) -> torch.Tensor:
    """Latents of a picture [1, 3, H, W] on the device that it is on."""
    return source.encode(picture.movedim(1, -1).cpu()).to(picture.device)


def furthest(one: torch.Tensor, other: torch.Tensor) -> float:
    return (one - other).norm(dim=-1).max().item()


CASES = {"detect": detect}
