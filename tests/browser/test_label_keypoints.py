"""Label Keypoints as a person meets it: real mouse and keys in the real front end, in both of its renderers."""

import io
import json
import re

import pytest
import torch
from attention_keypoints.demo.model import LAYERS
from attention_keypoints.demo.world import demo_pictures
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.keypoints.labels import read_labels
from attention_keypoints.keypoints.metrics import pck
from attention_keypoints.keypoints.skeletons import COCO_17, FIGURE_14
from PIL import Image
from playwright.sync_api import expect

PICTURES, SIDE = 5, 256
MARGIN = 10  # CSS pixels around a picture that is shown whole
NODE = "2"
FILE = "wide.png"


# Four names of a person's own, each a joint of the figures.
# Not the feet: they are taken for hands where hands are not learned beside them.
LEARNED = ("head", "neck", "right_knee", "left_knee")
UNSEEN, FIRST_UNSEEN = 3, 1000  # the figures in which they are looked for
NEAR = 0.1  # of the side, from the truth: what PCK@0.1 counts as found


def node(id, kind, left, size, inputs, outputs, values, top=100):
    return {
        "id": id, "type": kind, "pos": [left, top], "size": size, "flags": {}, "order": id - 1, "mode": 0,
        "inputs": inputs, "outputs": outputs, "properties": {}, "widgets_values": values,
    }  # fmt: skip


def graph(labels=""):
    """Demo Pictures to Label Keypoints to Preview as Text."""
    image = {"name": "image", "type": "IMAGE", "links": [1]}
    keypoints = {"name": "keypoints", "type": "KEYPOINTS"}
    wears = {"name": "wears", "type": "CONDITIONING", "links": None}
    text = {"name": "STRING", "type": "STRING", "links": None}
    return {
        "last_node_id": 3, "last_link_id": 2, "groups": [], "config": {}, "version": 0.4,
        "extra": {"ds": {"scale": 1, "offset": [100, 80]}},
        "nodes": [
            node(1, "KeypointsDemoPictures", 0, [270, 110], [], [image, keypoints | {"links": None}, wears],
                 [PICTURES, 0]),
            node(2, "KeypointsLabel", 350, [640, 600], [{"name": "image", "type": "IMAGE", "link": 1}],
                 [keypoints | {"links": [2]}], [labels]),
            node(3, "PreviewAny", 1070, [270, 200], [{"name": "source", "type": "*", "link": 2}], [text], []),
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "KEYPOINTS"]],
    }  # fmt: skip


def learning_graph():
    """The same, and Learn Keypoints from Labels to Detect Keypoints in other figures, which are drawn and printed."""

    def socket(name, kind, link=None):
        return {"name": name, "type": kind, "link": link}

    def out(name, kind, *links):
        return {"name": name, "type": kind, "links": list(links)}

    whole = graph()
    whole["nodes"][0]["outputs"][0]["links"] = [1, 3]
    whole["nodes"][1]["outputs"][0]["links"] = [2, 4]
    whole["nodes"] += [
        node(4, "KeypointsLoadDemoModel", 0, [270, 110], [],
             [out("model", "MODEL", 5, 7), out("vae", "VAE", 6, 8), out("parts", "CONDITIONING"),
              out("empty", "CONDITIONING")], [], top=300),
        node(5, "KeypointsLearnFromLabels", 350, [300, 300],
             [socket("model", "MODEL", 5), socket("vae", "VAE", 6), socket("image", "IMAGE", 3),
              socket("labels", "KEYPOINTS", 4)],
             [out("tokens", "KEYPOINT_TOKENS", 9), out("loss_plot", "IMAGE")], [], top=780),
        node(6, "KeypointsDemoPictures", 0, [270, 110], [],
             [out("image", "IMAGE", 10, 11), out("keypoints", "KEYPOINTS"), out("wears", "CONDITIONING")],
             [UNSEEN, FIRST_UNSEEN], top=500),
        node(7, "KeypointsDetect", 690, [300, 300],
             [socket("model", "MODEL", 7), socket("vae", "VAE", 8), socket("image", "IMAGE", 10),
              socket("tokens", "KEYPOINT_TOKENS", 9)],
             [out("keypoints", "KEYPOINTS", 12, 13), out("maps", "ATTENTION_MAPS")], [], top=780),
        node(8, "PreviewAny", 1380, [270, 200], [socket("source", "*", 12)], [out("STRING", "STRING")], []),
        node(9, "KeypointsDraw", 1030, [300, 250], [socket("image", "IMAGE", 11), socket("keypoints", "KEYPOINTS", 13)],
             [out("drawn", "IMAGE", 14)], [], top=780),
        node(10, "PreviewImage", 1380, [400, 600], [socket("images", "IMAGE", 14)], [], [], top=400),
    ]  # fmt: skip
    whole["links"] += [
        [3, 1, 0, 5, 2, "IMAGE"], [4, 2, 0, 5, 3, "KEYPOINTS"], [5, 4, 0, 5, 0, "MODEL"], [6, 4, 1, 5, 1, "VAE"],
        [7, 4, 0, 7, 0, "MODEL"], [8, 4, 1, 7, 1, "VAE"], [9, 5, 0, 7, 3, "KEYPOINT_TOKENS"],
        [10, 6, 0, 7, 2, "IMAGE"], [11, 6, 0, 9, 0, "IMAGE"], [12, 7, 0, 8, 0, "KEYPOINTS"],
        [13, 7, 0, 9, 1, "KEYPOINTS"], [14, 9, 0, 10, 0, "IMAGE"],
    ]  # fmt: skip
    return whole | {"last_node_id": 10, "last_link_id": 14}


