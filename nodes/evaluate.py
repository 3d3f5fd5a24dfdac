"""Node that measures found keypoints against labels."""

from comfy_api.latest import io

from ..keypoints.evaluation import evaluate, evaluation_plot, evaluation_table, parse_thresholds
from .sockets import KeypointsSocket


class EvaluateKeypoints(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsEvaluate",
            display_name="Evaluate Keypoints",
            category="keypoints",
            description=(
                "Measures found keypoints against labels, joint by joint: PCK at given thresholds, hits within a "
                "radius in pixels, mean distance, and left and right confused. As a table and as a chart."
            ),
            search_aliases=["PCK", "metrics", "accuracy", "benchmark", "compare keypoints"],
            inputs=[
                KeypointsSocket.Input("keypoints", tooltip="From Detect Keypoints or Apply Landmarks."),
                KeypointsSocket.Input(
                    "labels", tooltip="The true points of the same pictures. Joints are matched by name."
                ),
                io.String.Input(
                    "thresholds", default="0.05, 0.1",
                    tooltip="Of PCK, the share of points that are at most this far off, in parts of the picture's "
                    "side. One or more, with commas.",
                ),
                io.Float.Input(
                    "pixel_radius", default=40.0, min=0.5, max=4096, step=0.5,
                    tooltip="A point is a hit within this many pixels of its label; 40 in Schofield et al.",
                ),
                io.Int.Input(
                    "picture_width", default=512, min=1, max=16384, optional=True, advanced=True,
                    tooltip="The radius is in pixels of pictures of this width. SD1.5's 512 by default.",
                ),
                io.Int.Input(
                    "picture_height", default=512, min=1, max=16384, optional=True, advanced=True,
                    tooltip="The radius is in pixels of pictures of this height. SD1.5's 512 by default.",
                ),
                io.Boolean.Input(
                    "visible_only", default=False, optional=True, advanced=True,
                    tooltip="Count only labels that are marked as visible, as Hedlin et al. do on CUB and Tai-Chi.",
                ),
            ],
            outputs=[
                io.String.Output("table", tooltip="All metrics of every joint, in Markdown."),
                io.Image.Output("plot", tooltip="PCK and hits of every joint as bars."),
                io.Float.Output("pck", tooltip="PCK at the last threshold, averaged over the joints, 0 to 1."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, keypoints, labels, thresholds, pixel_radius, picture_width=512, picture_height=512, visible_only=False
    ):
        wanted = parse_thresholds(thresholds)
        result = evaluate(
            keypoints, labels, thresholds=wanted, radius=pixel_radius, width=picture_width, height=picture_height,
            visible_only=visible_only,
        )  # fmt: skip
        return io.NodeOutput(evaluation_table(result), evaluation_plot(result), result.mean_pck)
