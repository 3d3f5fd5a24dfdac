"""Writing a file whole or not at all."""

import os
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
