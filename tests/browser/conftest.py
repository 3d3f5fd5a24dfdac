"""The real front end in Chromium: a host with this pack and a checkpoint, a bare host, and pages of both."""

import contextlib
import functools
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
import torch
from attention_keypoints.demo.autoencoder import Autoencoder, taesd_state_dict
from attention_keypoints.demo.model import unet_config
from attention_keypoints.demo.server import ComfyServer, find_comfyui
from attention_keypoints.keypoints.token_file import save_tokens
from attention_keypoints.keypoints.tokens import KeypointTokens
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright
from safetensors.torch import save_file

CHECKPOINT = "v1-5-pruned-emaonly-fp16.safetensors"  # the names in the example graphs
CONTROL_NET = "control_v11p_sd15_openpose_fp16.safetensors"
FOLDER = "my-pictures"
TOKENS = "my-keypoints_00001_.safetensors"
# The start page loads a graph of its own, which must not arrive after ours; with it comes its tab.
READY = "window.app?.graph?.nodes.length && window.app.extensionManager?.workflow?.activeWorkflow"
# Both renderers draw, and find sizes, in later frames: until nothing has moved for some of them.
STILL = """async () => {
    const look = () => JSON.stringify([
        app.graph.nodes.map((node) => [...node.boundingRect]), app.canvas.ds.scale, [...app.canvas.ds.offset],
        LiteGraph.vueNodesMode && document.querySelectorAll('[data-node-id]').length,
    ]);
    for (let last, same = 0; same < 4;) {
        await new Promise(requestAnimationFrame);
        const now = look();
        same = now === last ? same + 1 : 0;
        last = now;
    }
}"""
PATIENCE_MS = 120_000  # of a page on two busy cores
RUN_SECONDS = 600.0  # of a graph, where two cores are busy with something else as well
expect.set_options(timeout=PATIENCE_MS)
# The start page's own graph asks another machine how large its models are, at a time of its own. Such requests
# stay unanswered here, and the console never hears of them; else what is compared would depend on who is faster.
NO_OTHER_MACHINE = """
    const fetch_here = window.fetch;
    window.fetch = (what, ...rest) => new URL(what.url ?? what, location).origin === location.origin
        ? fetch_here(what, ...rest) : new Promise(() => {});
"""
# Chromium without a network of its own, and without the sandbox that needs a desktop user.
CHROMIUM_OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip

# Core nodes only: the steps of the tests, on a host without this pack.
CORE_GRAPH = {
    "last_node_id": 2, "last_link_id": 1, "groups": [], "config": {}, "extra": {}, "version": 0.4,
    "nodes": [
        {
            "id": 1, "type": "EmptyImage", "pos": [0, 50], "size": [300, 130], "flags": {}, "order": 0, "mode": 0,
            "inputs": [], "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}], "properties": {},
            "widgets_values": [64, 64, 2, 255],
        },
        {
            "id": 2, "type": "SaveImage", "pos": [350, 50], "size": [300, 300], "flags": {}, "order": 1, "mode": 0,
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}], "outputs": [], "properties": {},
            "widgets_values": ["core"],
        },
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
}  # fmt: skip


