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

# Titles of the nodes that save the pictures of the card: two rows of two, the first ones of each node.
SHOWN = {
    "demo-attention": ["Save: chosen words"],  # a row for each figure, a column for each word
    "demo-learn-keypoints": ["Save: learned points"],
    "demo-in-context": ["Save: found joints"],
    "demo-pose-transfer": [
        "Save: whose poses", "Save: control image", "Save: new figures in these poses", "Save: their joints"
    ],
}  # fmt: skip
TILES = 4
GAP = 8
SHADE = (20, 17, 38)


def thumbnail(result: Result, nodes: list[str]) -> Image.Image:
    """Four pictures, the first that the nodes have saved, two beside each other."""
    each = TILES // len(nodes)
    saved = [kept for node in nodes for kept in [one for one in result.pictures if one.node == node][:each]]
    if len(saved) < TILES:
        raise ValueError(f"The run left {len(saved)} pictures at {', '.join(nodes)}; {TILES} are needed.")
    tiles = [Image.open(io.BytesIO(picture.data)).convert("RGB") for picture in saved]
    width, height = tiles[0].size
    tiles = [tile.resize((width, height)) for tile in tiles]  # a control image may be larger
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
