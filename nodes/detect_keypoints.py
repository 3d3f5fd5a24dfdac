"""The node that finds learned keypoints in pictures."""

from comfy_api.latest import io

from ..attention import host
from ..attention.maps import AttentionMaps
from ..attention.pictures import readable_pictures
from ..keypoints.detection import detect_pictures
from .inputs import longest_side_input
from .sockets import AttentionMapsSocket, KeypointsSocket, KeypointTokensSocket


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
            ],
            outputs=[
                KeypointsSocket.Output("keypoints", tooltip="Places, confidence and names."),
                AttentionMapsSocket.Output("maps", tooltip="The averaged attention map of each keypoint."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, model, vae, image, tokens, augmentations, refine_radius=5.0, seed=0, longest_side=512
    ):  # fmt: skip
        source = host.Source(model, vae)
        pictures = readable_pictures(image, longest_side)
        keypoints, maps = detect_pictures(
            source, pictures, tokens, augmentations=augmentations, seed=seed, radius=refine_radius,
            on_picture=host.Progress(len(pictures)),
        )  # fmt: skip
        return io.NodeOutput(keypoints, AttentionMaps(maps, tokens.names))
