"""Keypoints learned from a few labelled demo pictures, on pictures that nothing was learned on."""

import statistics
from functools import cache

from ..demo.world import demo_pictures
from ..keypoints.labelled import learn_from_labels
from ..keypoints.metrics import hit_within_pixels, left_right_confusion, pck, roc_auc
from ..keypoints.recipes import LABELLED
from .demo_world import LEARNED, UNSEEN, demo_world, inside

TEST = 100
DRAWS = 3  # of the labelled pictures
COUNTS = (1, 2, 5, 20)
SIDE = 512  # the published hit radius of 40 pixels is of pictures of about that size
# The paper's base of 500 tokens would take hours on a CPU.
PUBLISHED_TOKENS = 50


def labelled(count: int, draw: int):
    pictures, truth, _ = demo_pictures(LEARNED + 100 * draw, count)
    return pictures, inside(truth)


@cache
def one_draw(preset: str, count: int, draw: int, **changes):
    """(its figures by name, found, true keypoints); kept, so that visibility is of the tokens just learned."""
    world = demo_world()
    pictures, labels = labelled(count, draw)
    learned, seconds = world.learn(learn_from_labels, LABELLED, preset, pictures, labels, seed=draw, **changes)
    found, truth = world.detected(learned.tokens, UNSEEN, TEST)
    shares = pck(found.xy, truth.xy, (0.1, 0.05))
    row = {
        "pck@0.1": shares[0].nanmean().item(),
        "pck@0.05": shares[1].nanmean().item(),
        "hit@40px": hit_within_pixels(found.xy, truth.xy, 40, SIDE, SIDE).nanmean().item(),
        "left_right_confusion": left_right_confusion(found.xy, truth.xy, truth.names),
        "seconds": seconds,
    }
    row |= {f"pck@0.1 {name}": share.item() for name, share in zip(truth.names, shares[0], strict=True)}
    return row, found, truth


def in_context(preset: str, count: int, draws: int = DRAWS, **changes):
    rows = [one_draw(preset, count, draw, **changes)[0] for draw in range(draws)]
    for metric in rows[0]:
        values = [row[metric] for row in rows]
        unit = "s" if metric == "seconds" else "share"
        yield metric, statistics.mean(values), unit, 0
        if draws > 1 and not metric.startswith("pck@0.1 "):
            yield f"{metric} spread", statistics.stdev(values), unit, 0


def visibility():
    """Whether the confidence tells a visible joint from a hidden one, after learning from five pictures."""
    areas = []
    for draw in range(DRAWS):
        _, found, truth = one_draw("improved", 5, draw)
        known = ~truth.xy.isnan().any(-1)
        areas.append(roc_auc(found.score[known], truth.visible[known]))
    yield "auc", statistics.mean(areas), "", 0
    yield "auc spread", statistics.stdev(areas), "", 0


def _case(preset, count):
    if preset == "published":
        return lambda: in_context(preset, count, 1, tokens=PUBLISHED_TOKENS)
    return lambda: in_context(preset, count)


CASES = {
    f"in-context-{count}-{preset}": _case(preset, count)
    for count in COUNTS
    for preset in LABELLED
    if preset != "published" or count in (5, 20)
} | {"visibility": visibility}
