"""Keypoint tokens as a file: what comes back, and which files are refused with which words."""

import json
import os
import pickle

import pytest
import safetensors.torch
import torch
from attention_keypoints.keypoints import token_file
from attention_keypoints.keypoints.token_file import load_tokens, save_tokens
from attention_keypoints.keypoints.tokens import KeypointTokens


def tokens(**changes) -> KeypointTokens:
    parts = {
        "context": torch.randn(7, 768, generator=torch.Generator().manual_seed(0)),
        "picked": (4, 0, 6),
        "names": ("left hand", "Kopf, größer", "手"),
        "skeleton": ((0, 1), (1, 2)),
        "layers": ("output.3", "output.6"),
        "t": 50,
        "map_size": 128,
        "calibration": torch.tensor([[1.5, -2.0], [0.1, 3e-8], [2.0, 0.0]]),
        "learned": {"preset": "improved", "steps": 500, "learning_rate": 0.1 + 0.2},
    }
    return KeypointTokens(**(parts | changes))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.safetensors"


def pack(header, data: bytes = b"", length: int | None = None) -> bytes:
    """A file out of a header (JSON text, or what becomes it) and the tensors' bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def written(**changes) -> tuple[dict, bytes]:
    """Header and tensor bytes of a good file."""
    saved = tokens(**changes)
    facts = {name: getattr(saved, name) for name in token_file._FIELDS}
    metadata = {"format": "attention-keypoints", "version": "1", "model_family": "SD1.x"}
    metadata["keypoints"] = json.dumps(facts)
    data = safetensors.torch.save({"context": saved.context}, metadata)
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def with_metadata(**changes) -> bytes:
    header, data = written()
    header["__metadata__"] |= changes
    return pack(header, data)


def with_facts(**changes) -> bytes:
    header, data = written()
    facts = json.loads(header["__metadata__"]["keypoints"]) | changes
    header["__metadata__"]["keypoints"] = json.dumps(facts)
    return pack(header, data)


def with_context_entry(**changes) -> bytes:
    header, data = written()
    header["context"] |= changes
    return pack(header, data)


ARRANGEMENT = torch.stack([torch.eye(3), torch.tensor([[torch.inf, 0.1, 0.2]] * 3)])


@pytest.mark.parametrize("hidden", [None, 5])
@pytest.mark.parametrize("arrangement", [None, ARRANGEMENT], ids=["each by itself", "arranged"])
@pytest.mark.parametrize("calibration", [None, torch.tensor([[1.5, -2.0], [0.1, 3e-8], [2.0, 0.0]])])
def test_tokens_come_back_exactly(path, calibration, arrangement, hidden):
    before = tokens(calibration=calibration, arrangement=arrangement, hidden=hidden)
    save_tokens(path, before)
    after = load_tokens(path)
    assert torch.equal(after.context, before.context)
    for name, part in (("calibration", calibration), ("arrangement", arrangement)):
        assert (getattr(after, name) is None) if part is None else torch.equal(getattr(after, name), part)
    for name in ("picked", "names", "skeleton", "layers", "t", "map_size", "hidden", "learned"):
        assert getattr(after, name) == getattr(before, name)
    assert [type(value) for value in after.learned.values()] == [str, int, float]


def test_read_tensors_can_be_learned_further(path):
    save_tokens(path, tokens())
    load_tokens(path).context.requires_grad_().mul(2).sum().backward()


def test_any_safetensors_reader_reads_the_file_and_its_header(path):
    save_tokens(path, tokens())
    with safetensors.safe_open(path, "pt") as file:
        assert set(file.keys()) == {"context", "calibration"}
        assert file.metadata()["format"] == "attention-keypoints" and file.metadata()["version"] == "1"
        assert json.loads(file.metadata()["keypoints"])["names"] == ["left hand", "Kopf, größer", "手"]


def test_saving_replaces_the_file_and_leaves_no_other(path):
    save_tokens(path, tokens())
    save_tokens(path, tokens(t=99))
    assert load_tokens(path).t == 99
    assert list(path.parent.iterdir()) == [path]


def test_the_folder_is_made(tmp_path):
    save_tokens(tmp_path / "a" / "b" / "c.safetensors", tokens())
    assert load_tokens(tmp_path / "a" / "b" / "c.safetensors").t == 50


@pytest.mark.parametrize("failure", [OSError("No space left on device"), KeyboardInterrupt()])
def test_when_writing_fails_the_old_file_stays_and_nothing_is_left_beside_it(path, monkeypatch, failure):
    save_tokens(path, tokens())

    def fail(*_):
        raise failure

    for step in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(os, step, fail)
            with pytest.raises(type(failure)):
                save_tokens(path, tokens(t=99))
        assert load_tokens(path).t == 50
        assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "changes",
    [
        {"names": ("a", "", "c")},
        {"names": ("a", "b\ud800", "c")},
        {"names": ("a", "b" * 1001, "c")},
        {"learned": {"loss": float("nan")}},
        {"learned": {"losses": [1.0, 2.0]}},
        {"learned": {"done": True}},
        {"learned": {"rate": torch.tensor(1.0)}},
        {"context": torch.zeros(22000, 768)},
    ],
    ids=["empty name", "half a letter", "endless name", "NaN", "list", "truth value", "tensor", "too large"],
)
def test_what_could_not_be_read_again_is_not_saved(path, changes):
    with pytest.raises(ValueError, match=r"cannot be saved as people\.safetensors: .") as error:
        save_tokens(path, tokens(**changes))
    assert "Choose a file" not in str(error.value)
    assert list(path.parent.iterdir()) == []


HEADER, DATA = written()
REFUSED = {
    "empty": (b"", "is empty"),
    "seven bytes": (b"\x10\0\0\0\0\0\0", "not a safetensors file"),
    "text": (b"Dear Sir or Madam, " * 10, "not a safetensors file"),
    "pickle": (pickle.dumps({"context": [1.0] * 99}), "not a safetensors file"),
    "endless header": (pack(HEADER, DATA, length=2**63), "not a safetensors file"),
    "header of 2 MB": (pack(b" " * 2**21), "not a safetensors file"),
    "cut in the header": (pack(HEADER, DATA)[:200], "cut short: 200 bytes, its header alone needs"),
    "cut in the tensors": (pack(HEADER, DATA)[:-100], "cut short: 100 bytes are missing"),
    "bytes at the end": (pack(HEADER, DATA + b"more"), "belong to no tensor"),
    "header that is not JSON": (pack(b"{'a': 1}"), "header is damaged"),
    "header that is not UTF-8": (pack(b'{"\xff": 1}'), "header is damaged"),
    "header that is a list": (pack([1, 2]), "header is of another kind"),
    "header nested to exhaust the stack": (pack(b"[" * 500_000), "header is damaged"),
    "endless number": (pack(b'{"a": ' + b"9" * 10_000 + b"}"), "header is damaged"),
    "an embedding": (safetensors.torch.save({"emb_params": torch.zeros(3, 768)}), "holds no keypoint tokens"),
    "metadata of another tool": (with_metadata(format="pt"), "holds no keypoint tokens"),
    "metadata that are a text": (pack(HEADER | {"__metadata__": "format"}, DATA), "holds no keypoint tokens"),
    "newer version": (with_metadata(version="2"), r"version 2 is newer than this pack can read \(1\). Update"),
    "version of many digits": (with_metadata(version="9" * 5000), "version is unknown"),
    "version that is a number": (with_metadata(version=1), "version is unknown"),
    "another model": (with_metadata(model_family="SDXL"), "family 'SDXL'; this pack reads those of SD1.x"),
    "no description": (with_metadata(keypoints=None), "description of its keypoints is missing"),
    "damaged description": (with_metadata(keypoints="{"), "description of the keypoints is damaged"),
    "nested description": (with_metadata(keypoints="[" * 100_000), "description of the keypoints is damaged"),
    "missing field": (with_metadata(keypoints="{}"), "'picked' should be a list of rows, got None"),
    "picked text": (with_facts(picked=["0", "1", "2"]), "'picked' should be a list of rows"),
    "picked truth values": (with_facts(picked=[True, False, True]), "'picked' should be"),
    "picked row that is not there": (with_facts(picked=[0, 1, 7]), "different rows of the context"),
    "no keypoint": (with_facts(picked=[], names=[], skeleton=[]), "different rows of the context"),
    "names that are numbers": (with_facts(names=[1, 2, 3]), "'names' should be a list of printable names"),
    "names with half a letter": (with_facts(names=["a", "b", "\ud800"]), "'names' should be"),
    "the same name twice": (with_facts(names=["a", "b", "a"]), "3 keypoints and 3 names; each needs one of its own"),
    "limb of three": (with_facts(skeleton=[[0, 1, 2]]), "'skeleton' should be a list of pairs"),
    "limb to nowhere": (with_facts(skeleton=[[0, 3]]), "two different keypoints from 0 to 2"),
    "unknown layer": (with_facts(layers=["output.99"]), "Expected layers among"),
    "timestep out of range": (with_facts(t=1000), "between 0 .* and 999"),
    "timestep that is a fraction": (with_facts(t=1.5), "'t' should be a whole number, got 1.5"),
    "huge maps": (with_facts(map_size=10**7), "must be 8 to 1024"),
    "a row for hidden ones that is a keypoint": (with_facts(hidden=0), "and no keypoint; got 0"),
    "a row for hidden ones beyond the context": (with_facts(hidden=7), "0 to"),
    "a row for hidden ones that is a text": (with_facts(hidden="last"), "'hidden' should be a row or nothing"),
    "learned list": (with_facts(learned=["steps", 1]), "'learned' should be"),
    "learned infinity": (with_facts(learned={"loss": float("inf")}), "'learned' should be"),
    "half precision": (with_context_entry(dtype="F16"), r"context should be float32 \[tokens, 768\], got .*F16"),
    "another width": (with_context_entry(shape=[5, 1024]), r"float32 \[tokens, 768\], got .*1024"),
    "negative shape": (with_context_entry(shape=[-7, 768]), r"float32 \[tokens, 768\]"),
    "endless shape": (with_context_entry(shape=[10**30, 768]), r"float32 \[tokens, 768\]"),
    "no rows": (pack(HEADER | {"context": {"dtype": "F32", "shape": [0, 768], "data_offsets": [0, 0]}}), "should be"),
    "shape unlike its bytes": (with_context_entry(shape=[6, 768]), "does not fit its shape"),
    "offsets backwards": (with_context_entry(data_offsets=[len(DATA), 0]), "does not fit its shape"),
    "an entry that is a list": (pack(HEADER | {"context": [1]}, DATA), "tensor context should be"),
    "one more tensor": (pack(HEADER | {"emb": HEADER["context"]}, DATA), "got 'context', 'emb'"),
    "no context": (pack({"__metadata__": HEADER["__metadata__"]}), "expected the tensors context .* got none"),
    "NaN": (pack(HEADER, b"\0\0\xc0\x7f" + DATA[4:]), "values that are not numbers"),
    "calibration over the context": (
        pack(HEADER | {"calibration": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]}}, DATA),
        "belong to no tensor",
    ),
    "arrangement of other keypoints": (
        pack(
            HEADER | {"arrangement": {"dtype": "F32", "shape": [2, 2, 2], "data_offsets": [len(DATA), len(DATA) + 32]}},
            DATA + bytes(32),
        ),
        r"arrangement should be float32 \[2, 3, 3\]",
    ),
    "arrangement without spreads": (
        pack(
            HEADER | {"arrangement": {"dtype": "F32", "shape": [2, 3, 3], "data_offsets": [len(DATA), len(DATA) + 72]}},
            DATA + bytes(72),
        ),
        r"spreads above 0",
    ),
    "calibration of one keypoint too few": (
        pack(
            HEADER | {"calibration": {"dtype": "F32", "shape": [2, 2], "data_offsets": [len(DATA), len(DATA) + 16]}},
            DATA + bytes(16),
        ),
        r"calibration should be float32 \[3, 2\]",
    ),
}


def test_the_file_that_the_refused_ones_are_made_from_is_good(path):
    path.write_bytes(pack(HEADER, DATA))
    assert torch.equal(load_tokens(path).context, tokens().context)


@pytest.mark.parametrize(("data", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_is_not_ours_is_refused_by_name_and_reason(path, data, words):
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"(?s)^people\.safetensors: .*{words}") as error:
        load_tokens(path)
    assert len(str(error.value)) < 500


def test_a_file_of_many_gigabytes_is_refused_without_reading_it(path):
    with open(path, "wb") as file:
        file.write(pack(HEADER))
        file.truncate(2**36)  # sparse: 64 GB that take no place
    with pytest.raises(ValueError, match="65536 MB, a token file at most 64"):
        load_tokens(path)


def test_a_missing_file_is_named(path):
    with pytest.raises(FileNotFoundError, match="people"):
        load_tokens(path)
