"""Node that loads labels from files of others, from the host's input folder."""

import folder_paths
from comfy_api.latest import io

from ..keypoints.label_files import EXTENSIONS, read_label_file
from ..keypoints.threedpw import JOINTS
from . import point_files
from .sockets import KeypointsSocket


class LoadKeypointLabels(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsLoadLabels",
            display_name="Load Keypoint Labels",
            category="keypoints/files",
            description=(
                "Loads labels of other programs to learn from or to measure with, from COCO, OpenPose, CSV or 3DPW, "
                "and brings them to OpenPose's joints. Load Keypoints loads a file as it is. Nothing in it is executed."
            ),
            search_aliases=["COCO", "OpenPose JSON", "3DPW", "annotations", "import labels", "pose file"],
            inputs=[
                io.Combo.Input(
                    "file", options=point_files.offered(folder_paths.get_input_directory(), EXTENSIONS),
                    tooltip="A .json, .csv or .pkl file in ComfyUI's input folder, or a folder there with a .json file "
                    "of OpenPose for each picture. Press R for new files.",
                ),
                io.Image.Input(
                    "image", optional=True,
                    tooltip="The pictures that the labels belong to: checks their number, and gives their size if the "
                    "file does not say it.",
                ),
                io.Int.Input(
                    "person", default=0, min=0, max=999,
                    tooltip="Which person, from 0. COCO: the largest first. OpenPose and 3DPW: as in the file.",
                ),
                io.Int.Input(
                    "first", default=0, min=0, max=9_999_999,
                    tooltip="Number of the first picture, from 0, in the order of file names.",
                ),
                io.Int.Input("frames", default=0, min=0, max=9_999_999, tooltip="How many pictures. 0: all."),
                io.Int.Input("step", default=1, min=1, max=9_999_999, tooltip="Take every how many-th picture."),
                io.String.Input(
                    "pictures", default="", multiline=True, optional=True, advanced=True,
                    tooltip="COCO and CSV: file names of the pictures, one in each line, in their order. Empty: all.",
                ),
                io.Combo.Input(
                    "joints", options=list(JOINTS), default=JOINTS[0], optional=True, advanced=True,
                    tooltip="3DPW. poses2d: OpenPose's 18 joints as detected in the pictures. jointPositions: the 24 "
                    "of the body model, with head, hands and feet, also where they are hidden.",
                ),
            ],
            outputs=[KeypointsSocket.Output("keypoints", tooltip="The labels of that person in each picture.")],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, file):
        return point_files.is_there(file)

    @classmethod
    def fingerprint_inputs(cls, file, **_others):
        return point_files.fingerprint(file)

    @classmethod
    def execute(cls, file, person, first, frames, step, image=None, pictures="", joints=JOINTS[0]):
        keypoints = read_label_file(
            point_files.path_of(file), person=person, first=first, frames=frames, step=step,
            pictures=tuple(name.strip() for name in pictures.splitlines() if name.strip()), joints=joints,
            size=None if image is None else (image.shape[2], image.shape[1]),
            count=None if image is None else len(image),
        )  # fmt: skip
        return io.NodeOutput(keypoints)
