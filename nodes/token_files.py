"""Nodes that save and load keypoint tokens, and the model folder "keypoints" where their files lie."""

import os
from pathlib import Path

import folder_paths
from comfy_api.latest import io, ui

from ..keypoints.token_file import load_tokens, save_tokens
from .sockets import KeypointTokensSocket

FOLDER = "keypoints"

# As with the host's checkpoints and LoRAs: what was saved under output/ is found as well as what lies in models/.
folder_paths.add_model_folder_path(FOLDER, os.path.join(folder_paths.models_dir, FOLDER))
folder_paths.add_model_folder_path(FOLDER, os.path.join(folder_paths.get_output_directory(), FOLDER))
folder_paths.folder_names_and_paths[FOLDER][1].add(".safetensors")


class SaveKeypointTokens(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsSaveTokens",
            display_name="Save Keypoint Tokens",
            category="keypoints/files",
            description=(
                "Saves learned keypoint tokens as a .safetensors file in ComfyUI's output folder, where Load Keypoint "
                "Tokens finds them. An existing file is never replaced."
            ),
            search_aliases=["store tokens", "export tokens", "write keypoint tokens"],
            inputs=[
                KeypointTokensSocket.Input(
                    "tokens", tooltip="From Learn Keypoints or Learn Keypoints from Labels: E* in the papers."
                ),
                io.String.Input(
                    "filename_prefix", default="keypoints/keypoints",
                    tooltip=(
                        "Folder and beginning of the name; a number is added. Load Keypoint Tokens looks in the folder "
                        "keypoints. %year%, %month%, %day%, %hour%, %minute% and %second% are filled in."
                    ),
                ),
            ],
            outputs=[io.String.Output("file", tooltip="Folder and name of the saved file, inside the output folder.")],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(cls, tokens, filename_prefix):
        if not os.path.basename(filename_prefix.strip()):
            raise ValueError(f'Expected a folder and a name such as "keypoints/people", got "{filename_prefix}".')
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
            filename_prefix.strip(), folder_paths.get_output_directory()
        )
        file = f"{name}_{counter:05}_.safetensors"
        save_tokens(Path(folder, file), tokens)
        saved = Path(subfolder, file).as_posix()
        return io.NodeOutput(saved, ui=ui.PreviewText(f"Saved as {saved}"))


class LoadKeypointTokens(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsLoadTokens",
            display_name="Load Keypoint Tokens",
            category="keypoints/files",
            description="Loads keypoint tokens that Save Keypoint Tokens has written.",
            search_aliases=["open tokens", "import tokens", "read keypoint tokens"],
            inputs=[
                io.Combo.Input(
                    "file", options=folder_paths.get_filename_list(FOLDER),
                    tooltip="A .safetensors file in models/keypoints or output/keypoints. Press R for new files.",
                )
            ],
            outputs=[KeypointTokensSocket.Output("tokens")],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, file):
        """A file that was changed is read again."""
        found = os.stat(folder_paths.get_full_path_or_raise(FOLDER, file))
        return found.st_mtime_ns, found.st_size

    @classmethod
    def execute(cls, file):
        return io.NodeOutput(load_tokens(folder_paths.get_full_path_or_raise(FOLDER, file)))
