"""Labels from files in a graph, in a real ComfyUI."""

import asyncio
import io
import json
import os
import pickle

import numpy as np
import pytest
from attention_keypoints.demo.client import ComfyClient, RunError
from PIL import Image

WIDTH, HEIGHT = 96, 64


@pytest.fixture
def put(comfy_server):
    """Puts a file into the server's input folder; returns its name there."""

    def upload(name: str, data: bytes) -> str:
        async def once() -> str:
            async with ComfyClient(comfy_server.url) as client:
                return await client.upload_image(name, data)

        return asyncio.run(once())

    return upload


def coco(*places) -> bytes:
    """A file of pictures of 960 x 640, each with one point there."""
    content = {
        "images": [{"id": b, "file_name": f"{b}.png", "width": 960, "height": 640} for b in range(len(places))],
        "annotations": [{"image_id": b, "category_id": 1, "keypoints": [*xy, 2]} for b, xy in enumerate(places)],
        "categories": [{"id": 1, "keypoints": ["beak"]}],
    }
    return json.dumps(content).encode()


def graph(file: str) -> dict:
    """Draws the labels of two pictures on black."""
    empty = {"width": WIDTH, "height": HEIGHT, "batch_size": 2, "color": 0}
    chosen = {"file": file, "image": ["1", 0], "person": 0, "first": 0, "frames": 0, "step": 1}
    drawn = {"image": ["1", 0], "keypoints": ["2", 0], "names": False, "scores": False, "fade": True}
    drawn |= {"min_score": 0.0, "point_radius": 0.0, "line_width": 0.0}
    return {
        "1": {"class_type": "EmptyImage", "inputs": empty},
        "2": {"class_type": "KeypointsLoadLabels", "inputs": chosen},
        "3": {"class_type": "KeypointsDraw", "inputs": drawn},
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
    }


def brightest(data: bytes) -> tuple[int, int]:
    """(x, y) of the middle of what is bright."""
    rows, columns = np.nonzero(np.asarray(Image.open(io.BytesIO(data)).convert("L")) > 60)
    return round(columns.mean()), round(rows.mean())


def test_labels_of_a_file_lie_where_they_belong_and_a_changed_file_is_read_again(put, run_graph):
    file = put("labels.json", coco((240, 160), (720, 480)))
    first = [brightest(picture.data) for picture in run_graph(graph(file)).pictures]
    assert np.abs(np.subtract(first, [(24, 16), (72, 48)])).max() <= 1
    assert put("labels.json", coco((720, 160), (720, 480))) == file
    again = [brightest(picture.data) for picture in run_graph(graph(file)).pictures]
    assert np.abs(np.subtract(again, [(72, 16), (72, 48)])).max() <= 1


def test_a_file_that_is_not_there_is_refused_before_anything_runs(run_graph):
    with pytest.raises(RunError, match='There is no "gone.json" in ComfyUI\'s input folder'):
        run_graph(graph("gone.json"))


class Harm:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_hostile_file_fails_with_one_sentence_and_nothing_of_it_is_executed(put, run_graph, tmp_path):
    file = put("sequence.pkl", pickle.dumps({"poses2d": [Harm(tmp_path / "harmed")]}))
    with pytest.raises(RunError, match=r"The labels in sequence\.pkl cannot be read: it asks for .*mkdir"):
        run_graph(graph(file))
    assert not (tmp_path / "harmed").exists()
    assert len(run_graph(graph(put("labels.json", coco((1, 1), (2, 2))))).pictures) == 2
