"""Runs benchmarks: speed | quality, all cases or some by name; prints a table, writes the same rows as JSON.

Cases that take hours run only when they are named.
"""

import argparse
import importlib
import json
import platform
from pathlib import Path

import torch

from ..demo.in_process import use_comfyui
from .rows import Row, table


def device_name() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def main():
    parser = argparse.ArgumentParser(prog="run.py bench", description=__doc__)
    parser.add_argument("bench", choices=["speed", "quality"])
    parser.add_argument("cases", nargs="*", metavar="case", help="run only these cases")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to this file, too")
    options = parser.parse_args()
    use_comfyui()
    bench = importlib.import_module(f".{options.bench}", __package__)
    cases = bench.CASES | bench.NIGHTLY
    for name in options.cases:
        if name not in cases:
            parser.error(f"There is no case {name} in {options.bench}. Cases: {', '.join(cases)}.")
    rows: list[Row] = []
    for name in options.cases or bench.CASES:
        print(f"{options.bench} / {name} ...", flush=True)
        for metric, value, unit, seed in cases[name]():
            rows.append(Row(options.bench, name, metric, value, unit, device_name(), seed))
    print(table(rows))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps([row.__dict__ for row in rows], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
