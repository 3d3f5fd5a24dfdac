"""Pictures of a folder, of any kind: keypoints/picture_folder.py."""

import numpy as np
import pytest
import torch
from attention_keypoints.keypoints.picture_folder import Unreadable, pictures_in, read_picture
from PIL import Image

RAMP = np.linspace(0, 255, 64 * 96 * 3).reshape(64, 96, 3).astype(np.uint8)


def test_pictures_come_in_the_order_of_their_names_and_nothing_else_does(tmp_path):
    for name in ("b.png", "a.JPG", "c.txt", "d.webp.part"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in pictures_in(tmp_path)] == ["a.JPG", "b.png"]


def test_a_folder_without_pictures_is_an_error_in_words(tmp_path):
    with pytest.raises(ValueError, match="There is no picture in .* end in .png, .jpg"):
        pictures_in(tmp_path)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "1", "CMYK", "I;16"])
def test_pictures_of_every_kind_become_three_channels(tmp_path, mode):
    image = Image.fromarray(RAMP)
    if mode == "I;16":
        image = Image.fromarray(RAMP[..., 0].astype(np.uint16) * 257)
    else:
        image = image.convert(mode)
    image.save(tmp_path / "a.tif")
    picture = read_picture(tmp_path / "a.tif")
    assert picture.pixels.shape == (1, 64, 96, 3) and picture.size == (96, 64)
    grey = picture.pixels[0].mean(-1)
    assert grey[-8:].mean() - grey[:8].mean() > 0.6


def test_sizes_are_those_of_the_original_and_large_ones_are_shrunk_for_the_model(tmp_path):
    Image.fromarray(RAMP).resize((1000, 333)).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png", longest=256)
    assert picture.size == (1000, 333) and picture.pixels.shape == (1, 88, 256, 3)


def test_a_picture_is_turned_upright_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(RAMP).save(tmp_path / "a.png", exif=exif)
    picture = read_picture(tmp_path / "a.png")
    assert picture.size == (64, 96)
    expected = torch.from_numpy(np.rot90(RAMP, -1).copy()).float()[None] / 255
    torch.testing.assert_close(picture.pixels, expected)


def broken_bytes(tmp_path, kind):
    Image.fromarray(RAMP).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    return {"empty": b"", "text": b"no picture", "cut off": whole[: len(whole) // 2], "header": whole[:20]}[kind]


@pytest.mark.parametrize("kind, why", [
    ("empty", "not a picture"), ("text", "not a picture"), ("cut off", "truncated"), ("header", "."),
])  # fmt: skip
def test_a_broken_picture_says_why_it_cannot_be_read(tmp_path, kind, why):
    (tmp_path / "a.png").write_bytes(broken_bytes(tmp_path, kind))
    with pytest.raises(Unreadable, match=why):
        read_picture(tmp_path / "a.png")
