"""Pictures to paint on: tensors and Pillow pictures, sizes that suit a picture, text and shapes.

A canvas is a NumPy array [H, W, 3] float32 in 0..1 that the `paint_` functions change in place.
Positions on it are (x, y) in pixels, and the centre of the top left pixel is at (0.5, 0.5).
"""

import unicodedata
from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

_DARK = (0.06, 0.06, 0.07)
_LIGHT = (1.0, 1.0, 1.0)


def as_rgb(images: torch.Tensor) -> torch.Tensor:
    """ComfyUI pictures [B, H, W, C] with 1, 3 or 4 channels to [B, H, W, 3] float32 in 0..1 on the CPU.

    A grey picture is repeated over the three channels, an alpha channel is left out, and values
    outside 0..1 (or not numbers) are brought inside. Raises ValueError for any other shape.
    """
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or 0 in images.shape:
        raise ValueError(
            f"Expected pictures of shape [batch, height, width, channels] with 1, 3 or 4 "
            f"channels, got shape {list(images.shape)}. Connect an IMAGE output that holds a picture."
        )
    images = images.detach().to(device="cpu", dtype=torch.float32)
    images = images.expand(*images.shape[:3], 3) if images.shape[-1] == 1 else images[..., :3]
    return torch.nan_to_num(images).clamp(0, 1)


def match_batches(images: torch.Tensor, count: int, what: str) -> tuple[torch.Tensor, list[int]]:
    """Pair pictures [B, H, W, C] with `count` others (maps, keypoints), one picture or one other serving all.

    Returns the pictures repeated where needed and, for each, the index of its partner. `what` names the
    others in the error. Raises ValueError when neither number is 1 and they differ.
    """
    if len(images) == count or count == 1:
        return images, [0 if count == 1 else i for i in range(len(images))]
    if len(images) == 1:
        return images.expand(count, *images.shape[1:]), list(range(count))
    raise ValueError(
        f"Got {len(images)} pictures but {what} of {count}. Connect the same pictures that "
        f"the {what} were made from, or a single picture."
    )


def to_pil(image: torch.Tensor) -> Image.Image:
    """One picture [H, W, C], values 0..1, as an 8-bit RGB Pillow picture."""
    return Image.fromarray((as_rgb(image[None])[0] * 255).round().to(torch.uint8).numpy())


def to_tensor(picture: Image.Image) -> torch.Tensor:
    """A Pillow picture of any mode as [H, W, 3] float32 in 0..1."""
    return torch.from_numpy(np.asarray(picture.convert("RGB"), dtype=np.float32) / 255)


def text_size(width: float, height: float) -> int:
    """Font size in pixels for writing on a picture: 11 at 128 px, 20 at 512, 57 at 2048."""
    return max(11, round(8 + (width * height) ** 0.5 / 42))


