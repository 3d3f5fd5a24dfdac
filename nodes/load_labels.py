"""Node that loads labels from files of others, from the host's input folder."""

import hashlib
import os
from pathlib import Path

import folder_paths
from comfy_api.latest import io

from ..keypoints.label_files import EXTENSIONS, read_label_file
from ..keypoints.threedpw import JOINTS
from .sockets import KeypointsSocket


class LoadKeypointLabels(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsLoadLabels",
            display_name="Load Keypoint Labels",
            category="keypoints/files",
            description=(
                "Loads labels from a COCO keypoint file, an OpenPose file or a 3DPW sequence. The file is only read: "
                "nothing in it is executed."
            ),
            search_aliases=["COCO", "OpenPose JSON", "3DPW", "annotations", "import labels", "pose file"],
            inputs=[
                io.Combo.Input(
                    "file", options=_label_files(),
                    tooltip="A .json or .pkl file in ComfyUI's input folder, or a folder there with a .json file of "
                    "OpenPose for each picture. Press R for new files.",
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
                    tooltip="Number of the first picture, from 0. COCO: in the order of the file names.",
                ),
                io.Int.Input("frames", default=0, min=0, max=9_999_999, tooltip="How many pictures. 0: all."),
                io.Int.Input("step", default=1, min=1, max=9_999_999, tooltip="Take every how many-th picture."),
                io.String.Input(
                    "pictures", default="", multiline=True, optional=True, advanced=True,
                    tooltip="COCO: file names of the pictures, one in each line, in their order. Empty: all.",
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
        # Named here, the file need not be in the list: a graph may come with a file that was put there later.
        if folder_paths.exists_annotated_filepath(file):
            return True
        return f'There is no "{file}" in ComfyUI\'s input folder. Put the file there, press R, and choose it.'

    @classmethod
    def fingerprint_inputs(cls, file, **_others):
        """A file that was changed is read again."""
        path = Path(folder_paths.get_annotated_filepath(file))
        digest = hashlib.sha256()
        for part in sorted(path.glob("*.[jJ][sS][oO][nN]")) if path.is_dir() else [path]:
            digest.update(part.name.encode())
            with part.open("rb") as content:
                while block := content.read(2**20):
                    digest.update(block)
        return digest.hexdigest()

    @classmethod
    def execute(cls, file, person, first, frames, step, image=None, pictures="", joints=JOINTS[0]):
        keypoints = read_label_file(
            Path(folder_paths.get_annotated_filepath(file)), person=person, first=first, frames=frames, step=step,
            pictures=tuple(name.strip() for name in pictures.splitlines() if name.strip()), joints=joints,
            size=None if image is None else (image.shape[2], image.shape[1]),
            count=None if image is None else len(image),
        )  # fmt: skip
        return io.NodeOutput(keypoints)


def _label_files() -> list[str]:
    """Names of the files in the input folder itself, as Load Image offers them, and of folders of JSON files."""
    files, folders = [], []
    for entry in os.scandir(folder_paths.get_input_directory()):
        if entry.is_file():
            files.append(entry.name)
        elif entry.is_dir() and os.access(entry.path, os.R_OK | os.X_OK):
            if folder_paths.filter_files_extensions(os.listdir(entry.path), [".json"]):
                folders.append(entry.name)
    return folder_paths.filter_files_extensions(files, EXTENSIONS) + sorted(folders)
