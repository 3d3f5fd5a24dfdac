"""CSV files of points: a row for each keypoint of each picture, as spreadsheets and data frames want it.

    picture,file_name,width,height,keypoint,x,y,score,visible
    0,cat.png,640,480,nose,320.5,240.25,0.875,1
    0,cat.png,640,480,tail,,,0,0                       not labelled: no coordinates

x and y are pixels. Limbs have no room in it. A reader needs picture, keypoint, x and y, in any order of columns.
"""

import csv
import io

import numpy as np

from .json_fields import LARGEST
from .pixel_labels import PixelLabels, no_labels

COLUMNS = ("picture", "file_name", "width", "height", "keypoint", "x", "y", "score", "visible")
_NEEDED = {"picture", "keypoint", "x", "y"}
_TRUE_OR_FALSE = {"1": True, "true": True, "0": False, "false": False}


def is_csv(data: bytes) -> bool:
    """Whether the first line names a column "keypoint"."""
    first = data[:1000].lstrip().decode("utf-8-sig", errors="replace").splitlines()[:1]
    return any("keypoint" in _columns(line.split(",")) for line in first)


def write_csv(labels: PixelLabels) -> str:
    """The text of a file, for read_csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    labelled, places, scores = labels.labelled, labels.xy.round(3).tolist(), labels.score.round(6).tolist()
    for b, (width, height) in enumerate(labels.sizes.astype(int).tolist()):
        picture = (b, labels.pictures[b] if labels.pictures else "", width, height)
        for k, name in enumerate(labels.names):
            place = places[b][k] if labelled[b, k] else ("", "")
            writer.writerow((*picture, name, *place, scores[b][k], int(labels.visible[b, k])))
    return text.getvalue()


def read_csv(data: bytes) -> PixelLabels:
    """Points of one person in each picture; pictures and keypoints in the order in which the rows come to them.

    Where a row or its coordinates are missing, the point is not labelled. Without a score it is 1, without visible it
    is visible. Raises ValueError, with the number of the line, for whatever is not as above.
    """
    try:
        return _read(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8.") from None
    except csv.Error as problem:
        raise ValueError(f"it is not valid CSV ({problem}).") from None


def _columns(header: list[str]) -> dict[str, int]:
    return {name.strip().strip('"').lower(): column for column, name in enumerate(header)}


def _read(lines) -> PixelLabels:
    header = next(lines, [])
    column = _columns(header)
    if not _NEEDED <= set(column):
        raise ValueError(f"its first line should name the columns picture, keypoint, x and y, but is: {header[:20]}.")
    pictures, names, points = {}, {}, {}
    for row in filter(None, lines):
        if len(row) != len(header):
            raise ValueError(f"line {lines.line_num} has {len(row)} fields, but the first line names {len(header)}.")
        cell = {name: row[place].strip() for name, place in column.items()}
        try:
            said = _picture(cell)
            picture = pictures.setdefault(cell["picture"], (len(pictures), *said))
            if picture[1:] != said:
                raise ValueError(f"picture {cell['picture'][:40]} has another size or file name than before.")
            place = picture[0], names.setdefault(row[column["keypoint"]], len(names))
            if place in points:
                raise ValueError(f'"{cell["keypoint"][:40]}" of picture {cell["picture"][:40]} comes a second time.')
            points[place] = _point(cell)
        except ValueError as problem:
            raise ValueError(f"in line {lines.line_num}, {problem}") from None
    files = tuple(file for _, file, _ in pictures.values())
    labels = no_labels(len(pictures), tuple(names), pictures=files if all(files) else ())
    for b, _, size in pictures.values():
        labels.sizes[b] = size or np.nan
    for (b, k), (xy, score, visible) in points.items():
        if xy:
            labels.xy[b, k], labels.score[b, k], labels.visible[b, k] = xy, score, visible
    return labels


def _picture(cell: dict[str, str]) -> tuple[str, tuple[float, float] | None]:
    """File name and (width, height) of a row's picture, None where it has neither side."""
    sides = [cell.get("width", ""), cell.get("height", "")]
    size = (_number(sides[0], "width", 1), _number(sides[1], "height", 1)) if any(sides) else None
    return cell.get("file_name", ""), size


def _point(cell: dict[str, str]) -> tuple[tuple[float, float] | None, float, bool]:
    xy = (_number(cell["x"], "x"), _number(cell["y"], "y")) if cell["x"] or cell["y"] else None
    visible = cell.get("visible", "").lower() or "1"
    if visible not in _TRUE_OR_FALSE:
        raise ValueError(f'visible should be 1 or 0, but is "{visible[:40]}".')
    return xy, _number(cell.get("score", "") or "1", "score"), _TRUE_OR_FALSE[visible]


def _number(text: str, what: str, least: float = -LARGEST) -> float:
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    # NaN, which float() reads, is not within any range.
    if not least <= number <= LARGEST:
        raise ValueError(f'{what} should be a number from {least:g} to {LARGEST:g}, but is "{text[:40]}".')
    return number