def stroke_width(width: float, height: float) -> float:
    """Line width in pixels for drawing on a picture: about 1/110 of its size, never under 2."""
    return max(2.0, (width * height) ** 0.5 / 110)


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own vector font, at any size in pixels. Needs no file and no network."""
    return ImageFont.load_default(size)


def printable(text: str) -> str:
    """The text in letters that Pillow's own font has: accents are dropped, other scripts become '?'.

    The underscores of names like left_hand become spaces.
    """
    letters = unicodedata.normalize("NFKD", text.replace("_", " "))
    plain = "".join(c for c in letters if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" or c in "…·" else "?" for c in plain)


def text_width(text: str, size: int) -> float:
    """Width of one line of text in pixels, without its outline."""
    return font(size).getlength(printable(text))


def outline_width(size: int) -> int:
    """Width in pixels of the rim around outlined text of a size."""
    return max(1, round(size / 10))


def fit_text(text: str, size: int, width: float) -> str:
    """The text, or its beginning and an ellipsis when it is wider than `width` pixels, or nothing."""
    text = printable(text)
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text + "…" if text else ""


def paint_text(
    canvas: np.ndarray,
    text: str,
    left: float,
    baseline: float,
    size: int,
    colour=_LIGHT,
    outline: bool = True,
) -> None:
    """Write one line of text, starting at `left` on `baseline`.

    With `outline`, a rim in the opposite lightness keeps it legible on any background.
    """
    text, rim = printable(text), outline_width(size) if outline else 0
    if not text:
        return
    pad = rim + 2
    x0, y0, x1, y1 = font(size).getbbox(text, anchor="ls")
    shape = (int(x1 - x0) + 2 * pad, int(y1 - y0) + 2 * pad)
    corner = (round(left) + int(x0) - pad, round(baseline) + int(y0) - pad)
    start = (pad - int(x0), pad - int(y0))
    if outline:
        light = np.dot(colour, (0.299, 0.587, 0.114)) > 0.45
        _paint_mask(canvas, _text_mask(text, size, shape, start, rim), corner, _DARK if light else _LIGHT)
    _paint_mask(canvas, _text_mask(text, size, shape, start, 0), corner, colour)


def paint_line(canvas: np.ndarray, start, end, width: float, colour, opacity: float = 1.0) -> None:
    """A straight line with round ends. `start` and `end` are (x, y); equal ones make a disc."""
    _paint_near(canvas, start, end, lambda distance: width / 2 - distance, width / 2, colour, opacity)


def paint_path(canvas: np.ndarray, places: np.ndarray, width: float, colour, opacity=1.0) -> None:
    """Straight lines through `places` [P, 2], round at ends and corners, and as opaque there as elsewhere.

    `opacity` is one number, or [P - 1] for each line. Places that are NaN interrupt the path.
    """
    mask = np.zeros(canvas.shape[:2], dtype=np.float32)
    touched = []
    for start, end, share in zip(places[:-1], places[1:], np.broadcast_to(opacity, len(places) - 1), strict=True):
        if np.isnan(start).any() or np.isnan(end).any():
            continue
        (left, top), distance = _distances(canvas, start, end, width / 2)
        right, bottom = left + distance.shape[1], top + distance.shape[0]
        place = mask[top:bottom, left:right]
        np.maximum(place, share * np.clip(width / 2 - distance + 0.5, 0, 1), out=place)
        touched.append((left, top, -right, -bottom))
    if touched:
        left, top, right, bottom = np.abs(np.min(touched, axis=0))
        _paint_mask(canvas, mask[top:bottom, left:right], (left, top), colour)


def paint_disc(canvas: np.ndarray, centre, radius: float, colour, opacity: float = 1.0) -> None:
    """A filled disc around `centre` (x, y)."""
    paint_line(canvas, centre, centre, 2 * radius, colour, opacity)


def paint_ring(canvas: np.ndarray, centre, radius: float, width: float, colour, opacity: float = 1.0) -> None:
    """A circle of the given line width around `centre` (x, y), empty inside."""
    _paint_near(
        canvas,
        centre,
        centre,
        lambda distance: width / 2 - abs(distance - radius),
        radius + width / 2,
        colour,
        opacity,
    )


def paint_ellipse(canvas: np.ndarray, start, end, width: float, colour, opacity: float = 1.0) -> None:
    """A filled ellipse whose one axis runs from `start` to `end`, both (x, y), and whose other is `width` long."""
    centre = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    length = np.hypot(end[0] - start[0], end[1] - start[1])
    if not (length > 0 and width > 0):
        return
    along = ((end[0] - start[0]) / length, (end[1] - start[1]) / length)
    # How far the turned ellipse reaches to the sides and up and down.
    reach = [np.hypot(length * along[i], width * along[1 - i]) / 2 for i in (0, 1)]
    left, right = _window(centre[0] - reach[0], centre[0] + reach[0], canvas.shape[1])
    top, bottom = _window(centre[1] - reach[1], centre[1] + reach[1], canvas.shape[0])
    x = np.arange(left, right, dtype=np.float32)[None, :] + 0.5 - centre[0]
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5 - centre[1]
    u = (x * along[0] + y * along[1]) * 2 / length
    v = (y * along[0] - x * along[1]) * 2 / width
    # To first order the distance to the edge is the level above it by the level's slope.
    level = np.hypot(u, v)
    slope = np.hypot(u * 2 / length, v * 2 / width) / np.maximum(level, 1e-6)
    cover = np.clip((1 - level) / np.maximum(slope, 1e-6) + 0.5, 0, 1)
    _paint_mask(canvas, cover * opacity, (left, top), colour)


def _text_mask(text: str, size: int, shape, start, rim: int) -> np.ndarray:
    mask = Image.new("L", shape, 0)
    ImageDraw.Draw(mask).text(start, text, fill=255, font=font(size), anchor="ls", stroke_width=rim)
    return np.asarray(mask, dtype=np.float32) / 255


def _paint_near(canvas, start, end, inside, reach: float, colour, opacity: float) -> None:
    """Paint where `inside(distance to the segment)` is positive, in pixels.

    The share of a pixel that is covered follows from the distance of its centre to the edge. That is
    as smooth as drawing many times larger and shrinking, exact in place, and needs no large picture.
    """
    corner, distance = _distances(canvas, start, end, reach)
    cover = np.clip(inside(distance) + 0.5, 0, 1)
    _paint_mask(canvas, cover * opacity, corner, colour)


def _distances(canvas, start, end, reach: float) -> tuple[tuple[int, int], np.ndarray]:
    """The top left pixel (x, y) of the window within `reach` of a segment, and the distance of each pixel in it."""
    (x0, y0), (x1, y1) = start, end
    left, right = _window(min(x0, x1) - reach, max(x0, x1) + reach, canvas.shape[1])
    top, bottom = _window(min(y0, y1) - reach, max(y0, y1) + reach, canvas.shape[0])
    x = np.arange(left, right, dtype=np.float32)[None, :] + 0.5 - x0
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5 - y0
    dx, dy = x1 - x0, y1 - y0
    along = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
    return (left, top), np.hypot(x - along * dx, y - along * dy)


def _window(low: float, high: float, length: int) -> tuple[int, int]:
    """The pixels of 0..length that lie between two positions, with one to spare for soft edges."""
    start = min(max(int(np.floor(low)) - 1, 0), length)
    return start, min(max(int(np.ceil(high)) + 1, start), length)


def _paint_mask(canvas: np.ndarray, mask: np.ndarray, corner: tuple[int, int], colour) -> None:
    """Blend a colour in by mask [h, w], whose top left pixel lies at `corner` (x, y), perhaps outside."""
    left, top = (max(0, c) for c in corner)
    right = max(left, min(canvas.shape[1], corner[0] + mask.shape[1]))
    bottom = max(top, min(canvas.shape[0], corner[1] + mask.shape[0]))
    share = mask[top - corner[1] : bottom - corner[1], left - corner[0] : right - corner[0], None]
    place = canvas[top:bottom, left:right]
    place += share * (np.asarray(colour, dtype=np.float32) - place)