def png(width, height):
    """The bytes of a grey picture."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), "grey").save(file, "PNG")
    return file.getvalue()


class Annotator:
    """A person at the annotator of one node, with eyes for pixels and hands for mouse and keys."""

    def __init__(self, opened, id=NODE, aspect=1.0):
        self.page, self.id, self.aspect = opened.page, id, aspect
        self.root = self.page.locator(".kl-root").nth(["2", "4"].index(id))
        self.picture = self.root.locator(".kl-keys")

    def show_pictures(self):
        """The button in the node, as long as there is no picture."""
        self.root.locator("[data-act=show]").click()
        self.await_picture()

    def choose_figure(self):
        self.root.get_by_label("Skeleton").select_option("Figure 14")

    def type_names(self, names):
        self.root.get_by_label("Skeleton").select_option("Own names")
        self.root.get_by_label("Names to label").fill(", ".join(names))
        self.press("Enter")

    def await_picture(self):
        """What lies over the canvas until there is a picture: nobody clicks before it is gone."""
        expect(self.root.locator(".kl-empty")).to_be_hidden()

    def at(self, xy):
        """Where on the screen a place of a picture is that is shown whole; xy in parts of width and height."""
        self.await_picture()
        box = self.picture.bounding_box()
        margin = MARGIN * box["width"] / self.picture.evaluate("(field) => field.clientWidth")
        width = min(box["width"] - 2 * margin, (box["height"] - 2 * margin) * self.aspect)
        return (box["x"] + box["width"] / 2 + width * (float(xy[0]) - 0.5),
                box["y"] + box["height"] / 2 + width / self.aspect * (float(xy[1]) - 0.5))  # fmt: skip

    def click(self, xy, **options):
        self.page.mouse.click(*self.at(xy), **options)

    def drag(self, start, end, **options):
        self.page.mouse.move(*self.at(start))
        self.page.mouse.down(**options)
        self.page.mouse.move(*self.at((torch.as_tensor(start) + torch.as_tensor(end)) / 2))
        self.page.mouse.move(*self.at(end))
        self.page.mouse.up(**options)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def value(self):
        """The labels input of the node as it would be saved."""
        return self.page.evaluate("(id) => app.graph.getNodeById(id).widgets[0].value", self.id)

    def points(self, picture=0):
        """The labelled points of a picture, as {name: (x, y, visible)}."""
        pictures = json.loads(self.value() or '{"pictures": []}')["pictures"]
        points = pictures[picture]["points"] if picture < len(pictures) else {}
        return {name: (point["x"], point["y"], point["visible"]) for name, point in points.items()}


@pytest.fixture(params=["canvas", "vue"])
def opened(request, front_end):
    return front_end(request.param == "vue")


def open_annotator(opened, labels=""):
    opened.load(graph(labels), "label")
    annotator = Annotator(opened)
    annotator.show_pictures()
    return annotator


def by_name(figures):
    """Of all true joints of figures those that are learned here."""
    places = [figures.names.index(name) for name in LEARNED]
    return Keypoints(figures.xy[:, places], figures.score[:, places], figures.visible[:, places], LEARNED)


def printed_keypoints(text):
    """xy [B, K, 2] and visible [B, K] out of what Preview as Text shows of KEYPOINTS."""
    xy, visible = (re.search(rf"\b{part}=tensor\((.*?)\)", text, re.DOTALL)[1] for part in ("xy", "visible"))
    xy = json.loads(re.sub(r"(\d\.)(?=[,\]\s])", r"\g<1>0", xy.split("dtype")[0]).replace("nan", "NaN"))
    return torch.tensor(xy), torch.tensor(json.loads(visible.lower()))


def test_joints_clicked_in_five_pictures_survive_save_and_reload_and_are_found_in_other_figures(
    opened, request, tmp_path_factory
):
    clicked, true = (by_name(demo_pictures(*which)[1]) for which in ((0, PICTURES), (FIRST_UNSEEN, UNSEEN)))
    opened.load(learning_graph(), "learn")
    opened.fill_in([
        ("KeypointsLearnFromLabels", "preset", "instant"), ("KeypointsLearnFromLabels", "layers", ", ".join(LAYERS)),
        ("KeypointsDetect", "augmentations", 0),
    ])  # fmt: skip
    errors = set(opened.errors)
    annotator = Annotator(opened)
    annotator.show_pictures()
    annotator.type_names(LEARNED)
    for b in range(PICTURES):
        for k in range(len(LEARNED)):
            annotator.click(clicked.xy[b, k])
            if not clicked.visible[b, k]:
                annotator.press("h")
        annotator.press("ArrowRight")
    pictures = tmp_path_factory.getbasetemp() / f"labelled-{request.node.callspec.id}.png"
    opened.page.screenshot(path=pictures)

    opened.load(opened.serialized(), "reloaded")
    shown = opened.run()
    labels, visible = printed_keypoints(shown["3"]["text"][0])
    assert (labels - clicked.xy).abs().max() * SIDE < 1
    assert torch.equal(visible, clicked.visible)
    found, _ = printed_keypoints(shown["8"]["text"][0])
    assert pck(found, true.xy, [NEAR]).mean() >= 0.9
    assert opened.pictures_shown("10") == UNSEEN
    opened.show_all(pictures.with_stem(f"found-{request.node.callspec.id}"))
    expect(Annotator(opened).root.locator(".kl-page")).to_have_text(f"1 / {PICTURES}")
    assert opened.errors == errors


def test_points_are_moved_removed_hidden_and_brought_back(opened):
    annotator = open_annotator(opened)
    annotator.choose_figure()
    annotator.click((0.5, 0.2))
    annotator.click((0.5, 0.4))
    assert list(annotator.points()) == ["head", "neck"]

    annotator.drag((0.5, 0.4), (0.7, 0.3))
    assert annotator.points()["neck"][:2] == pytest.approx((0.7, 0.3), abs=0.005)
    annotator.drag((0.7, 0.3), (1.4, 0.3))
    assert annotator.points()["neck"][:2] == pytest.approx((1.0, 0.3), abs=0.005)
    annotator.press("h")
    assert annotator.points()["neck"][2] is False
    annotator.press("Control+z", "Control+z", "Control+z")
    assert annotator.points()["neck"] == pytest.approx((0.5, 0.4, True), abs=0.005)
    annotator.press("Control+Shift+z")
    assert annotator.points()["neck"][:2] == pytest.approx((0.7, 0.3), abs=0.005)

    annotator.click((0.5, 0.2), button="right")
    assert list(annotator.points()) == ["neck"]
    annotator.click((0.1, 0.1))  # what was removed is what the next click places
    assert annotator.points()["head"][:2] == pytest.approx((0.1, 0.1), abs=0.005)
    annotator.press("Delete")
    assert list(annotator.points()) == ["neck"]

    # Keys of the annotator are not keys of the graph: nothing was deleted or undone there.
    assert opened.page.evaluate("app.graph.nodes.length") == 3

    annotator.press("PageDown", "c")
    assert list(annotator.points(1)) == ["neck"]
    annotator.press("Tab", "Tab")  # from the head, which comes next, over the neck to the shoulder
    annotator.click((0.2, 0.8))
    assert list(annotator.points(1)) == ["neck", "right_shoulder"]
    annotator.press("ArrowLeft")
    expect(annotator.root.locator(".kl-page")).to_have_text(f"1 / {PICTURES}")


def test_zoom_and_pan_move_the_picture_and_not_the_graph(opened):
    annotator = open_annotator(opened)
    view = "[app.canvas.ds.scale, ...app.canvas.ds.offset]"
    before = opened.page.evaluate(view)
    annotator.picture.focus()
    opened.page.mouse.move(*annotator.at((0.5, 0.5)))
    opened.page.mouse.wheel(0, -400)
    opened.settle()
    annotator.drag((0.5, 0.5), (0.6, 0.5), button="middle")
    annotator.press("Space")  # alone it does nothing
    assert opened.page.evaluate(view) == before
    annotator.click((0.6, 0.5))  # what was in the middle was dragged there
    assert annotator.points()["nose"][:2] == pytest.approx((0.5, 0.5), abs=0.005)
    annotator.press("0")
    annotator.click((0.25, 0.75))
    assert annotator.points()["neck"][:2] == pytest.approx((0.25, 0.75), abs=0.005)


def test_a_copied_or_resized_node_keeps_its_labels(opened):
    labels = {"version": 1, "names": ["paw", "tail"], "skeleton": [[0, 1]],
              "pictures": [{"points": {"paw": {"x": 0.25, "y": 0.5, "visible": True}}}]}  # fmt: skip
    annotator = open_annotator(opened, json.dumps(labels))
    opened.page.evaluate("app.graph.getNodeById(2).setSize([900, 760])")
    opened.settle()
    annotator.click((0.75, 0.25))
    assert annotator.points()["tail"][:2] == pytest.approx((0.75, 0.25), abs=0.005)

    opened.page.evaluate(
        """() => {
            app.canvas.deselectAll();
            app.canvas.select(app.graph.getNodeById(2));
            app.canvas.copyToClipboard();
            app.canvas.pasteFromClipboard({position: [350, 1000]});
        }"""
    )
    opened.settle()
    copy = Annotator(opened, "4")
    assert copy.value() == annotator.value()
    # The copy has labels of its own.
    annotator.click((0.75, 0.25), button="right")
    assert list(annotator.points()) == ["paw"] and list(copy.points()) == ["paw", "tail"]


def test_a_picture_that_is_not_square_shows_at_once_when_it_is_loaded_from_a_file(opened):
    loaded = graph()
    outputs = [{"name": "IMAGE", "type": "IMAGE", "links": [1]}, {"name": "MASK", "type": "MASK", "links": None}]
    loaded["nodes"][0] = node(1, "LoadImage", 0, [270, 300], [], outputs, [FILE, "image"])
    file = {"name": FILE, "mimeType": "image/png", "buffer": png(width=300, height=100)}
    origin = opened.page.evaluate("location.origin")
    assert opened.page.request.post(f"{origin}/upload/image", multipart={"image": file}).ok
    opened.load(loaded, "file")
    annotator = Annotator(opened, aspect=3)
    annotator.await_picture()
    annotator.click((0.1, 0.9))
    assert annotator.points()["nose"][:2] == pytest.approx((0.1, 0.9), abs=0.01)


def test_a_click_before_the_picture_has_come_places_nothing(opened):
    of_its_own = graph()  # pictures that no test before this has had: what is in the cache comes at once
    of_its_own["nodes"][0]["widgets_values"] = [PICTURES, FIRST_UNSEEN]
    opened.load(of_its_own, "slow")
    annotator = Annotator(opened)
    annotator.show_pictures()
    on_their_way = []
    opened.page.route("**/view?*", lambda picture: on_their_way.append(picture))
    try:
        annotator.press("End")  # only the first two have been fetched
        expect(annotator.root.locator(".kl-empty p")).to_have_text("Loading the picture…")
        annotator.picture.click()
        for picture in on_their_way:
            picture.continue_()
    finally:
        opened.page.unroute("**/view?*")
    annotator.await_picture()
    assert annotator.points(PICTURES - 1) == {}
    annotator.click((0.25, 0.75))
    assert annotator.points(PICTURES - 1)["nose"][:2] == pytest.approx((0.25, 0.75), abs=0.005)


def test_without_labels_the_pictures_come_and_what_follows_waits_with_a_sentence(opened):
    opened.load(graph(), "unlabelled")
    for _ in range(2):  # it is said again at every run
        with pytest.raises(AssertionError, match="No labels yet. In Label Keypoints choose a name, click its place"):
            opened.run()
    annotator = Annotator(opened)
    annotator.await_picture()
    expect(annotator.root.locator(".kl-page")).to_have_text(f"1 / {PICTURES}")
    expect(annotator.root.locator(".kl-status")).to_contain_text("No labels yet")
    assert annotator.value() == ""


def test_labels_of_pictures_that_are_gone_are_shown_and_can_be_removed(opened):
    paw = {"points": {"paw": {"x": 0.25, "y": 0.5}}}
    labels = {"version": 1, "names": ["paw"], "pictures": [paw] * (PICTURES + 2)}
    annotator = open_annotator(opened, json.dumps(labels))
    expect(annotator.root.locator(".kl-page")).to_have_text("1 / 7")
    expect(annotator.root.locator(".kl-status")).to_contain_text("Picture 7 has labels, but the batch has 5")
    annotator.root.locator("[data-act=clean]").click()
    expect(annotator.root.locator(".kl-page")).to_have_text("1 / 5")
    assert [len(annotator.points(b)) for b in range(7)] == [1] * 5 + [0] * 2


def test_labels_that_cannot_be_read_are_kept_until_a_person_removes_them(opened):
    truncated = '{"version": 1, "names": ["hea'
    opened.load(graph(truncated), "truncated")
    with pytest.raises(AssertionError, match="The labels are not JSON"):
        opened.run()
    annotator = Annotator(opened)
    assert annotator.value() == truncated
    annotator.root.locator("[data-act=clean]").click()
    assert annotator.value() == ""
    annotator.press("Control+z")
    assert annotator.value() == truncated


def test_points_go_along_to_the_same_joints_of_another_skeleton(opened):
    head, neck, knee = ({"x": x, "y": 0.5, "visible": True} for x in (0.25, 0.5, 0.75))
    labels = {"version": 1, "names": list(FIGURE_14.names), "skeleton": [list(limb) for limb in FIGURE_14.limbs],
              "pictures": [{"points": {"head": head, "neck": neck, "left_knee": knee}}]}  # fmt: skip
    opened.load(graph(json.dumps(labels)), "renamed")
    annotator = Annotator(opened)
    annotator.root.get_by_label("Skeleton").select_option("COCO 17")
    assert annotator.points() == {"nose": (0.25, 0.5, True), "left_knee": (0.75, 0.5, True)}
    expect(annotator.root.locator(".kl-status")).to_contain_text("1 point had no place among the new names")
    renamed = read_labels(annotator.value(), 1)
    assert (renamed.names, renamed.skeleton) == (COCO_17.names, COCO_17.limbs)


def test_exported_labels_come_back_by_import(opened):
    annotator = open_annotator(opened)
    menu = annotator.root.get_by_label("Import and export")
    for place in ((0.5, 0.2), (0.5, 0.3), (0.25, 0.75)):
        annotator.click(place)
    annotator.press("h")
    placed = annotator.points()
    for kind in ("coco", "openpose"):
        with opened.page.expect_download() as download:
            menu.select_option(kind)
        path = download.value.path()
        menu.select_option("clear")
        assert annotator.points() == {}
        with opened.page.expect_file_chooser() as chooser:
            menu.select_option("import")
        chooser.value.set_files({"name": f"{kind}.json", "mimeType": "application/json", "buffer": path.read_bytes()})
        expect(annotator.root.locator(".kl-status")).to_contain_text("Imported 3 points")
        for name, point in annotator.points().items():
            assert point[:2] == pytest.approx(placed[name][:2], abs=1e-5)
            assert point[2] == (placed[name][2] if kind == "coco" else True)
    assert read_labels(annotator.value(), PICTURES).labelled.sum() == 3
