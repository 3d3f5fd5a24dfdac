"""Node with the annotator: pictures go to the front end, clicks come back as labels."""

from comfy_api.latest import io, ui

from ..attention.canvas import as_rgb
from ..attention.colours import distinct_colours
from ..keypoints.labels import read_labels
from ..keypoints.skeletons import FIGURE_14, OPENPOSE_18
from .sockets import KeypointsSocket

# What the widget offers; the first one is where a new node starts.
SKELETONS = {"OpenPose 18": OPENPOSE_18, "Figure 14": FIGURE_14}
FREE_COLOURS = 64  # for names of no known skeleton; after so many they start again


class LabelKeypoints(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsLabel",
            display_name="Label Keypoints",
            category="keypoints",
            description=(
                "Shows every picture of a batch. Click where the points are, in as many pictures as you like; "
                "run once to see the pictures."
            ),
            search_aliases=["annotate", "click points", "landmarks", "pose editor", "point editor", "COCO"],
            inputs=[
                io.Image.Input("image", tooltip="The pictures to label, all in one batch."),
                io.String.Input(
                    "labels", default="", multiline=True, socketless=True,
                    tooltip="The points, as the annotator keeps them: names and places in parts of width and height.",
                    # The front end's own key for an input that has a widget of its own; the rest is for that widget.
                    extra_dict={
                        "widgetType": "KEYPOINT_LABELS",
                        "skeletons": [{"title": title} | known._asdict() for title, known in SKELETONS.items()],
                        "colours": distinct_colours(FREE_COLOURS).round(3).tolist(),
                    },
                ),
            ],
            outputs=[KeypointsSocket.Output("keypoints", tooltip="The labels: nothing where nothing was clicked.")],
            is_output_node=True,  # so that it can be run alone, to see the pictures
        )  # fmt: skip

    @classmethod
    def execute(cls, image, labels):
        # Not as "images", which the front end would show a second time under the widget.
        shown = {"label_pictures": ui.PreviewImage(as_rgb(image)).values, "label_problem": []}
        try:
            keypoints = read_labels(labels, len(image))
        except ValueError as problem:
            # Blocks what follows instead of failing: the pictures must arrive, or nobody could label them.
            return io.NodeOutput(None, ui=shown | {"label_problem": [str(problem)]}, block_execution=str(problem))
        return io.NodeOutput(keypoints, ui=shown)
