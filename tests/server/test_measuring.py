"""Token files, landmarks and their evaluation through a real ComfyUI, on demo pictures."""

import io

import numpy as np
import pytest
from PIL import Image


def test_landmarks_of_unseen_figures_are_measured_and_drawn(run_graph):
    prompt = {
        "fit on": {"class_type": "KeypointsDemoPictures", "inputs": {"count": 12, "first": 0}},
        "apply to": {"class_type": "KeypointsDemoPictures", "inputs": {"count": 6, "first": 12}},
        # Few figures for twenty-eight coordinates: the fit is exact, what follows for others is not.
        "fit": {
            "class_type": "KeypointsFitLandmarks",
            "inputs": {
                "keypoints": ["fit on", 1],
                "labels": ["fit on", 1],
                "visible_only": False,
                "swap_sides": False,
            },
        },
        "apply": {
            "class_type": "KeypointsApplyLandmarks",
            "inputs": {"keypoints": ["apply to", 1], "landmarks": ["fit", 0]},
        },
        "evaluate": {
            "class_type": "KeypointsEvaluate",
            "inputs": {
                "keypoints": ["apply", 0],
                "labels": ["apply to", 1],
                "thresholds": "0.05, 0.1",
                "pixel_radius": 40.0,
            },
        },
        "report": {"class_type": "PreviewAny", "inputs": {"source": ["fit", 1]}, "_meta": {"title": "report"}},
        "table": {"class_type": "PreviewAny", "inputs": {"source": ["evaluate", 0]}, "_meta": {"title": "table"}},
        "pck": {"class_type": "PreviewAny", "inputs": {"source": ["evaluate", 2]}, "_meta": {"title": "pck"}},
        "plot": {"class_type": "PreviewImage", "inputs": {"images": ["evaluate", 1]}},
    }
    result = run_graph(prompt)
    texts = dict(result.texts)
    assert texts["report"].splitlines()[-1].split() == ["|", "mean", "|", "0.0000", "|"]
    mean = next(line for line in texts["table"].splitlines() if line.startswith("| mean "))
    at_005, at_01, _, mean_l2, points = [cell.strip() for cell in mean.split("|")[2:-1]]
    assert points == "84"
    assert float(texts["pck"]) == pytest.approx(float(at_01), abs=6e-4)
    assert 0.7 < float(at_005) <= float(at_01) <= 1 and 0.001 < float(mean_l2) < 0.06
    picture = np.asarray(Image.open(io.BytesIO(result.pictures[0].data)))
    assert picture.shape[1] == 768 and picture.std() > 20


def test_learned_tokens_are_saved_and_find_the_same_points_when_loaded_by_a_later_graph(run_graph):
    model = {"class_type": "KeypointsLoadDemoModel", "inputs": {}}
    learn = {
        "model": model,
        "labelled": {"class_type": "KeypointsDemoPictures", "inputs": {"count": 5, "first": 0}},
        "learn": {
            "class_type": "KeypointsLearnFromLabels",
            "inputs": {
                "model": ["model", 0],
                "vae": ["model", 1],
                "image": ["labelled", 0],
                "labels": ["labelled", 1],
                "preset": "instant",
                "steps": 0,
                "seed": 0,
            },
        },
    }
    find = {
        "model": model,
        "unseen": {"class_type": "KeypointsDemoPictures", "inputs": {"count": 3, "first": 50}},
        "detect": {
            "class_type": "KeypointsDetect",
            "inputs": {"model": ["model", 0], "vae": ["model", 1], "image": ["unseen", 0], "augmentations": 1},
        },
        "evaluate": {
            "class_type": "KeypointsEvaluate",
            "inputs": {
                "keypoints": ["detect", 0],
                "labels": ["unseen", 1],
                "thresholds": "0.1",
                "pixel_radius": 40.0,
            },
        },
        "table": {"class_type": "PreviewAny", "inputs": {"source": ["evaluate", 0]}, "_meta": {"title": "table"}},
    }
    save = {"class_type": "KeypointsSaveTokens", "_meta": {"title": "saved"}}
    save["inputs"] = {"tokens": ["learn", 0], "filename_prefix": "keypoints/figures"}
    load = {"class_type": "KeypointsLoadTokens", "inputs": {"file": "figures_00001_.safetensors"}}
    find["detect"]["inputs"]["tokens"] = ["learn", 0]
    first = dict(run_graph({**learn, **find, "save": save}).texts)
    assert first["saved"] == "Saved as keypoints/figures_00001_.safetensors"
    find["detect"]["inputs"]["tokens"] = ["load", 0]
    again = dict(run_graph({**find, "load": load}).texts)
    assert again["table"] == first["table"] and "| left_hand " in first["table"]
