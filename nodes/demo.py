"""Nodes of the embedded demo world: its model, its pictures, its prompts. They run anywhere, without a download."""

import folder_paths
from comfy_api.latest import io

from ..demo import model as demo_model
from ..demo import prompts, world
from .conditioning import make_conditioning
from .sockets import KeypointsSocket

CATEGORY = "keypoints/demo"

# The host's own Load ControlNet Model then offers the demo model's pose ControlNet, too.
folder_paths.add_model_folder_path("controlnet", str(demo_model.CONTROL_FILE.parent))


class LoadDemoModel(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsLoadDemoModel",
            display_name="Load Demo Model",
            category=CATEGORY,
            description=(
                "A small SD1.5-shaped model that comes with the pack and draws dressed figures, 256 x 256. "
                "To try the keypoint nodes without a checkpoint."
            ),
            search_aliases=["demo checkpoint", "test model"],
            inputs=[],
            outputs=[
                io.Model.Output("model"),
                io.Vae.Output("vae"),
                io.Conditioning.Output("parts", tooltip="All parts of a figure, of no stated colour."),
                io.Conditioning.Output("empty", tooltip="The empty prompt, for the negative of a sampler."),
            ],
        )

    @classmethod
    def execute(cls):
        model, vae = demo_model.load_demo_model()
        return io.NodeOutput(
            model, vae, make_conditioning(*prompts.all_parts()), make_conditioning(*prompts.empty_prompt())
        )


class DemoPictures(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsDemoPictures",
            display_name="Demo Pictures",
            category=CATEGORY,
            description="Drawn figures with exactly known joints, none of which the demo model was trained on.",
            search_aliases=["demo images", "figures", "test pictures"],
            inputs=[
                io.Int.Input("count", default=4, min=1, max=10_000, tooltip="How many pictures."),
                io.Int.Input(
                    "first", default=0, min=0, max=world.UNSEEN - 1, tooltip="Number of the first; the same "
                    "number is the same picture for ever.",
                ),
            ],
            outputs=[
                io.Image.Output("image"),
                KeypointsSocket.Output("keypoints", tooltip="The true joints and which of them can be seen."),
                io.Conditioning.Output("wears", tooltip="What each figure wears, part by part with its colour."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(cls, count, first):
        images, keypoints, colours = world.demo_pictures(first, count)
        return io.NodeOutput(images, keypoints, make_conditioning(*prompts.worn_parts(colours)))


class DemoPrompt(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsDemoPrompt",
            display_name="Demo Prompt",
            category=CATEGORY,
            description=(
                "A prompt for the demo model. Parts: " + ", ".join(prompts.PARTS) + ". Colours: "
                + ", ".join(prompts.COLOURS) + "."
            ),
            search_aliases=["demo text encode"],
            inputs=[
                io.String.Input(
                    "text", multiline=True, default="red hat, yellow head, blue shirt, green left glove, "
                    "orange right glove, pink left shoe, cyan right shoe",
                    tooltip='Parts with commas, each with or without a colour: "red hat, blue left glove, shirt".',
                ),
            ],
            outputs=[io.Conditioning.Output("conditioning")],
        )  # fmt: skip

    @classmethod
    def execute(cls, text):
        return io.NodeOutput(make_conditioning(*prompts.read_prompt(text)))
