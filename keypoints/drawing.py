"""Drawing keypoints over pictures: trails, limbs, points and names, each by one function."""

from dataclasses import dataclass

import numpy as np
import torch

from ..attention.canvas import (
    as_rgb,
    match_batches,
    outline_width,
    paint_disc,
    paint_line,
    paint_path,
    paint_ring,
    paint_text,
    printable,
    stroke_width,
    text_size,
    text_width,
)
from ..attention.colours import distinct_colours
from .keypoints import Keypoints
from .placement import place_labels
from .skeletons import usual_colours

_RIM = (0.06, 0.06, 0.07)


@dataclass(frozen=True)
class _Frame:
    """The keypoints of one picture as they are drawn, all K of them.

    places [K, 2] pixels; drawn [K] bool; solid [K] bool, False for hidden ones; opacity [K]; colours [K, 3];
    texts K strings; limbs of drawn points only; radius and width in pixels. trail [T, K, 2] pixels, where the points
    were up to now, NaN where they were not drawn.
    """

    places: np.ndarray
    drawn: np.ndarray
    solid: np.ndarray
    opacity: np.ndarray
    colours: np.ndarray
    texts: list[str]
    limbs: list[tuple[int, int]]
    radius: float
    width: float
    trail: np.ndarray


def draw_keypoints(
    images: torch.Tensor,
    keypoints: Keypoints,
    *,
    point_radius: float | None = None,
    line_width: float | None = None,
    show_names: bool = True,
    show_score: bool = False,
    confidence_as_opacity: bool = True,
    min_score: float = 0.0,
    trail: int = 0,
) -> torch.Tensor:
    """Draw trails, limbs, points and names over pictures.

    images                 [B, H, W, C] in 0..1, or one picture for all keypoints
    keypoints              of B pictures, or of one for all pictures
    point_radius           pixels; None for one that suits the picture
    line_width             pixels of limbs, 0 for none; None for one that suits the picture
    show_names, show_score what is written beside each point
    confidence_as_opacity  fade points and limbs of low score, never to nothing (see `_opacity`)
    min_score              points of a lower score are left out, with their limbs
    trail                  frames whose places are drawn behind each point, fading: for the frames of a video, in order

    A hidden point is a ring, a visible one a disc, one without coordinates is left out. Joints of a
    known skeleton have their usual colours. Returns [B, H, W, 3]. Raises ValueError when the numbers of
    pictures and of keypoints differ and neither is one.
    """
    images, partners = match_batches(as_rgb(images), len(keypoints.xy), "keypoints")
    results = images.clone()
    height, width = images.shape[1:3]
    suited = stroke_width(width, height)
    colours = np.array(usual_colours(keypoints.names) or distinct_colours(len(keypoints.names)))
    drawn = (keypoints.labelled & (keypoints.score >= min_score)).numpy()
    opacity = _opacity(keypoints) if confidence_as_opacity else np.ones(drawn.shape)
    places = keypoints.to_pixels(width, height).numpy()
    trails = np.where(drawn[..., None], places, np.nan)
    for canvas, b in zip(results.numpy(), partners, strict=True):
        frame = _Frame(
            places=places[b],
            drawn=drawn[b],
            solid=keypoints.visible[b].numpy(),
            opacity=opacity[b],
            colours=colours,
            texts=[
                _label(name, value, show_names, show_score)
                for name, value in zip(keypoints.names, keypoints.score[b].tolist(), strict=True)
            ],
            limbs=[(i, j) for i, j in keypoints.skeleton if drawn[b, i] and drawn[b, j]],
            radius=1.3 * suited if point_radius is None else point_radius,
            width=suited if line_width is None else line_width,
            trail=trails[max(0, b - trail) : b + 1],
        )
        _draw_trails(canvas, frame, 0.8 * suited)
        _draw_limbs(canvas, frame)
        _draw_points(canvas, frame)
        _draw_labels(canvas, frame)
    return results


def _opacity(keypoints: Keypoints) -> np.ndarray:
    """[B, K] in 0.25..1: by the score where it is a chance, else by its part of the point's highest in the batch.

    A score below a half of a point that is said to be visible is no chance of being visible but, from tokens without a
    calibration, a share of the attention: often a few hundredths, and of another size for each point.
    """
    score = keypoints.score.numpy().clip(0)
    no_chance = (keypoints.labelled & keypoints.visible).numpy() & (score < 0.5)
    highest = np.where(no_chance.any(axis=0), score.max(axis=0), 1.0)
    return 0.25 + 0.75 * (score / np.where(highest > 0, highest, 1.0)).clip(0, 1)


