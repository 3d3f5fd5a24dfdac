"""Nodes that turn unlabelled keypoints into named landmarks by linear regression."""

from comfy_api.latest import io

from ..keypoints.landmarks import apply_landmarks, fit_landmarks
from ..keypoints.tables import text_table
from .sockets import KeypointsSocket, LandmarksSocket

CATEGORY = "keypoints/landmarks"


class FitLandmarks(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsFitLandmarks",
            display_name="Fit Landmarks",
            category=CATEGORY,
            description=(
                "Learns where named landmarks lie from where unlabelled keypoints lie: a linear regression without a "
                "bias on coordinates from the picture's centre, the papers' measure of unsupervised keypoints."
            ),
            search_aliases=["landmark regression", "linear regression", "name keypoints"],
            inputs=[
                KeypointsSocket.Input(
                    "keypoints",
                    tooltip="Found by Detect Keypoints, X in the regression. At least twice as many pictures "
                    "as coordinates make a reliable fit.",
                ),
                KeypointsSocket.Input(
                    "labels", tooltip="The true landmarks of the same pictures, Y. Not every point need be labelled."
                ),
                io.Boolean.Input(
                    "visible_only", default=False,
                    tooltip="Fit to visible labels only, as Hedlin et al. do on CelebA, CUB and Tai-Chi.",
                ),
                io.Boolean.Input(
                    "swap_sides", default=False,
                    tooltip="For figures that face either way: in each picture, take left and right as they are or "
                    "exchanged, whichever fits better (Human3.6M in the papers).",
                ),
                io.Float.Input(
                    "ridge", default=0.0, min=0, max=1, step=0.001, optional=True, advanced=True,
                    tooltip="Keeps the weights small when there are fewer pictures than coordinates; 0.01 is a good "
                    "start. 0: the papers' pseudo-inverse.",
                ),
            ],
            outputs=[
                LandmarksSocket.Output("landmarks"),
                io.String.Output("report", tooltip="How well each landmark fits the pictures of the fit."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(cls, keypoints, labels, visible_only, swap_sides, ridge=0.0):
        fitted = fit_landmarks(keypoints, labels, visible_only=visible_only, swap_sides=swap_sides, ridge=ridge)
        rows = [(name, f"{error:.4f}") for name, error in zip(fitted.names, fitted.error.tolist(), strict=True)]
        rows.append(("mean", f"{fitted.error.mean():.4f}"))
        return io.NodeOutput(fitted, text_table(["landmark", "mean l2 in the fit"], rows))


class ApplyLandmarks(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsApplyLandmarks",
            display_name="Apply Landmarks",
            category=CATEGORY,
            description="Finds named landmarks in new pictures from their unlabelled keypoints.",
            search_aliases=["landmark regression", "predict landmarks"],
            inputs=[
                KeypointsSocket.Input(
                    "keypoints", tooltip="Of new pictures, found with the same tokens as those of the fit."
                ),
                LandmarksSocket.Input("landmarks", tooltip="From Fit Landmarks."),
            ],
            outputs=[KeypointsSocket.Output("keypoints", tooltip="The landmarks, with the names of the labels.")],
        )  # fmt: skip

    @classmethod
    def execute(cls, keypoints, landmarks):
        return io.NodeOutput(apply_landmarks(keypoints, landmarks))
