"""Whether a generated figure stands as the figure whose pose it was given: the demo graph, run in a real ComfyUI."""

import asyncio
import json

from ..demo.client import Result
from ..demo.run_demo import run_graph
from ..demo.server import ROOT, ComfyServer

GRAPH = ROOT / "workflows" / "demo-pose-transfer.json"
# Titles of the nodes that show the tables, by what the distance in them is called here.
TABLES = {
    "pose_distance": "Pose asked for and pose drawn",
    "unrelated_distance": "Unrelated: pose of the figure that lent its colours",
}


def pose_transfer():
    """Mean distance of the joints, in sides of the picture: from the pose asked for, and from an unrelated figure's."""
    with ComfyServer() as server:
        result = asyncio.run(run_graph(server, json.loads(GRAPH.read_text(encoding="utf-8"))))
    for metric, title in TABLES.items():
        yield metric, mean_distance(result, title), "side", 0


def mean_distance(result: Result, title: str) -> float:
    """The mean over all joints in the table that a node of this title has shown."""
    text = dict(result.texts)[title]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    column = rows[0].index("mean l2")
    return float(next(row[column] for row in rows if row[0] == "mean"))


CASES = {"pose-transfer": pose_transfer}
