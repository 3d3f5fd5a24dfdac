"""Writing a file, or a folder of files, whole or not at all."""

import os
import shutil
import uuid
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Put a file of these bytes at `path`, replacing what is there; its folder is made if need be.

    The bytes go to a temporary file beside it first, so that a crash, a cancel or a full disk never leaves half a
    file under the name, nor the temporary one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        # After the replacement there is none; on the way out of any failure, a cancel too, it goes.
        temporary.unlink(missing_ok=True)


def write_folder_atomically(path: Path, files: dict[str, bytes]) -> None:
    """Make a folder of these files, by name, at `path`, all of it or nothing. Raises OSError where there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise FileExistsError(f"There is already {path.name}.")
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        temporary.mkdir()
        for name, data in files.items():
            (temporary / name).write_bytes(data)
        os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
