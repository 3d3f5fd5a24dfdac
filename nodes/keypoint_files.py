"""Nodes that save keypoints as files that other programs read, and load them."""

import os
from pathlib import Path

import folder_paths
from comfy_api.latest import io, ui

from ..keypoints.keypoint_files import COCO, EXTENSIONS, FORMATS, load_keypoints, save_keypoints
from . import point_files
from .sockets import KeypointsSocket

FOLDER = "keypoints"  # of the output folder


class SaveKeypoints(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsSave",
            display_name="Save Keypoints",
            category="keypoints/files",
            description=(
                "Saves keypoints in pixels as a file that other programs read, in ComfyUI's output folder, where Load "
                "Keypoints finds it. An existing file is never replaced."
            ),
            search_aliases=["COCO", "OpenPose JSON", "CSV", "export keypoints", "write pose", "annotations"],
            inputs=[
                KeypointsSocket.Input("keypoints", tooltip="Of any number of pictures."),
                io.Combo.Input(
                    "format", options=list(FORMATS), default=COCO,
                    tooltip="COCO: a dataset, keeps everything. COCO results: detections, to score against a dataset. "
                    "OpenPose: all pictures in one file. OpenPose folder: a file for each. CSV: for spreadsheets.",
                ),
                io.String.Input(
                    "filename_prefix", default=f"{FOLDER}/points",
                    tooltip="Folder and beginning of the name; a number is added. Load Keypoints looks in the folder "
                    "keypoints. %year%, %month%, %day%, %hour%, %minute% and %second% are filled in.",
                ),
                io.Image.Input(
                    "image", optional=True, tooltip="The pictures of these keypoints, or one of them: gives their size."
                ),
                io.Int.Input(
                    "width", default=0, min=0, max=1_000_000, optional=True, advanced=True,
                    tooltip="Of the original pictures in pixels, if they were scaled. 0: that of image.",
                ),
                io.Int.Input(
                    "height", default=0, min=0, max=1_000_000, optional=True, advanced=True,
                    tooltip="Of the original pictures in pixels, if they were scaled. 0: that of image.",
                ),
                io.String.Input(
                    "pictures", default="", multiline=True, optional=True, advanced=True,
                    tooltip="File names of the pictures, one in each line, in their order. Empty: the file has none.",
                ),
            ],
            outputs=[io.String.Output("file", tooltip="Folder and name of what was saved, inside the output folder.")],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(cls, keypoints, format, filename_prefix, image=None, width=0, height=0, pictures=""):
        if not os.path.basename(filename_prefix.strip()):
            raise ValueError(f'Expected a folder and a name such as "{FOLDER}/people", got "{filename_prefix}".')
        size = _size(keypoints, image, width, height)
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
            filename_prefix.strip(), folder_paths.get_output_directory()
        )
        file = f"{name}_{counter:05}_{FORMATS[format]}"
        names = tuple(line.strip() for line in pictures.splitlines() if line.strip())
        save_keypoints(Path(folder, file), keypoints, size, format, names)
        saved = Path(subfolder, file).as_posix()
        return io.NodeOutput(saved, ui=ui.PreviewText(f"Saved as {saved}"))


class LoadKeypoints(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        saved = os.path.join(folder_paths.get_output_directory(), FOLDER)
        return io.Schema(
            node_id="KeypointsLoad",
            display_name="Load Keypoints",
            category="keypoints/files",
            description=(
                "Loads keypoints as a file has them: what Save Keypoints has written, or COCO, OpenPose and CSV of "
                "other programs. Load Keypoint Labels chooses among labels and brings them to OpenPose's joints."
            ),
            search_aliases=["COCO", "OpenPose JSON", "CSV", "import keypoints", "read pose", "open keypoints"],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=[f"{FOLDER}/{name} [output]" for name in point_files.offered(saved, EXTENSIONS)]
                    + point_files.offered(folder_paths.get_input_directory(), EXTENSIONS),
                    tooltip="A .json or .csv file, or a folder with a .json file of OpenPose for each picture, in "
                    "output/keypoints or in ComfyUI's input folder. Press R for new files.",
                ),
                io.Image.Input(
                    "image", optional=True,
                    tooltip="The pictures of the keypoints: checks their number and shape, and gives their size if the "
                    "file does not say it.",
                ),
                io.Int.Input(
                    "person", default=0, min=0, max=999, optional=True, advanced=True,
                    tooltip="Which person, from 0. COCO: the largest first. COCO results: the highest score first. "
                    "OpenPose: as in the file.",
                ),
            ],
            outputs=[
                KeypointsSocket.Output("keypoints", tooltip="One set for each picture, names and order of the file."),
                io.String.Output("pictures", tooltip="File names of the pictures, one in each line, if there are any."),
                io.Int.Output("width", tooltip="Of the pictures in pixels; 0 if it is not known or they differ."),
                io.Int.Output("height", tooltip="Of the pictures in pixels; 0 if it is not known or they differ."),
            ],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, file):
        return point_files.is_there(file)

    @classmethod
    def fingerprint_inputs(cls, file, **_others):
        return point_files.fingerprint(file)

    @classmethod
    def execute(cls, file, image=None, person=0):
        size, count = (None, None) if image is None else ((image.shape[2], image.shape[1]), len(image))
        keypoints, sizes, pictures = load_keypoints(point_files.path_of(file), person=person, size=size, count=count)
        # What is not known, NaN, does not equal itself.
        width, height = sizes[0].round().astype(int).tolist() if (sizes == sizes[0]).all() else (0, 0)
        return io.NodeOutput(keypoints, "\n".join(pictures), width, height)


def _size(keypoints, image, width: int, height: int) -> tuple[int, int]:
    """(width, height) in pixels of the pictures."""
    if image is not None and len(image) not in (1, len(keypoints.xy)):
        raise ValueError(
            f"There are keypoints of {len(keypoints.xy)} pictures, but {len(image)} pictures came; connect those that "
            "the keypoints belong to, or one of them."
        )
    if width and height:
        return width, height
    if image is None or width or height:
        raise ValueError(
            "Files hold pixels, so the size of the pictures is needed: connect the pictures to 'image', or fill in "
            "both width and height."
        )
    return image.shape[2], image.shape[1]
