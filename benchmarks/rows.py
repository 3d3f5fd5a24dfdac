"""A benchmark's figures as rows, and rows as a table for the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    bench: str
    case: str
    metric: str
    value: float
    unit: str
    device: str
    seed: int


def table(rows: Sequence[Row]) -> str:
    cells = [("bench", "case", "metric", "value", "unit", "seed")]
    cells += [(row.bench, row.case, row.metric, f"{row.value:.4g}", row.unit, str(row.seed)) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([*lines, f"on {rows[0].device}"] if rows else lines)
