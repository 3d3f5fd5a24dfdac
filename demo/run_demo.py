"""What `run.py demo` does: a real ComfyUI runs one of our graphs and leaves its pictures in output/."""

import asyncio
import json
import sys
import time
from pathlib import Path

from .client import ComfyClient, Progress, Result, RunError
from .graph import GraphError, to_prompt
from .server import ROOT, ComfyServer, ServerError, end_like_ctrl_c

GRAPH = ROOT / "workflows" / "demo-attention.json"
OUTPUT = ROOT / "output"


class ProgressLines:
    """Prints each node as it starts, and its steps: on one line in a terminal, by quarters elsewhere."""

    def __init__(self):
        self._start = time.monotonic()
        self._live = sys.stdout.isatty()
        self._node, self._quarter, self._open = None, 0, False

    def show(self, progress: Progress) -> None:
        quarter = 4 * progress.step // progress.total if progress.total else 0
        if progress.node != self._node:
            self.end_line()
            self._quarter = 0
        elif not self._live and quarter == self._quarter:
            return
        self._node, self._quarter = progress.node, quarter
        steps = f"  {progress.step}/{progress.total}" if progress.total else ""
        text = f"{time.monotonic() - self._start:6.1f} s  {progress.node}{steps}"
        print("\r" + text + "\x1b[K" if self._live else text, end="" if self._live else "\n", flush=True)
        self._open = self._live

    def end_line(self) -> None:
        if self._open:
            print()
        self._open = False


async def run_graph(server: ComfyServer, graph: dict) -> Result:
    """Run a graph in the front end's form on the server, showing the progress of its nodes."""
    async with ComfyClient(server.url) as client:
        prompt = to_prompt(graph, await client.object_info())
        lines = ProgressLines()
        try:
            return await client.run(prompt, lines.show, graph)
        finally:
            lines.end_line()


def demo(path: Path = GRAPH) -> int:
    """Run the graph at `path`; print its figures and where its pictures are. Returns 0 only with pictures."""
    end_like_ctrl_c()
    start = time.monotonic()
    try:
        graph = json.loads(path.read_text(encoding="utf-8"))
        print("Starting ComfyUI ...", flush=True)
        with ComfyServer(output_dir=OUTPUT) as server:
            print(f"{time.monotonic() - start:.0f} s. Running {path.name}", flush=True)
            result = asyncio.run(run_graph(server, graph))
    except OSError as error:
        print(f"The graph cannot be read: {error}. Give the path of a .json of workflows/.", file=sys.stderr)
        return 1
    except (ServerError, GraphError, RunError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEnded.", file=sys.stderr)
        return 130
    for node, text in result.texts:
        print(f"\n{node}\n{text}")
    kept = [picture for picture in result.pictures if picture.kind == "output"]
    saved = [OUTPUT / picture.subfolder / picture.filename for picture in kept]
    if not saved:
        print("The graph has saved no picture; give it a Save Image node.", file=sys.stderr)
        return 1
    print(f"\nSaved after {time.monotonic() - start:.0f} s:")
    for file in saved:
        print(f"  {file}")
    return 0


if __name__ == "__main__":
    sys.exit(demo(*map(Path, sys.argv[1:2])))
