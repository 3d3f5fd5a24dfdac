"""Makes the pictures of the demo graphs' templates, out of real runs: python -m attention_keypoints.demo.thumbnails

All of them, or those whose names are given. The template's card in the front end is small, so it shows four
pictures only.
"""

import asyncio
import io
import json
import sys

from PIL import Image

from .client import Result
from .run_demo import run_graph
from .server import ROOT, ComfyServer

# Title of the node that saves the pictures of the card, the first four of them: two rows of two.
SHOWN = {
    "demo-attention": "Save: chosen words",  # a row for each figure, a column for each word
    "demo-learn-keypoints": "Save: learned points",
    "demo-in-context": "Save: found joints",
}
TILES = 4
GAP = 8
SHADE = (20, 17, 38)


def thumbnail(result: Result, node: str) -> Image.Image:
    """The first four pictures that a node has saved, two beside each other."""
    saved = [picture for picture in result.pictures if picture.node == node][:TILES]
    if len(saved) < TILES:
        raise ValueError(f"The run left {len(saved)} pictures at the node '{node}'; {TILES} are needed.")
    tiles = [Image.open(io.BytesIO(picture.data)).convert("RGB") for picture in saved]
    width, height = tiles[0].size
    card = Image.new("RGB", (2 * width + GAP, 2 * height + GAP), SHADE)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, 2)
        card.paste(tile, (column * (width + GAP), row * (height + GAP)))
    return card


def main(names: list[str]) -> int:
    with ComfyServer() as server:
        for name in names or list(SHOWN):
            path = ROOT / "workflows" / f"{name}.json"
            result = asyncio.run(run_graph(server, json.loads(path.read_text(encoding="utf-8"))))
            thumbnail(result, SHOWN[name]).save(path.with_suffix(".jpg"), quality=90, optimize=True)
            print(path.with_suffix(".jpg"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