class FrontEnd:
    """One page of a host's front end with its console. errors: what the console called errors, normalised."""

    def __init__(self, page: Page):
        self.page = page
        self.errors: set[str] = set()
        self._errors_of_start: set[str] = set()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._note(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            # Which file was not found stands in the location only.
            missing = message.location["url"] if "Failed to load resource" in message.text else ""
            self._note(f"{message.text} {missing}")

    def _note(self, text: str) -> None:
        self.errors.add(re.sub(r"https?://127\.0\.0\.1:\d+|[0-9a-f]{8,}|\d+", "#", text).strip())

    def started(self) -> None:
        """The page is ready: what the console has said up to now every test hears of."""
        self._errors_of_start = set(self.errors)

    def for_the_next_test(self) -> "FrontEnd":
        """This page without what the test before has left: its graph, its errors, notices that go by themselves."""
        self.load(CORE_GRAPH, "between two tests")
        expect(self._notices()).to_have_count(0)
        self.errors = set(self._errors_of_start)
        return self

    def _notices(self) -> Locator:
        return self.page.locator("[role=dialog]:visible, [role=alertdialog]:visible, [role=status]:visible")

    def complaints(self) -> list[str]:
        """What the front end finds wrong with the graph: nodes that it does not know, dialogs, notices."""
        unknown = self.page.evaluate(
            """app.graph.nodes.filter((n) => n.has_errors || !(n.type in LiteGraph.registered_node_types))
                .map((n) => `unknown node ${n.type}`)"""
        )
        return unknown + [" ".join(text.split()) for text in self._notices().all_inner_texts()]

    def load(self, graph: dict, name: str) -> None:
        """Open a graph as the front end does with a file, and wait until its nodes are on the page."""
        self.page.evaluate("([graph, name]) => app.loadGraphData(graph, true, true, name)", [graph, name])
        self.settle()

    def settle(self) -> None:
        """Wait until the graph is drawn as it stays."""
        self.page.evaluate(STILL)

    def fill_in(self, values: list[tuple[str, str, object]]) -> None:
        """Set inputs, (class of node, name of input, value), of all nodes of these classes in the graph."""
        self.page.evaluate(
            """(values) => {
                for (const [type, name, value] of values)
                    for (const node of app.graph.nodes.filter((node) => node.type === type))
                        node.widgets.find((widget) => widget.name === name).value = value;
            }""",
            values,
        )

    def serialized(self) -> dict:
        """What saving the graph would write."""
        return json.loads(self.page.evaluate("JSON.stringify(app.graph.serialize())"))

    def prompt(self) -> dict[str, dict]:
        """The graph in API form, by the front end's own conversion."""
        return self.page.evaluate("async () => (await app.graphToPrompt()).output")

    def overlaps(self) -> list[tuple[str, str]]:
        """The titles of nodes that cover each other, by their sizes on the page."""
        boxes = self.page.evaluate("app.graph.nodes.map((n) => [n.title, ...n.boundingRect])")
        return [
            (one[0], other[0])
            for one, other in itertools.combinations(boxes, 2)
            if all(one[i] < other[i] + other[i + 2] and other[i] < one[i] + one[i + 2] for i in (1, 2))
        ]

    def pictures_shown(self, node: str) -> int:
        """How many pictures a node shows on the page, once all of them have arrived there."""
        find = """(id) => LiteGraph.vueNodesMode
            ? [...document.querySelectorAll(`[data-node-id="${id}"] img`)]
            : app.graph.getNodeById(id).imgs ?? []"""
        arrived = f"(id) => {{ const all = ({find})(id); return all.length && all.every((i) => i.naturalWidth > 0) }}"
        self.page.wait_for_function(arrived, arg=node)
        return self.page.evaluate(f"(id) => ({find})(id).length", node)

    def show_all(self, path: Path) -> None:
        """A screenshot of the whole graph."""
        self.page.evaluate("app.extensionManager.command.execute('Comfy.Canvas.FitView')")
        self.settle()
        self.page.screenshot(path=path)

    def run(self) -> dict[str, dict]:
        """Press Run and wait. Returns what each node shows, by node id; a failed node fails the test.

        A run in which a node blocks what follows says both that it failed and, later, that it ended well: what a run
        says before its own start belongs to the one before.
        """
        outcome = self.page.evaluate(
            """async (seconds) => {
                const ended = new Promise((resolve) => {
                    let started = null;
                    app.api.addEventListener('execution_start', (e) => { started = e.detail.prompt_id; }, {once: true});
                    for (const kind of ['execution_success', 'execution_error', 'execution_interrupted'])
                        app.api.addEventListener(kind, (e) => {
                            if (e.detail.prompt_id === started)
                                resolve(kind === 'execution_success' ? 'done' : JSON.stringify(e.detail));
                        });
                    setTimeout(() => resolve('not done in time'), 1000 * seconds);
                });
                const queued = await app.queuePrompt(0);
                return queued ? await ended : 'refused';
            }""",
            RUN_SECONDS,
        )
        assert outcome == "done", outcome
        return self.page.evaluate("app.nodeOutputs")


# Not for the whole session: while Playwright runs, asyncio.run() is refused, and other tests need that.
@pytest.fixture(scope="package")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=list(CHROMIUM_OPTIONS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def host(tmp_path_factory) -> Iterator[ComfyServer]:
    """ComfyUI with this pack and what the example graphs name: pictures, a checkpoint and tokens of random weights."""
    base = tmp_path_factory.mktemp("browser")
    (base / "input").mkdir()
    for kind in ("checkpoints", "controlnet", "keypoints"):
        (base / "models" / kind).mkdir(parents=True)
    (base / "input" / "example.png").write_bytes((find_comfyui() / "input" / "example.png").read_bytes())
    (base / "input" / FOLDER).mkdir()
    for number, colour in enumerate(("grey", "green")):
        Image.new("RGB", (96, 64 + 32 * number), colour).save(base / "input" / FOLDER / f"{number}.png")
    context = torch.randn(10, 768, generator=torch.Generator().manual_seed(0))
    learned = KeypointTokens(context, (0, 1), ("neck", "nose"), layers=("output.3", "output.4"), t=250, map_size=64)
    save_tokens(base / "models" / "keypoints" / TOKENS, learned)
    write_checkpoint(base / "models" / "checkpoints" / CHECKPOINT)
    write_control_net(base / "models" / "controlnet" / CONTROL_NET)
    with ComfyServer(base_dir=base) as server:
        yield server


@pytest.fixture(scope="package")
def object_info(host: ComfyServer) -> dict[str, dict]:
    """The host's description of every node."""
    with urlopen(f"{host.url}/object_info") as answer:  # not through the page, where it takes seconds
        return json.load(answer)


@pytest.fixture(scope="package")
def errors_of_bare_host(browser: Browser) -> dict[bool, set[str]]:
    """What the console calls errors without this pack, after the same steps, with and without Vue nodes."""
    errors = {}
    with ComfyServer(with_pack=False) as bare:
        for vue_nodes in (False, True):
            with open_front_end(browser, bare, vue_nodes) as opened:
                opened.load(CORE_GRAPH, "core")
                assert opened.complaints() == []
                opened.run()
                assert opened.pictures_shown("2") == 2
                errors[vue_nodes] = opened.errors
    return errors


@pytest.fixture(scope="package")
def pages(browser: Browser, host: ComfyServer) -> Iterator[Callable[[bool], FrontEnd]]:
    """The pages of the host, one with and one without Vue nodes, opened when they are first asked for."""
    with contextlib.ExitStack() as stack:
        yield functools.cache(lambda vue_nodes: stack.enter_context(open_front_end(browser, host, vue_nodes)))


@pytest.fixture
def front_end(pages: Callable[[bool], FrontEnd]) -> Callable[[bool], FrontEnd]:
    """The page with or without Vue nodes, which all tests share; each loads a graph of its own."""
    return lambda vue_nodes: pages(vue_nodes).for_the_next_test()


@pytest.fixture
def page_of_its_own(browser: Browser, host: ComfyServer) -> Iterator[FrontEnd]:
    """A page, with Vue nodes, for what stays on it after the test."""
    with open_front_end(browser, host, vue_nodes=True) as opened:
        yield opened


@contextlib.contextmanager
def open_front_end(browser: Browser, server: ComfyServer, vue_nodes: bool) -> Iterator[FrontEnd]:
    settings = {"Comfy.VueNodes.Enabled": vue_nodes, "Comfy.TutorialCompleted": True}
    # What moves while a graph runs costs a browser without a GPU as much again as all else.
    options = {"viewport": {"width": 1920, "height": 1200}, "reduced_motion": "reduce"}
    with contextlib.closing(browser.new_context(**options)) as context:
        context.set_default_timeout(PATIENCE_MS)
        context.route(lambda url: not url.startswith((server.url, "data:", "blob:")), lambda route: route.abort())
        context.request.post(f"{server.url}/settings", data=settings)
        context.add_init_script(NO_OTHER_MACHINE)
        opened = FrontEnd(context.new_page())
        opened.page.goto(server.url)
        opened.page.wait_for_function(READY)
        opened.settle()
        assert opened.page.evaluate("LiteGraph.vueNodesMode") == vue_nodes
        opened.started()
        yield opened


SHALLOW = unet_config(320, (1, 1, 1, 1)) | {
    "num_res_blocks": [1] * 4, "transformer_depth": [1, 1, 1, 0], "transformer_depth_output": [1] * 6 + [0] * 2
}  # fmt: skip


def write_checkpoint(path: Path) -> None:
    """A file that the stock Load Checkpoint takes for SD1.5: the real text encoder and a shallow UNet, random."""
    from comfy.clip_model import CLIPTextModel
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
    from comfy.ops import disable_weight_init

    unet = UNetModel(**SHALLOW, device="meta", dtype=torch.float16, operations=disable_weight_init)
    clip_config = json.loads((find_comfyui() / "comfy" / "sd1_clip_config.json").read_text(encoding="utf-8"))
    clip = CLIPTextModel(clip_config, torch.float16, "meta", disable_weight_init)
    weights = {f"model.diffusion_model.{name}": shape for name, shape in unet.state_dict().items()}
    weights |= {f"cond_stage_model.transformer.{name}": shape for name, shape in clip.state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    tensors = {name: _random(name, like, generator) for name, like in weights.items()}
    vae = taesd_state_dict(Autoencoder())
    tensors |= {f"first_stage_model.{name}": tensor.detach().contiguous() for name, tensor in vae.items()}
    save_file(tensors, path)


def write_control_net(path: Path) -> None:
    """A random Control-LoRA for that checkpoint: the form of ControlNet whose shape follows the model's."""
    from comfy.cldm.cldm import ControlNet
    from comfy.ops import disable_weight_init

    config = {name: value for name, value in SHALLOW.items() if name != "out_channels"}
    net = ControlNet(**config, hint_channels=3, device="meta", dtype=torch.float16, operations=disable_weight_init)
    generator = torch.Generator().manual_seed(0)
    own = ("input_hint_block", "zero_convs", "middle_block_out")
    tensors = {name: _random(name, like, generator) for name, like in net.state_dict().items() if name.startswith(own)}
    save_file(tensors | {"lora_controlnet": torch.zeros(1)}, path)


def _random(name: str, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Values at which signals neither die nor explode: matrices by their inputs, norms 1, shifts 0."""
    if like.ndim < 2:
        return torch.full(like.shape, float(name.endswith("weight")), dtype=torch.float16)
    scale = like[0].numel() ** -0.5
    return (torch.randn(like.shape, generator=generator) * scale).half()
