"""Every graph of workflows/ in the real front end, in both of its renderers."""

import copy
import json
from pathlib import Path

import pytest
import torch
from attention_keypoints.demo.graph import to_prompt
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.keypoints.labels import write_labels

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.json"))
RENDERERS = {"canvas": False, "vue": True}
SHOWS_PICTURES = ("SaveImage", "PreviewImage", "MaskPreview")
# What a person would fill in, and less work than theirs: class, input, value.
VISIBLE = torch.ones(2, 1, dtype=torch.bool)
LABELS = write_labels(Keypoints(torch.full((2, 1, 2), 0.5), torch.ones(2, 1), VISIBLE, ("eye",)))
FILLED_IN = [
    ("KeypointsLabel", "labels", LABELS),
    ("KeypointsLearn", "steps", 2),
    ("KeypointsLearn", "longest_side", 128),
    ("KeypointsLearnFromLabels", "steps", 2),
    ("KeypointsLearnFromLabels", "longest_side", 128),
    ("KeypointsDetect", "augmentations", 0),
    ("KSampler", "steps", 2),
    ("EmptyLatentImage", "batch_size", 3),
]
LESS = {
    "demo-pose-transfer": [("KeypointsDemoPictures", "count", 3)],
    "pose-transfer": [("EmptyLatentImage", "width", 128), ("EmptyLatentImage", "height", 128)],
    "animate-pose": [("EmptyLatentImage", "width", 128), ("EmptyLatentImage", "height", 128)],
}


def read_graph(name):
    return json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8"))


def without_the_view(graph):
    """A graph without what each front end decides anew: place and zoom, its version, heights of nodes."""
    extra = {key: value for key, value in graph["extra"].items() if key not in ("ds", "frontendVersion")}
    nodes = [{key: value for key, value in node.items() if key != "size"} for node in graph["nodes"]]
    return graph | {"extra": extra, "nodes": nodes}


# The second renderer shows what the host still has from the first one's run.
@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("name", NAMES)
def test_an_example_graph_loads_whole_runs_and_shows_its_pictures(
    name, renderer, front_end, object_info, errors_of_bare_host, tmp_path_factory
):
    graph = read_graph(name)
    opened = front_end(RENDERERS[renderer])
    opened.load(graph, name)
    assert opened.complaints() == []
    assert without_the_view(opened.serialized()) == without_the_view(graph)
    assert opened.prompt() == to_prompt(graph, object_info)

    opened.fill_in(FILLED_IN + LESS.get(name, []))
    shown = opened.run()
    for node in graph["nodes"]:
        if node["type"] in SHOWS_PICTURES:
            assert opened.pictures_shown(str(node["id"])) == len(shown[str(node["id"])]["images"]) > 0
    opened.show_all(tmp_path_factory.getbasetemp() / f"{name}-{renderer}.png")
    assert opened.overlaps() == []
    assert opened.errors - errors_of_bare_host[RENDERERS[renderer]] == set()


def test_a_graph_with_a_node_that_nobody_has_is_complained_about(page_of_its_own):
    graph = copy.deepcopy(read_graph("demo-attention"))
    graph["nodes"][3]["type"] = "NodeThatNobodyHas"
    page_of_its_own.load(graph, "unknown")
    assert any("NodeThatNobodyHas" in complaint for complaint in page_of_its_own.complaints())
