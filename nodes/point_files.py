"""Files of points in the host's folders, as the nodes that load them offer, check and follow them."""

import hashlib
import os
from pathlib import Path

import folder_paths


def offered(root: str, extensions: tuple[str, ...]) -> list[str]:
    """Names of the files in a folder itself, as Load Image offers them, and of folders of JSON files in it."""
    files, folders = [], []
    for entry in os.scandir(root) if os.path.isdir(root) else ():
        if entry.is_file():
            files.append(entry.name)
        elif entry.is_dir() and os.access(entry.path, os.R_OK | os.X_OK):
            if folder_paths.filter_files_extensions(os.listdir(entry.path), [".json"]):
                folders.append(entry.name)
    return folder_paths.filter_files_extensions(files, extensions) + sorted(folders)


def is_there(file: str) -> bool | str:
    """True, or what a person can do about a file that is missing.

    Where a node asks this, the file need not be in its list: a graph may come with one that was put there later.
    """
    if folder_paths.exists_annotated_filepath(file):
        return True
    name, folder = folder_paths.annotated_filepath(file)
    kind = "output" if folder == folder_paths.get_output_directory() else "input"
    return f'There is no "{name}" in ComfyUI\'s {kind} folder. Put the file there, press R, and choose it.'


def path_of(file: str) -> Path:
    return Path(folder_paths.get_annotated_filepath(file))


def fingerprint(file: str) -> str:
    """Another one for a file, or a folder of JSON files, that was changed, so that it is read again."""
    path = path_of(file)
    digest = hashlib.sha256()
    for part in sorted(path.glob("*.[jJ][sS][oO][nN]")) if path.is_dir() else [path]:
        digest.update(part.name.encode())
        with part.open("rb") as content:
            while block := content.read(2**20):
                digest.update(block)
    return digest.hexdigest()
