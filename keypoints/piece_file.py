"""Results that are kept as they come: a file of JSON lines, one for each finished piece of the work."""

import json
import os
from pathlib import Path


class PieceFile:
    """Finished pieces by key. A piece is there as a whole or not at all, also after a crash or a power cut.

    A line that was cut off while it was written is dropped when the file is opened again. Only keys and places are
    held in memory.
    """

    def __init__(self, path: Path):
        self.path = path
        self.places: dict[str, int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "a+b")
        try:
            self._file.seek(0)
            end = 0
            for line in self._file:
                key = _key(line)
                if key is None:
                    break
                self.places[key] = end
                end += len(line)
            self._file.truncate(end)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "PieceFile":
        return self

    def __exit__(self, *_) -> None:
        self._file.close()
        if not self.places:
            self.path.unlink(missing_ok=True)

    def __contains__(self, key: str) -> bool:
        return key in self.places

    def add(self, key: str, content) -> None:
        """Keep a piece, content being anything that JSON can hold; it is on the disk when this returns."""
        line = json.dumps([key, content], allow_nan=False).encode() + b"\n"
        place = self._file.seek(0, os.SEEK_END)
        self._file.write(line)
        self._file.flush()
        os.fsync(self._file.fileno())
        self.places[key] = place

    def read(self, key: str):
        """The content of a piece that is there."""
        self._file.seek(self.places[key])
        return json.loads(self._file.readline())[1]

    def delete(self) -> None:
        """The work is done and its results lie elsewhere."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def _key(line: bytes) -> str | None:
    """The key of a whole line, None for one that was cut off or is none of ours."""
    try:
        key, _ = json.loads(line) if line.endswith(b"\n") else (None, None)
    except (ValueError, TypeError):
        return None
    return key if isinstance(key, str) else None
