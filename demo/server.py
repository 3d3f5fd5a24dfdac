"""Starts and ends a real ComfyUI with only this pack in it; run as a module, it serves until Ctrl-C."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from .guard import own_group

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 180.0
# Nothing that runs here may look for a network: models and pages are all on this machine.
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}


class ServerError(RuntimeError):
    """ComfyUI could not be found or started; the message says why and what to do."""


def find_comfyui() -> Path:
    """Return the folder of the ComfyUI to use: COMFYUI_PATH when set, else what run.py has unpacked."""
    named = os.environ.get("COMFYUI_PATH")
    found = [Path(named)] if named else sorted((ROOT / ".comfyui").glob("*/vendor/ComfyUI"))
    for folder in found:
        if (folder / "main.py").is_file():
            return folder.resolve()
    why = f"There is no main.py in COMFYUI_PATH, {named}" if named else "No ComfyUI is installed here"
    advice = "Run `python3 run.py setup`, or set COMFYUI_PATH to the folder that holds ComfyUI's main.py."
    raise ServerError(f"{why}. {advice}")


def has_accelerator() -> bool:
    """Whether torch sees a GPU of any make; without one ComfyUI must be told to use the CPU."""
    import torch

    return torch.accelerator.is_available()


def free_port(wanted: int = 0) -> int:
    """Return the wanted loopback port if it is free, else any free one."""
    with socket.socket() as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return probe.getsockname()[1]


class ComfyServer:
    """A running ComfyUI on this machine, for the length of a `with` block.

    with_pack: load this pack and no other; False starts the bare host, to compare with.
    output_dir: where SaveImage writes; by default inside base_dir.
    base_dir: ComfyUI's folder for input, user, temp and models; by default a temporary one.
    port: the port to take if it is free. show_log: let the log go to the terminal instead of `log()`.
    share_models: let the host's own models folder be read, too.
    """

    def __init__(
        self,
        *,
        with_pack: bool = True,
        output_dir: str | Path | None = None,
        base_dir: str | Path | None = None,
        port: int = 0,
        show_log: bool = False,
        share_models: bool = False,
    ):
        self.with_pack = with_pack
        self.output_dir = Path(output_dir).resolve() if output_dir else None
        self.base_dir = Path(base_dir).resolve() if base_dir else None
        self.port = port
        self.show_log = show_log
        self.share_models = share_models
        self._log = ""

    def __enter__(self) -> "ComfyServer":
        self.host = find_comfyui()
        self.port = free_port(self.port)
        self.url = f"http://127.0.0.1:{self.port}"
        self._scratch = Path(tempfile.mkdtemp(prefix="attention-keypoints-"))
        self._log_file = open(self._scratch / "comfyui.log", "wb")
        self._process = None
        try:
            self._start()
            self._wait_until_it_answers()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._stop()

    def log(self) -> str:
        """Everything ComfyUI has printed so far, without terminal colours; still there after the end."""
        path = self._scratch / "comfyui.log"
        if path.exists():
            self._log = re.sub(r"\x1b\[[0-9;]*m", "", path.read_text(encoding="utf-8", errors="replace"))
        return self._log

    def running(self) -> bool:
        """Whether ComfyUI has not ended."""
        return self._process is not None and self._process.poll() is None

    def _command(self) -> list[str]:
        base = self.base_dir or self._scratch / "base"
        for name in ("custom_nodes", "input", "output", "temp", "user", "models"):
            (base / name).mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(self.host / "main.py"), "--port", str(self.port)]
        command += ["--base-directory", str(base), "--database-url", "sqlite:///:memory:"]
        command += ["--disable-api-nodes", "--disable-auto-launch", "--disable-all-custom-nodes"]
        if not has_accelerator():
            # The host's own choice on a CPU, sub-quadratic attention, took four times as long as PyTorch's.
            command += ["--cpu", "--use-pytorch-cross-attention"]
        if self.output_dir:
            self.output_dir.mkdir(parents=True, exist_ok=True)
            command += ["--output-directory", str(self.output_dir)]
        folders = {}
        if self.share_models and (self.host / "models").is_dir():
            models = sorted((self.host / "models").iterdir())
            folders |= {path.name: str(path) for path in models if path.is_dir()}
        if self.with_pack:
            # Naming the folder above the repository needs no link to it, so this works on Windows, too.
            folders["custom_nodes"] = str(ROOT.parent)
            command += ["--whitelist-custom-nodes", ROOT.name]
        if folders:
            paths = self._scratch / "paths.yaml"
            paths.write_text(json.dumps({"attention_keypoints": folders}), encoding="utf-8")  # JSON is YAML
            command += ["--extra-model-paths-config", str(paths)]
        return command

    def _start(self) -> None:
        guard = Path(__file__).with_name("guard.py")
        output = None if self.show_log else self._log_file
        self._process = subprocess.Popen(
            [sys.executable, str(guard), *self._command()],
            cwd=self.host,
            env=os.environ | OFFLINE | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            **own_group(),
        )

    def _wait_until_it_answers(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.running():
                raise ServerError(f"ComfyUI ended while starting. Its last lines were:\n{self._last_lines()}")
            try:
                opener.open(f"{self.url}/system_stats", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.3)
        waited = f"ComfyUI did not answer within {START_SECONDS:.0f} s"
        raise ServerError(f"{waited}. Its last lines were:\n{self._last_lines()}")

    def _last_lines(self) -> str:
        return "\n".join(self.log().splitlines()[-15:])

    def _stop(self) -> None:
        try:
            if self._process is not None:
                self._process.stdin.close()  # the guard ends ComfyUI and all its children
                try:
                    self._process.wait(20)
                except subprocess.TimeoutExpired:
                    self._process.kill()
        finally:
            self._log_file.close()
            self.log()
            shutil.rmtree(self._scratch, ignore_errors=True)


def end_like_ctrl_c() -> None:
    """Let SIGTERM unwind `with` blocks, as Ctrl-C does."""

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)  # also where a background shell has switched Ctrl-C off


def serve() -> int:
    """Run ComfyUI with its web page until Ctrl-C; its input, user and model folders stay in output/serve."""
    end_like_ctrl_c()
    print("Starting ComfyUI ...", flush=True)
    try:
        folder = ROOT / "output" / "serve"
        with ComfyServer(base_dir=folder, port=8188, show_log=True, share_models=True) as server:
            print(f"\nOpen {server.url} in a browser. Ctrl-C ends it.", flush=True)
            while server.running():
                time.sleep(0.5)
            print("ComfyUI has ended by itself; the lines above say why.", file=sys.stderr)
            return 1
    except KeyboardInterrupt:
        print("\nEnded.")
        return 0
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(serve())
