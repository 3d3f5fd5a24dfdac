"""Node that draws keypoints over pictures."""

from comfy_api.latest import io

from ..keypoints import drawing
from .sockets import KeypointsSocket


class DrawKeypoints(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsDraw",
            display_name="Draw Keypoints",
            category="keypoints",
            description="Draws keypoints, their names and their limbs over pictures. Hidden points are hollow.",
            search_aliases=["pose", "skeleton", "landmarks", "draw points"],
            inputs=[
                io.Image.Input("image", tooltip="The pictures, or one for all keypoints."),
                KeypointsSocket.Input("keypoints", tooltip="One set for each picture, or one for all."),
                io.Boolean.Input("names", default=True, tooltip="Write each point's name beside it."),
                io.Boolean.Input("scores", default=False, tooltip="Write each point's confidence beside it."),
                io.Boolean.Input("fade", default=True, tooltip="Draw points of low confidence fainter. Where "
                    "confidence is no chance but a share of attention: fainter than the same point in other pictures."),
                io.Float.Input(
                    "min_score", default=0.0, min=0, max=1, step=0.01, advanced=True,
                    tooltip="Leave out points whose confidence is below this.",
                ),
                io.Float.Input(
                    "point_radius", default=0.0, min=0, max=200, step=0.5, advanced=True,
                    tooltip="In pixels. 0: from the size of the picture.",
                ),
                io.Float.Input(
                    "line_width", default=0.0, min=0, max=200, step=0.5, advanced=True,
                    tooltip="Of the limbs, in pixels. 0: from the size of the picture.",
                ),
                io.Int.Input(
                    "trail", default=0, min=0, max=1000, optional=True, advanced=True,
                    tooltip="For the frames of a video: how many frames back each point's way is drawn. 0: none.",
                ),
            ],
            outputs=[io.Image.Output("drawn")],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, image, keypoints, names, scores, fade, min_score=0.0, point_radius=0.0, line_width=0.0, trail=0
    ):  # fmt: skip
        drawn = drawing.draw_keypoints(
            image, keypoints, point_radius=point_radius or None, line_width=line_width or None, show_names=names,
            show_score=scores, confidence_as_opacity=fade, min_score=min_score, trail=trail,
        )  # fmt: skip
        return io.NodeOutput(drawn)
