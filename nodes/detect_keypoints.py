"""The node that finds learned keypoints in pictures."""

import logging
from dataclasses import replace

import torch
from comfy_api.latest import io, ui

from ..attention import host
from ..attention.maps import AttentionMaps, MapsOnDemand
from ..keypoints.detection import detect_pictures
from ..keypoints.pace import Pace
from ..keypoints.tokens import KeypointTokens
from .inputs import longest_side_input
from .sockets import AttentionMapsSocket, KeypointsSocket, KeypointTokensSocket

MOST_MAP_BYTES = 512 * 2**20  # kept for the maps output; those of 585 pictures with 14 keypoints


class DetectKeypoints(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsDetect",
            display_name="Detect Keypoints",
            category="keypoints",
            description=(
                "Finds learned keypoints in any pictures, with a confidence for each. Averages over warped copies of "
                "every picture, which makes the points steadier."
            ),
            search_aliases=["find keypoints", "pose estimation", "landmarks", "keypoint detection"],
            inputs=[
                io.Model.Input("model", tooltip="The model the keypoints were learned on, or another SD1.5 model."),
                io.Vae.Input("vae", tooltip="The VAE of the same checkpoint."),
                io.Image.Input("image", tooltip="Any number of pictures, of any size."),
                KeypointTokensSocket.Input("tokens", tooltip="From a learning node or Load Keypoint Tokens."),
                io.Int.Input(
                    "augmentations", default=4, min=0, max=100,
                    tooltip="Warped copies of each picture to average over (eq. 11). 0: only the picture, the fastest. "
                    "Published: 10.",
                ),
                io.Float.Input(
                    "refine_radius", default=5.0, min=0.0, max=100.0, step=0.5, optional=True, advanced=True,
                    tooltip="The place is the weighted mean of the map within this distance of its peak, in 512ths of "
                    "the longer side. 0: the peak alone. Published: 5.",
                ),
                io.Int.Input(
                    "seed", default=0, min=0, max=2**63 - 1, optional=True, advanced=True,
                    # A seed that changes by itself would find the same points again at every run.
                    control_after_generate=False, tooltip="Of the noise and the warps.",
                ),
                longest_side_input(),
                io.Boolean.Input(
                    "arrangement", default=True, optional=True, advanced=True,
                    tooltip="Choose the points of a picture together, by their distances from one another in the "
                    "pictures that they were learned from. Tells left from right. Off: every point where its own map "
                    "is highest. Without effect on tokens of the presets published and prototype.",
                ),
            ],
            outputs=[
                KeypointsSocket.Output("keypoints", tooltip="Places, confidence and names."),
                AttentionMapsSocket.Output("maps", tooltip="The averaged attention map of each keypoint."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, model, vae, image, tokens, augmentations, refine_radius=5.0, seed=0, longest_side=512,
        arrangement=True,
    ):  # fmt: skip
        tokens = tokens if arrangement else replace(tokens, arrangement=None)
        source = host.Source(model, vae)

        def detect(tokens: KeypointTokens, keep_maps: bool):
            reporter = Reporter(len(image))
            found = detect_pictures(
                source, image, tokens, augmentations=augmentations, seed=seed, radius=refine_radius,
                longest=longest_side, on_progress=reporter.progress, keep_maps=keep_maps,
            )  # fmt: skip
            return *found, f"{reporter.pace}."

        def read_again(rows) -> torch.Tensor:
            return detect(some_of(tokens, rows), True)[1]

        few = len(image) * len(tokens.picked) * tokens.map_size**2 * 4 <= MOST_MAP_BYTES
        keypoints, maps, told = detect(tokens, few)
        kept = AttentionMaps(maps, tokens.names) if few else MapsOnDemand(read_again, tokens.names)
        logging.info("Detect Keypoints: %s", told)
        return io.NodeOutput(keypoints, kept, ui=ui.PreviewText(told))


def some_of(tokens: KeypointTokens, rows) -> KeypointTokens:
    """Tokens with only some of their keypoints, by index; for their maps, which need no more than that."""
    picked, names = zip(*((tokens.picked[row], tokens.names[row]) for row in rows), strict=True)
    return replace(tokens, picked=picked, names=names, skeleton=(), hidden=None, calibration=None, arrangement=None)


class Reporter:
    """The host's progress bar with Cancel, and now and then a line in the log with the pictures per second."""

    def __init__(self, pictures: int):
        self.pace = Pace(pictures, tell=lambda text: logging.info("Detect Keypoints: %s", text))
        self.bar = None

    def progress(self, done: int, total: int):
        self.bar = self.bar or host.Progress(total)
        self.bar(done)
        self.pace(done * self.pace.pictures // total)
