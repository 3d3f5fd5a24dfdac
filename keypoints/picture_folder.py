"""The pictures of a folder: which there are, and reading one of any size and kind."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from ..attention.pictures import readable_pictures

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")


class Unreadable(ValueError):
    """A picture that cannot be read; the message says why."""


@dataclass(frozen=True)
class Picture:
    """pixels [1, H, W, 3] in 0..1, as the model sees them; size (width, height) of the original, turned upright."""

    pixels: torch.Tensor
    size: tuple[int, int]


def pictures_in(folder: Path) -> list[Path]:
    """The picture files in a folder, in the order of their names; folders in it are not searched.

    Raises ValueError when there is none, OSError when the folder cannot be read.
    """
    found = [path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS and path.is_file()]
    if not found:
        raise ValueError(f"There is no picture in {folder}. Pictures are files that end in {', '.join(EXTENSIONS)}.")
    return sorted(found, key=lambda path: path.name)


def read_picture(path: Path, longest: int | None = None) -> Picture:
    """A picture, turned upright as its camera says, without its alpha channel; of an animation the first frame.

    longest  larger pictures are shrunk to this side, see `readable_pictures`

    Raises Unreadable when it is not a picture or broken.
    """
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            size = image.size
            rgb = np.array(_in_8_bits(image).convert("RGB"))
    except UnidentifiedImageError as problem:
        raise Unreadable("this is not a picture, or of a kind that is not known here") from problem
    except Exception as problem:  # the decoders raise whatever they like at a broken file
        raise Unreadable(str(problem) or type(problem).__name__) from problem
    return Picture(readable_pictures(torch.from_numpy(rgb)[None].float() / 255, longest), size)


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Greys of 16 bits as 8; Pillow would cut off all that is above 255."""
    return image.convert("I").point(lambda value: value * (1 / 257)).convert("L") if image.mode[0] == "I" else image
