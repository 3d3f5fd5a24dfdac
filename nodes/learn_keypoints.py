"""The node that learns keypoints without labels."""

from comfy_api.latest import io, ui

from ..attention import host
from ..attention.pictures import readable_pictures
from ..keypoints.plots import loss_plot
from ..keypoints.recipes import UNLABELLED
from ..keypoints.unlabelled import learn_unlabelled
from .inputs import LAYERS
from .learning import CATEGORY, chosen_recipe, common_inputs, told, watching
from .sockets import KeypointTokensSocket


class LearnKeypoints(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsLearn",
            display_name="Learn Keypoints",
            category=CATEGORY,
            description=(
                "Finds keypoints of one kind of object by itself, from pictures without labels: tokens whose attention "
                "is a point that stays on its place when the picture is turned, shifted or zoomed (Hedlin et al., "
                "CVPR 2024). Stopped by Cancel or a crash, the same run goes on where it was."
            ),
            search_aliases=["unsupervised keypoints", "landmarks", "StableKeypoints", "train keypoints"],
            inputs=[
                io.Model.Input("model", tooltip="An SD1.5 model. It is read, never changed."),
                io.Vae.Input("vae", tooltip="The VAE of the same checkpoint."),
                io.Image.Input("image", tooltip="Pictures of one kind of object; thirty and more are good."),
                io.Combo.Input(
                    "preset", options=list(UNLABELLED), default="improved",
                    tooltip="instant: no optimisation, seconds. improved: instant, then optimised, the best points. "
                    "published: as in the paper, slow.",
                ),
                io.Int.Input(
                    "keypoints", default=10, min=1, max=100, tooltip="K: how many keypoints. Published: 4 to 10."
                ),
                *common_inputs(),
                io.Int.Input(
                    "candidates", default=25, min=1, max=2000, optional=True, advanced=True,
                    tooltip="kappa, of the published preset: tokens of the narrowest peaks, from which K are chosen. "
                    "Published: 25.",
                ),
            ],
            outputs=[
                KeypointTokensSocket.Output("tokens", tooltip="For Detect Keypoints and Save Keypoint Tokens."),
                io.Image.Output("loss_plot", tooltip="How the loss fell."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, model, vae, image, preset, keypoints, steps, seed, timestep=-1, rate=0.0, batch=0, accumulation=0,
        tokens=500, longest_side=512, layers=LAYERS, candidates=25,
    ):  # fmt: skip
        source = host.Source(model, vae)
        recipe = chosen_recipe(
            UNLABELLED, preset, steps=steps, timestep=timestep, rate=rate, batch=batch, accumulation=accumulation,
            tokens=tokens, layers=layers, keypoints=keypoints, local=candidates,
        )  # fmt: skip
        pictures = readable_pictures(image, longest_side)
        learned = learn_unlabelled(source, pictures, recipe, seed=seed, watch=watching(pictures))
        return io.NodeOutput(learned.tokens, loss_plot(learned.losses), ui=ui.PreviewText(told(learned)))
