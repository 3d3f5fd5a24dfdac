"""A real ComfyUI with this pack in it: nodes, log, graphs, errors, cancelling."""

import asyncio
import io
import json
import re

import numpy as np
import pytest
from attention_keypoints import comfy_entrypoint
from attention_keypoints.demo.client import ComfyClient, Interrupted, RunError
from attention_keypoints.demo.graph import to_prompt
from attention_keypoints.demo.server import ComfyServer
from PIL import Image


def colour_graph(colour: int, prefix: str = "colour") -> dict:
    empty = {"width": 48, "height": 32, "batch_size": 2, "color": colour}
    return {
        "1": {"class_type": "EmptyImage", "inputs": empty},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}},
    }


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def start_log(server: ComfyServer) -> set[str]:
    """The lines of the log up to the moment the server answers, without what differs from run to run."""
    lines = server.log().split("To see the GUI go to")[0].splitlines()
    return {re.sub(r"\d+|/\S*attention-keypoints-\w+", "#", line).strip() for line in lines}


def test_every_node_that_the_pack_declares_is_in_object_info(object_info):
    async def declared() -> list[str]:
        extension = await comfy_entrypoint()
        return [node.GET_SCHEMA().node_id for node in await extension.get_node_list()]

    ids = asyncio.run(declared())
    assert len(ids) > 0
    assert sorted(set(ids) - set(object_info)) == []


def test_the_pack_adds_no_warning_to_the_log_of_the_bare_host(comfy_server):
    with ComfyServer(with_pack=False) as bare:
        known = start_log(bare)
    assert len(known) > 10
    suspicious = re.compile("warn|error|traceback|exception|fail|cannot|unable|deprecated", re.IGNORECASE)
    assert sorted(line for line in start_log(comfy_server) - known if suspicious.search(line)) == []


def test_the_pictures_of_a_graph_come_back(run_graph):
    result = run_graph(colour_graph(0x2040FF))
    assert [picture.kind for picture in result.pictures] == ["output", "output"]
    for picture in result.pictures:
        assert pixels(picture.data).shape == (32, 48, 3)
        assert (pixels(picture.data) == [0x20, 0x40, 0xFF]).all()


def test_texts_that_a_node_shows_come_back_under_its_title(run_graph):
    prompt = {
        "1": {"class_type": "PrimitiveString", "inputs": {"value": "hit@0.1 = 0.93"}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}, "_meta": {"title": "Figures"}},
    }
    assert run_graph(prompt).texts == [("Figures", "hit@0.1 = 0.93")]


def test_an_uploaded_picture_is_the_one_that_is_loaded(comfy_server):
    original = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(original).save(file, "png")

    async def there_and_back() -> bytes:
        async with ComfyClient(comfy_server.url) as client:
            name = await client.upload_image("there and back.png", file.getvalue())
            prompt = {
                "1": {"class_type": "LoadImage", "inputs": {"image": name}},
                "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
            }
            return (await client.run(prompt)).pictures[0].data

    assert (pixels(asyncio.run(there_and_back())) == original).all()


def test_progress_names_each_node_as_it_starts(run_graph):
    seen = []
    run_graph(colour_graph(0x00FF00, prefix="progress"), seen.append)
    assert [progress.node for progress in seen] == ["EmptyImage", "SaveImage"]


def test_a_graph_with_a_missing_input_is_refused_by_the_name_of_node_and_input(run_graph):
    prompt = colour_graph(0)
    del prompt["2"]["inputs"]["images"]
    with pytest.raises(RunError, match=r"SaveImage: Required input is missing \(images\)"):
        run_graph(prompt)


def test_an_error_inside_a_node_is_raised_with_the_name_of_the_node(run_graph):
    with pytest.raises(RunError, match="SaveImage failed: .*outside the output folder"):
        run_graph(colour_graph(0, prefix="../../outside"))


def test_a_run_can_be_interrupted_and_the_next_one_works(comfy_server, run_graph):
    blurs = 40
    empty = {"width": 1024, "height": 1024, "batch_size": 1, "color": 7}
    prompt = {"0": {"class_type": "EmptyImage", "inputs": empty}}
    for index in range(1, blurs + 1):
        inputs = {"image": [str(index - 1), 0], "blur_radius": 15, "sigma": 5.0}
        prompt[str(index)] = {"class_type": "ImageBlur", "inputs": inputs}
    prompt["end"] = {"class_type": "PreviewImage", "inputs": {"images": [str(blurs), 0]}}
    started = []

    async def interrupt_early() -> None:
        async with ComfyClient(comfy_server.url) as client:
            stopping = []

            def stop_at_the_second(progress) -> None:
                started.append(progress.node)
                if len(started) == 2:
                    stopping.append(asyncio.create_task(client.interrupt()))

            await client.run(prompt, stop_at_the_second)

    with pytest.raises(Interrupted, match="cancelled"):
        asyncio.run(interrupt_early())
    assert len(started) < blurs
    assert len(run_graph(colour_graph(0x123456, prefix="after")).pictures) == 2


def test_every_example_graph_is_offered_as_a_template_with_a_picture(repository, comfy_server):
    async def templates() -> dict[str, list[str]]:
        async with ComfyClient(comfy_server.url) as client:
            return await client.get_json("/workflow_templates")

    names = {path.stem for path in (repository / "workflows").glob("*.json")}
    assert {"demo-attention", "cross-attention-maps"} <= names
    assert names == {path.stem for path in (repository / "workflows").glob("*.jpg")}
    assert names <= set(asyncio.run(templates())[repository.name])


def test_every_example_graph_uses_only_nodes_and_inputs_that_the_host_has(repository, object_info):
    for path in sorted((repository / "workflows").glob("*.json")):
        for node in to_prompt(json.loads(path.read_text(encoding="utf-8")), object_info).values():
            definition = object_info[node["class_type"]]["input"]
            known = set(definition.get("required", {})) | set(definition.get("optional", {}))
            assert set(node["inputs"]) <= known, (path.name, node["class_type"])


def test_the_demo_graph_leaves_pictures(repository, object_info, run_graph):
    graph = json.loads((repository / "workflows" / "demo-attention.json").read_text(encoding="utf-8"))
    prompt = to_prompt(graph, object_info)
    (sampler,) = [node for node in prompt.values() if node["class_type"] == "KSampler"]
    sampler["inputs"]["steps"] = 5
    result = run_graph(prompt)
    pictures = [picture for picture in result.pictures if picture.kind == "output"]
    assert len(pictures) > 0
    for picture in pictures:
        assert pixels(picture.data).std() > 10  # neither black nor of one colour
