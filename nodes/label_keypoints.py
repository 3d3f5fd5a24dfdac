"""Node with the annotator: pictures go to the front end, clicks come back as labels."""

import hashlib
from pathlib import Path

import folder_paths
import torch
from comfy_api.latest import io

from ..attention.canvas import as_rgb, to_pil
from ..attention.colours import distinct_colours
from ..keypoints.labels import read_labels
from ..keypoints.skeletons import COCO_17, FIGURE_14, OPENPOSE_18
from .sockets import KeypointsSocket

# What the widget offers; the first one is where a new node starts.
SKELETONS = {"OpenPose 18": OPENPOSE_18, "Figure 14": FIGURE_14, "COCO 17": COCO_17}
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
    def fingerprint_inputs(cls, labels, **others):
        """Labels that cannot be used are read anew at each run: the host says only once why it blocks."""
        try:
            read_labels(labels)
        except ValueError:
            return float("nan")
        return ""

    @classmethod
    def execute(cls, image, labels):
        # Not as "images", which the front end would show a second time under the widget.
        shown = {"label_pictures": _show(image), "label_problem": []}
        try:
            keypoints = read_labels(labels, len(image))
        except ValueError as problem:
            # Blocks what follows instead of failing: the pictures must arrive, or nobody could label them.
            return io.NodeOutput(None, ui=shown | {"label_problem": [str(problem)]}, block_execution=str(problem))
        return io.NodeOutput(keypoints, ui=shown)


def _show(images: torch.Tensor) -> list[dict[str, str]]:
    """Put pictures where the front end can fetch them, under names of their content.

    The next run, with more labels, shows the same pictures: they are written and fetched once.
    """
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    shown = []
    for image in as_rgb(images):
        picture = to_pil(image)
        digest = hashlib.sha256(f"{picture.size}".encode() + picture.tobytes()).hexdigest()
        path = folder / f"label_{digest[:32]}.png"
        if not path.exists():
            picture.save(path, compress_level=1)
        shown.append({"filename": path.name, "subfolder": "", "type": "temp"})
    return shown
