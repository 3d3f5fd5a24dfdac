"""Poses between our nodes and the host's, in a real ComfyUI."""

import io

import numpy as np
from PIL import Image


def test_the_hosts_drawer_and_face_node_accept_our_pose_and_ours_reads_it_back(run_graph):
    def shown(title, image):
        return {"class_type": "PreviewImage", "inputs": {"images": image}, "_meta": {"title": title}}

    size = {"joints": "", "width": 256, "height": 256}
    drawer = {"draw_body": True, "draw_hands": True, "draw_face": True, "draw_feet": False, "draw_head": True}
    drawer |= {"stick_width": 4, "face_point_size": 3, "score_threshold": 0.3}
    crop = {"output_width": 64, "output_height": 64, "padding": 0, "keep_aspect": "stretch"}
    graph = {
        "figures": {"class_type": "KeypointsDemoPictures", "inputs": {"count": 2, "first": 0}},
        "pose": {"class_type": "KeypointsToPose", "inputs": {"keypoints": ["figures", 1], **size, "line_width": 9.0}},
        "host": {
            "class_type": "SDPoseDrawKeypoints",
            "inputs": {"keypoints": ["pose", 0], **drawer},
        },
        "faces": {
            "class_type": "SDPoseFaceBBoxes",
            "inputs": {"keypoints": ["pose", 0], "scale": 1.5, "force_square": True},
        },
        "crop": {
            "class_type": "CropByBBoxes",
            "inputs": {"image": ["figures", 0], "bboxes": ["faces", 0], **crop},
        },
        "back": {"class_type": "KeypointsFromPose", "inputs": {"pose": ["pose", 0], "person": 0}},
        "again": {"class_type": "KeypointsToPose", "inputs": {"keypoints": ["back", 0], **size, "line_width": 9.0}},
        "1": shown("ours", ["pose", 1]),
        "2": shown("host", ["host", 0]),
        "3": shown("again", ["again", 1]),
        "4": shown("faces", ["crop", 0]),
    }  # fmt: skip
    pictures = {}
    for picture in run_graph(graph).pictures:
        content = np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB")).astype(float) / 255
        pictures.setdefault(picture.node, []).append(content)
    assert {title: len(drawn) for title, drawn in pictures.items()} == {"ours": 2, "host": 2, "again": 2, "faces": 2}
    for ours, host, again in zip(pictures["ours"], pictures["host"], pictures["again"], strict=True):
        assert host.shape == ours.shape == (256, 256, 3)
        assert np.abs(ours - host).mean() < 0.3 * host.mean()  # edges are smooth in ours
        assert np.abs(ours - again).max() < 0.02
