"""Node that smooths keypoints over the frames of a video."""

from comfy_api.latest import io

from ..keypoints.smoothing import smooth
from .sockets import KeypointsSocket


class SmoothKeypoints(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsSmooth",
            display_name="Smooth Keypoints",
            category="keypoints",
            description="Calms keypoints that tremble from frame to frame of a video, and bridges frames without them.",
            search_aliases=["temporal smoothing", "stabilize", "jitter", "Kalman", "one euro", "interpolate keypoints"],
            inputs=[
                KeypointsSocket.Input("keypoints", tooltip="Of the frames of one video, in order."),
                io.Float.Input(
                    "reach", default=2.0, min=0.1, max=100, step=0.1,
                    tooltip="How many frames to either side a frame listens to. 2: a third of the trembling is left; "
                    "more: calmer, but quick movements are rounded off.",
                ),
                io.Int.Input(
                    "max_gap", default=10, min=0, max=10_000,
                    tooltip="Bridge a point missing in up to so many frames in a row. Bridged points are hidden.",
                ),
                io.Float.Input(
                    "min_score", default=0.0, min=0, max=1, step=0.01, advanced=True,
                    tooltip="Points whose confidence is below this count as missing.",
                ),
            ],
            outputs=[KeypointsSocket.Output("keypoints")],
        )  # fmt: skip

    @classmethod
    def execute(cls, keypoints, reach, max_gap, min_score=0.0):
        return io.NodeOutput(smooth(keypoints, reach=reach, max_gap=max_gap, min_score=min_score))
