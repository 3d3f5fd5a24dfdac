"""The nodes of the landmark regression."""

import torch
from attention_keypoints.demo.world import demo_pictures
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.nodes.landmarks import ApplyLandmarks, FitLandmarks


def unnamed(labels: Keypoints) -> Keypoints:
    """The same points in another order and without their names, as learning without labels finds them."""
    order = list(reversed(range(len(labels.names))))
    names = [f"point {i}" for i in order]
    return Keypoints(labels.xy[:, order], labels.score[:, order], labels.visible[:, order], names)


def test_landmarks_fitted_on_some_pictures_are_found_in_others():
    _, labels, _ = demo_pictures(0, 40)
    _, truth, _ = demo_pictures(40, 10)
    landmarks, report = FitLandmarks.execute(unnamed(labels), labels, False, False).result
    found = ApplyLandmarks.execute(unnamed(truth), landmarks).result[0]
    assert found.names == truth.names and found.skeleton == truth.skeleton
    torch.testing.assert_close(found.xy, truth.xy, rtol=0, atol=1e-4)
    assert "| left_hand      |             0.0000 |" in report.splitlines()
    assert report.splitlines()[-1] == "| mean           |             0.0000 |"
