"""What all tests share: the host's modules on the path, one running ComfyUI, the browser."""

import os

# Before torch comes in, for the servers, too: these tensors are too small to share out, and several tests run at once,
# so threads would only wait for each other: on busy cores 73 s became 5 s.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attention_keypoints.demo.client import ComfyClient, Progress, Result
from attention_keypoints.demo.in_process import use_comfyui
from attention_keypoints.demo.server import ComfyServer

use_comfyui()  # tests may import comfy at the top of their module


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def comfy_server() -> Iterator[ComfyServer]:
    """One real ComfyUI with this pack for the whole session, started when a test first asks for it."""
    with ComfyServer() as server:
        yield server


@pytest.fixture
def run_graph(comfy_server: ComfyServer) -> Callable[..., Result]:
    """Runs a graph in API form in the real ComfyUI: run_graph(prompt, on_progress) -> Result."""

    def run(prompt: dict, on_progress: Callable[[Progress], None] = lambda progress: None) -> Result:
        async def once() -> Result:
            async with ComfyClient(comfy_server.url) as client:
                return await client.run(prompt, on_progress)

        return asyncio.run(once())

    return run


@pytest.fixture(scope="session")
def object_info(comfy_server: ComfyServer) -> dict[str, dict]:
    """The running host's description of every node."""

    async def once() -> dict[str, dict]:
        async with ComfyClient(comfy_server.url) as client:
            return await client.object_info()

    return asyncio.run(once())


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser for the browser test."""
    found = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.fail("The browser test needs Chromium: install it, or set CHROMIUM_PATH to it.")
    return found
