"""Finding keypoints in all pictures of a folder, piece by piece, so that a run that was ended goes on where it was.

A piece is up to 16 pictures that follow one another by name. It is known by the names, sizes and dates of its files,
its place among the others, the tokens and all settings: when any of them has changed, it is done again. Pieces do not
depend on which run they were done in, so an interrupted run ends with the same result as one that was not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import torch

from .detection import PIECE, detect_pictures
from .keypoints import Keypoints
from .learning_state import digest_of
from .picture_folder import Unreadable, pictures_in, read_picture
from .piece_file import PieceFile
from .tokens import KeypointTokens


@dataclass(frozen=True)
class FolderKeypoints:
    """keypoints of B pictures; their file names and sizes (width, height) in pixels; why others were skipped."""

    keypoints: Keypoints
    files: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    skipped: dict[str, str]


@dataclass(frozen=True)
class Settings:
    """How pictures are looked at, see `detect_pictures`; model is what tells the model from others."""

    augmentations: int = 4
    radius: float = 5.0
    seed: int = 0
    longest: int = 512
    model: str = ""


class FolderDetection:
    """The pieces of a folder, and which of them `unfinished` holds already.

    Raises ValueError when there is no picture in the folder.
    """

    def __init__(self, folder: Path, tokens: KeypointTokens, settings: Settings, unfinished: PieceFile):
        self.tokens, self.settings, self.unfinished = tokens, settings, unfinished
        self.paths = pictures_in(folder)
        facts = digest_of(
            tokens.context, *(-1 if part is None else part for part in (tokens.calibration, tokens.arrangement)),
            vars(settings),
            [tokens.picked, tokens.names, tokens.layers, tokens.t, tokens.map_size, tokens.hidden],
        )  # fmt: skip
        self.keys = [
            digest_of(facts, start, [_facts(path) for path in self.paths[start : start + PIECE]])
            for start in range(0, len(self.paths), PIECE)
        ]

    @property
    def before(self) -> int:
        """How many pictures are done already."""
        return sum(len(self._piece(number)) for number, key in enumerate(self.keys) if key in self.unfinished)

    def run(self, source, on_picture: Callable[[int], None] = lambda done: None) -> FolderKeypoints:
        """Do the pieces that are not done. Raises ValueError when no picture can be read.

        on_picture  called with the number of pictures done, after every call of a model; a good place for cancel
        """
        done = self.before
        for number, key in enumerate(self.keys):
            if key not in self.unfinished:
                self.unfinished.add(key, list(self._detect(source, number, done, on_picture)))
                done += len(self._piece(number))
                on_picture(done)
        return self._collected()

    def _piece(self, number: int) -> list[Path]:
        return self.paths[number * PIECE : (number + 1) * PIECE]

    def _detect(self, source, number: int, done: int, on_picture):
        """Yield what is kept of each picture of a piece; neighbours of one size go through the model together."""
        opened = []
        for path in self._piece(number):
            try:
                opened.append((path.name, read_picture(path, self.settings.longest)))
            except Unreadable as problem:
                yield {"file": path.name, "skipped": str(problem)}
        place = 0
        for _, neighbours in groupby(opened, key=lambda one: one[1].pixels.shape):
            names, pictures = zip(*neighbours, strict=True)
            found, _ = detect_pictures(
                source, torch.cat([picture.pixels for picture in pictures]), self.tokens,
                augmentations=self.settings.augmentations, seed=self.settings.seed, radius=self.settings.radius,
                first=number * PIECE + place, on_progress=_pictures_of(on_picture, done + place, len(names)),
                keep_maps=False,
            )  # fmt: skip
            for b, (name, picture) in enumerate(zip(names, pictures, strict=True)):
                parts = {part: getattr(found, part)[b].tolist() for part in ("xy", "score", "visible")}
                yield {"file": name, "size": picture.size, **parts}
            place += len(names)

    def _collected(self) -> FolderKeypoints:
        """Everything that was found, in the order of the names."""
        found, skipped = [], {}
        for key in self.keys:
            piece = self.unfinished.read(key)
            skipped |= {one["file"]: one["skipped"] for one in piece if "skipped" in one}
            # As tensors at once: lists of numbers take many times their memory.
            found += [
                (one["file"], tuple(one["size"]), *(torch.tensor(one[part]) for part in ("xy", "score", "visible")))
                for one in piece
                if "size" in one
            ]
        if not found:
            name, why = next(iter(skipped.items()))
            raise ValueError(f"None of the {len(skipped)} pictures can be read; the first is {name}: {why}.")
        files, sizes, *parts = zip(*found, strict=True)
        keypoints = Keypoints(*map(torch.stack, parts), self.tokens.names, self.tokens.skeleton)
        return FolderKeypoints(keypoints, files, sizes, skipped)


def _facts(path: Path) -> list:
    """What changes when a file does."""
    found = path.stat()
    return [path.name, found.st_size, found.st_mtime_ns]


def _pictures_of(on_picture: Callable[[int], None], before: int, pictures: int) -> Callable[[int, int], None]:
    """Work done, told as a number of pictures."""
    return lambda done, total: on_picture(before + done * pictures // total)