def _label(name: str, score: float, show_name: bool, show_score: bool) -> str:
    parts = [printable(name)] if show_name else []
    return "  ".join([*parts, f"{score:.2f}"] if show_score else parts)


def _draw_trails(canvas: np.ndarray, frame: _Frame, width: float) -> None:
    """Where each point came from: the older, the fainter."""
    steps = len(frame.trail) - 1
    if steps < 1:
        return
    fading = np.arange(1, steps + 1) / (steps + 1)
    for k, places in enumerate(frame.trail.transpose(1, 0, 2)):
        paint_path(canvas, places, 1.6 * width, _RIM, 0.6 * fading)
        paint_path(canvas, places, width, frame.colours[k], fading)


def _draw_limbs(canvas: np.ndarray, frame: _Frame) -> None:
    """Limbs in the colour of their outer joint, fainter where they end in a hidden one."""
    if frame.width <= 0:
        return
    rim = max(0.75, 0.2 * frame.width)
    for i, j in frame.limbs:
        hidden = not (frame.solid[i] and frame.solid[j])
        opacity = min(frame.opacity[i], frame.opacity[j]) * (0.5 if hidden else 1.0)
        paint_line(canvas, frame.places[i], frame.places[j], frame.width + 2 * rim, _RIM, 0.8 * opacity)
        paint_line(canvas, frame.places[i], frame.places[j], frame.width, frame.colours[j], opacity)


def _draw_points(canvas: np.ndarray, frame: _Frame) -> None:
    """Points with a dark rim, a disc where visible and a ring where hidden."""
    rim = max(1.0, 0.3 * frame.radius)
    for k in np.flatnonzero(frame.drawn):
        place, colour, opacity = frame.places[k], frame.colours[k], frame.opacity[k]
        if frame.solid[k]:
            paint_disc(canvas, place, frame.radius + rim, _RIM, opacity)
            paint_disc(canvas, place, frame.radius, colour, opacity)
        else:
            stroke = 0.4 * frame.radius
            paint_ring(canvas, place, frame.radius, stroke + 1.5 * rim, _RIM, opacity)
            paint_ring(canvas, place, frame.radius, stroke, colour, opacity)


def _draw_labels(canvas: np.ndarray, frame: _Frame) -> None:
    """Names and scores beside the points, with a thin line to the point where a label had to move away."""
    height, width = canvas.shape[:2]
    inside = ((frame.places >= 0) & (frame.places <= (width, height))).all(axis=1)
    chosen = [k for k in np.flatnonzero(frame.drawn & inside) if frame.texts[k]]
    if not chosen:
        return
    size = max(10, round(0.85 * text_size(width, height)))
    rim = outline_width(size)
    texts = [frame.texts[k] for k in chosen]
    widths = np.array([text_width(text, size) for text in texts]) + 2 * rim
    places = frame.places[chosen]
    gap = 1.3 * frame.radius + 2
    boxes = place_labels(places, widths, 0.95 * size + 2 * rim, gap, _obstacles(frame), (width, height))
    for k, text, (left, top, right, bottom) in zip(chosen, texts, boxes, strict=True):
        _draw_leader(canvas, frame.places[k], (left, top, right, bottom), gap, size)
        # Most of the way to white, so that the name belongs to its point and is still light on its dark rim.
        paint_text(canvas, text, left + rim, bottom - rim - 0.22 * size, size, 0.65 + 0.35 * frame.colours[k])


def _draw_leader(canvas: np.ndarray, place: np.ndarray, box, gap: float, size: int) -> None:
    """A thin line from a point to its label, where the label is not right beside it."""
    nearest = place.clip(box[:2], box[2:])
    distance = np.linalg.norm(nearest - place)
    if distance > gap + 0.7 * size:
        start = place + (nearest - place) * gap / distance
        paint_line(canvas, start, nearest, 3.0, _RIM, 0.6)
        paint_line(canvas, start, nearest, 1.0, (1.0, 1.0, 1.0), 0.9)


def _obstacles(frame: _Frame) -> np.ndarray:
    """Positions that labels should not cover: each point, counted four times, and places along the limbs."""
    along = np.linspace(0.1, 0.9, 9)[:, None]
    limbs = [frame.places[i] * (1 - along) + frame.places[j] * along for i, j in frame.limbs]
    return np.concatenate([np.repeat(frame.places[frame.drawn], 4, axis=0), *limbs])
