"""The node that measures found keypoints, on the demo's true joints."""

import pytest
from attention_keypoints.demo.world import demo_pictures
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.nodes.evaluate import EvaluateKeypoints


def test_points_off_by_seven_hundredths_are_right_at_a_tenth_and_wrong_at_a_twentieth():
    _, truth, _ = demo_pictures(0, 3)
    xy = truth.xy.clone()
    xy[..., 0] += 0.07
    found = Keypoints(xy, truth.score, truth.visible, truth.names)
    table, plot, pck = EvaluateKeypoints.execute(found, truth, "0.1, 0.05", 40.0).result
    assert pck == 0
    assert "| mean           |   1.000 |    0.000 |    1.000 |  0.0700 |     42 |" in table.splitlines()
    assert plot.shape[0] == 1 and plot.shape[3] == 3


def test_the_number_is_that_of_the_last_threshold():
    _, truth, _ = demo_pictures(0, 1)
    assert EvaluateKeypoints.execute(truth, truth, "0.05", 40.0).result[2] == pytest.approx(1)
