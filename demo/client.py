"""The HTTP and WebSocket API of a running ComfyUI: queue a graph, follow it, collect what it shows."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

UNFINISHED = "ComfyUI closed the connection before the graph was finished; its log says why."


class RunError(RuntimeError):
    """The graph was refused or a node failed; the message is a sentence that names the node."""


class Interrupted(RunError):
    """The run was cancelled."""


@dataclass(frozen=True)
class Progress:
    """A node at work: its title in the graph, and how many steps are done (0 of 0: it does not say)."""

    node: str
    step: int
    total: int


@dataclass(frozen=True)
class Picture:
    """A picture that a node has left: its place and bytes. The kind "output" is kept, "temp" is not."""

    node: str
    filename: str
    subfolder: str
    kind: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Result:
    """What a graph's nodes have shown: pictures, and texts as (node title, text)."""

    pictures: list[Picture]
    texts: list[tuple[str, str]]


class ComfyClient:
    """A client of the ComfyUI at `url`, for the length of an `async with` block."""

    def __init__(self, url: str):
        self.url = url
        self.client_id = uuid.uuid4().hex

    async def __aenter__(self) -> "ComfyClient":
        self._session = aiohttp.ClientSession(self.url)
        return self

    async def __aexit__(self, *_) -> None:
        await self._session.close()

    async def object_info(self) -> dict[str, dict]:
        """Every node of the host, by its id: inputs, outputs, category."""
        return await self.get_json("/object_info")

    async def upload_image(self, name: str, data: bytes) -> str:
        """Put a picture into the host's input folder; return the name under which LoadImage finds it."""
        form = aiohttp.FormData()
        form.add_field("image", data, filename=name)
        form.add_field("overwrite", "true")
        async with self._session.post("/upload/image", data=form) as response:
            response.raise_for_status()
            return (await response.json())["name"]

    async def interrupt(self) -> None:
        """Cancel what is running."""
        async with self._session.post("/interrupt", json={}) as response:
            response.raise_for_status()

    async def run(
        self,
        prompt: dict[str, dict],
        on_progress: Callable[[Progress], None] = lambda progress: None,
        graph: dict | None = None,
    ) -> Result:
        """Run a graph in API form to its end.

        on_progress is called when a node starts and at each of its steps. graph, the same in the front end's
        form, goes into the saved pictures so that they can be dropped onto the canvas.
        Raises RunError when the graph is refused or a node fails, Interrupted when it is cancelled.
        """
        # The socket first: what happens before it is open would be missed.
        query = {"clientId": self.client_id}
        async with self._session.ws_connect("/ws", params=query, max_msg_size=0) as socket:
            answer = await self._queue(prompt, graph)
            await _follow(socket, answer["prompt_id"], prompt, on_progress)
        if answer["node_errors"]:  # the host ran the rest of the graph without these nodes
            raise RunError(_refusal(answer, prompt))
        return await self._collect(answer["prompt_id"], prompt)

    async def _queue(self, prompt: dict[str, dict], graph: dict | None) -> dict:
        body: dict = {"prompt": prompt, "client_id": self.client_id}
        if graph is not None:
            body["extra_data"] = {"extra_pnginfo": {"workflow": graph}}
        async with self._session.post("/prompt", json=body) as response:
            answer = await response.json()
            if response.status != 200:
                raise RunError(_refusal(answer, prompt))
        return answer

    async def _collect(self, prompt_id: str, prompt: dict[str, dict]) -> Result:
        shown = (await self.get_json(f"/history/{prompt_id}"))[prompt_id]["outputs"]
        pictures, texts = [], []
        for node_id, output in shown.items():
            for item in [item for items in output.values() for item in items or []]:
                if isinstance(item, dict) and "filename" in item:
                    place = {key: item[key] for key in ("filename", "subfolder", "type")}
                    data = await self._get_bytes("/view", place)
                    pictures.append(Picture(_title(prompt, node_id), *place.values(), data))
                elif isinstance(item, str):
                    texts.append((_title(prompt, node_id), item))
        return Result(pictures, texts)

    async def get_json(self, path: str) -> dict:
        """The answer to a GET of one of the host's addresses."""
        async with self._session.get(path) as response:
            response.raise_for_status()
            return await response.json()

    async def _get_bytes(self, path: str, query: dict[str, str]) -> bytes:
        async with self._session.get(path, params=query) as response:
            response.raise_for_status()
            return await response.read()


async def _follow(
    socket: aiohttp.ClientWebSocketResponse,
    prompt_id: str,
    prompt: dict[str, dict],
    on_progress: Callable[[Progress], None],
) -> None:
    """Read messages until our graph has ended; binary ones are previews."""
    async for message in socket:
        if message.type != aiohttp.WSMsgType.TEXT:
            continue
        event = json.loads(message.data)
        kind, data = event["type"], event["data"]
        if data.get("prompt_id") != prompt_id:
            continue
        if kind == "executing" and data["node"] is None:
            return  # sent when the history has been written, unlike execution_success
        title = _title(prompt, data.get("node") or data.get("node_id"))
        if kind == "executing":
            on_progress(Progress(title, 0, 0))
        elif kind == "progress":
            on_progress(Progress(title, int(data["value"]), int(data["max"])))
        elif kind == "execution_error":
            raise RunError(f"{title} failed: {data['exception_message'].strip()}")
        elif kind == "execution_interrupted":
            raise Interrupted(f"The run was cancelled while {title} was at work.")
    raise RunError(UNFINISHED)


def _title(prompt: dict[str, dict], node_id: str) -> str:
    node = prompt.get(node_id, {})
    return node.get("_meta", {}).get("title") or node.get("class_type") or f"node {node_id}"


def _refusal(answer: dict, prompt: dict[str, dict]) -> str:
    """One sentence per problem out of the host's answer to a graph that it does not accept."""
    problems = []
    for node_id, node in (answer.get("node_errors") or {}).items():
        for error in node["errors"]:
            problems.append(f"{_title(prompt, node_id)}: {error['message']} ({error['details']}).")
    if not problems:
        error = answer["error"]
        problems.append(f"{error['message']} {error.get('details', '')}".strip())
    return "ComfyUI does not accept the graph. " + " ".join(problems)
