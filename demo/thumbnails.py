"""Makes the picture of the demo graph's template, out of a real run: python -m attention_keypoints.demo.thumbnails

The template's card in the front end is small, so it shows two figures only, each with two words.
"""

import asyncio
import io
import json
import sys

from PIL import Image

from .client import Result
from .run_demo import GRAPH, run_graph
from .server import ComfyServer

WORDS = "Save: chosen words"  # title of the node that saves the overlays, two for each figure
SHOWN = 2  # figures
GAP = 8
SHADE = (20, 17, 38)


def thumbnail(result: Result) -> Image.Image:
    """A row for each of the first figures, a column for each word."""
    saved = [picture for picture in result.pictures if picture.node == WORDS][: 2 * SHOWN]
    if len(saved) < 2 * SHOWN:
        raise ValueError(f"The run left {len(saved)} pictures at the node '{WORDS}'; {2 * SHOWN} are needed.")
    tiles = [Image.open(io.BytesIO(picture.data)).convert("RGB") for picture in saved]
    width, height = tiles[0].size
    card = Image.new("RGB", (2 * width + GAP, SHOWN * height + (SHOWN - 1) * GAP), SHADE)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, 2)
        card.paste(tile, (column * (width + GAP), row * (height + GAP)))
    return card


def main() -> int:
    with ComfyServer() as server:
        result = asyncio.run(run_graph(server, json.loads(GRAPH.read_text(encoding="utf-8"))))
    path = GRAPH.with_suffix(".jpg")
    thumbnail(result).save(path, quality=90, optimize=True)
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
