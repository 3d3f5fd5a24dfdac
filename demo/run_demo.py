"""What `run.py demo` does: a real ComfyUI runs graphs of ours and leaves their pictures in output/."""

import asyncio
import json
import sys
import time
from pathlib import Path

from .client import ComfyClient, Progress, Result, RunError
from .graph import GraphError, to_prompt
from .server import ROOT, ComfyServer, ServerError, end_like_ctrl_c

# What the model attends to; then all of it: learn, detect, generate in the same pose, detect again.
GRAPHS = tuple(ROOT / "workflows" / f"{name}.json" for name in ("demo-attention", "demo-pose-transfer"))
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


def demo(paths: tuple[Path, ...] = GRAPHS) -> int:
    """Run the graphs at `paths` one after the other; print their figures and where their pictures are.

    Returns 0 only when each has saved pictures.
    """
    end_like_ctrl_c()
    start = time.monotonic()
    try:
        graphs = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}
        print("Starting ComfyUI ...", flush=True)
        with ComfyServer(output_dir=OUTPUT) as server:
            for name, graph in graphs.items():
                print(f"{time.monotonic() - start:.0f} s. Running {name}", flush=True)
                if not _report(asyncio.run(run_graph(server, graph))):
                    print(f"{name} has saved no picture; give it a Save Image node.", file=sys.stderr)
                    return 1
    except OSError as error:
        print(f"The graph cannot be read: {error}. Give the path of a .json of workflows/.", file=sys.stderr)
        return 1
    except (ServerError, GraphError, RunError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEnded.", file=sys.stderr)
        return 130
    print(f"\nDone after {time.monotonic() - start:.0f} s.")
    return 0


def _report(result: Result) -> int:
    """Print what a graph's nodes have shown; the number of pictures it saved."""
    for node, text in result.texts:
        print(f"\n{node}\n{text}")
    kept = [picture for picture in result.pictures if picture.kind == "output"]
    if kept:
        print("\nSaved:")
    for picture in kept:
        print(f"  {OUTPUT / picture.subfolder / picture.filename}")
    return len(kept)


if __name__ == "__main__":
    sys.exit(demo(tuple(map(Path, sys.argv[1:])) or GRAPHS))
