"""The node that learns keypoints from a handful of labelled pictures."""

from comfy_api.latest import io, ui

from ..attention import host
from ..attention.pictures import readable_pictures
from ..keypoints.labelled import learn_from_labels
from ..keypoints.plots import loss_plot
from ..keypoints.recipes import LABELLED
from .inputs import LAYERS
from .learning import CATEGORY, chosen_recipe, common_inputs, told, watching
from .sockets import KeypointsSocket, KeypointTokensSocket


class LearnKeypointsFromLabels(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsLearnFromLabels",
            display_name="Learn Keypoints from Labels",
            category=CATEGORY,
            description=(
                "Learns the keypoints that you labelled on a few pictures, to find them in others. Five pictures are "
                "enough; more are better. Any keypoint may be missing in any picture. Stopped by Cancel or a crash, "
                "the same run goes on where it was."
            ),
            search_aliases=["in-context keypoints", "few-shot keypoints", "train keypoints", "landmarks"],
            inputs=[
                io.Model.Input("model", tooltip="An SD1.5 model. It is read, never changed."),
                io.Vae.Input("vae", tooltip="The VAE of the same checkpoint."),
                io.Image.Input("image", tooltip="The labelled pictures, 1 to 200."),
                KeypointsSocket.Input("labels", tooltip="Keypoints of these pictures, from Label Keypoints or a file."),
                io.Combo.Input(
                    "preset", options=list(LABELLED), default="improved",
                    tooltip="instant: no optimisation, seconds. improved: instant, then optimised, the best points. "
                    "prototype: a plain baseline. published: as in the paper (Schofield et al.), slow.",
                ),
                *common_inputs(),
                KeypointTokensSocket.Input(
                    "base", optional=True,
                    tooltip="Learned tokens that the published preset keeps frozen before its own.",
                ),
                io.Boolean.Input(
                    "cauchy", default=False, optional=True, advanced=True,
                    tooltip="Published preset: labels as Cauchy peaks instead of Gaussians of sigma 0.05 of the side.",
                ),
            ],
            outputs=[
                KeypointTokensSocket.Output("tokens", tooltip="For Detect Keypoints and Save Keypoint Tokens."),
                io.Image.Output("loss_plot", tooltip="How the loss fell."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, model, vae, image, labels, preset, steps, seed, timestep=-1, rate=0.0, batch=0, accumulation=0,
        tokens=500, longest_side=512, layers=LAYERS, base=None, cauchy=False,
    ):  # fmt: skip
        source = host.Source(model, vae)
        recipe = chosen_recipe(
            LABELLED, preset, steps=steps, timestep=timestep, rate=rate, batch=batch, accumulation=accumulation,
            tokens=tokens, layers=layers, cauchy=cauchy,
        )  # fmt: skip
        pictures = readable_pictures(image, longest_side)
        learned = learn_from_labels(source, pictures, labels, recipe, seed=seed, base=base, watch=watching(pictures))
        return io.NodeOutput(learned.tokens, loss_plot(learned.losses), ui=ui.PreviewText(told(learned)))
