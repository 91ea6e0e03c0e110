"""A head is saved and loaded exactly; any other file is refused in one sentence."""

import json
import pickle
import struct

import numpy as np
import pytest
from safetensors.numpy import save

from cnn_demo.models import load
from cnn_demo.models.transfer import heads
from cnn_demo.models.transfer.heads import MAX_HEAD_BYTES, Head, HeadError, check_fit, load_head, save_head

ABOUT = {"version": 1, "backbone": "cifar10_cnn", "fit": "squash", "labels": ["Straße", "猫 cat", "x" * 40]}


def arrays(size: int = 128, classes: int = 3) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(0)
    return {
        "weights": chance.normal(size=(size, classes)).astype(np.float32),
        "bias": chance.normal(size=classes).astype(np.float32),
        "mean": chance.normal(size=size).astype(np.float32),
        "scale": chance.uniform(0.1, 3, size).astype(np.float32),
    }


def head(**changes) -> Head:
    return Head(**arrays(), labels=tuple(ABOUT["labels"]), backbone="cifar10_cnn", fit="squash", **changes)


def file(change: dict | None = None, about: dict | None = None, drop: str = "") -> bytes:
    """A head's file with some other weights or metadata."""
    numbers = {name: array for name, array in (arrays() | (change or {})).items() if name != drop}
    return save(numbers, {"cnn_demo_head": json.dumps(ABOUT | (about or {}))})


def metadata(text: str) -> bytes:
    return save(arrays(), {"cnn_demo_head": text})


def test_the_round_trip_is_exact():
    saved = save_head(head())
    loaded = load_head(saved)
    for name, array in arrays().items():
        np.testing.assert_array_equal(getattr(loaded, name), array)
        assert getattr(loaded, name).dtype == np.float32
    assert (loaded.labels, loaded.backbone, loaded.fit) == (tuple(ABOUT["labels"]), "cifar10_cnn", "squash")
    assert save_head(loaded) == saved
    features = np.random.default_rng(1).normal(size=(5, 128)).astype(np.float32)
    np.testing.assert_array_equal(loaded.probabilities(features), head().probabilities(features))


def test_the_file_of_the_other_tests_is_valid():
    assert load_head(file()).labels == tuple(ABOUT["labels"])


def test_probabilities_are_a_softmax_on_standardized_features():
    parts = arrays()
    features = np.random.default_rng(1).normal(size=(5, 128)).astype(np.float32)
    logits = ((features - parts["mean"]) / parts["scale"]) @ parts["weights"] + parts["bias"]
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    found = head().probabilities(features)
    np.testing.assert_allclose(found, powers / powers.sum(axis=1, keepdims=True), atol=1e-4)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    with pytest.raises(ValueError, match=r"takes \(N, 128\) features"):
        head().probabilities(features[:, :100])


def test_extreme_but_finite_weights_give_probabilities():
    extreme = {"weights": np.full((128, 3), 3e38, np.float32), "scale": np.full(128, 1e-45, np.float32)}
    extreme["weights"][:, 1] *= -1
    found = load_head(file(extreme)).probabilities(np.full((2, 128), -3e38, np.float32))
    np.testing.assert_array_equal(found, [[0, 1, 0]] * 2)


def test_its_arrays_are_read_only():
    for name in arrays():
        with pytest.raises(ValueError, match="read-only"):
            getattr(load_head(file()), name)[0] = 1


def test_a_head_of_an_unknown_backbone_cannot_be_saved():
    with pytest.raises(HeadError, match="does not have"):
        save_head(Head(**arrays(), labels=("a", "b", "c")))


class Evil:
    """Unpickled, it would raise."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a valid safetensors file"),
        (b"\x00" * 100, "not a valid safetensors file"),
        (b"\xff" * 8 + b"{}", "not a valid safetensors file"),
        (pickle.dumps(Evil()), "not a valid safetensors file"),
        (file()[:-1], "not a valid safetensors file"),
        (file() + b"x", "not a valid safetensors file"),
        (bytes(MAX_HEAD_BYTES + 1), "too large"),
        (struct.pack("<Q", 6) + b"[1, 2]", "not a valid safetensors file"),
        (save(arrays()), "does not contain a head of this app"),
        (save(arrays(), {"format": "pt"}), "does not contain a head of this app"),
        (metadata("not JSON"), "does not contain a head of this app"),
        (metadata("[" * 100_000), "does not contain a head of this app"),
        (metadata("[1, 2]"), "does not contain a head of this app"),
        (file(about={"labels": "abc"}), "does not contain a head of this app"),
        (file(about={"labels": ["a", "b", 3]}), "does not contain a head of this app"),
        (file(about={"labels": None}), "does not contain a head of this app"),
        (file(about={"backbone": ["cifar10_cnn"]}), "does not contain a head of this app"),
        (file(about={"fit": None}), "does not contain a head of this app"),
        (file(about={"version": 2}), "another version"),
        (file(about={"version": None}), "another version"),
        (file(about={"backbone": "resnet_9000"}), "does not have"),
        (file(about={"backbone": ""}), "does not have"),
        (file(about={"fit": "stretch"}), "unknown fit"),
        (file(about={"labels": ["a", "b", "c" * 41]}), "different names"),
        (file(about={"labels": ["a", "b", " c"]}), "different names"),
        (file(about={"labels": ["a", "b", "c\n"]}), "different names"),
        (file(about={"labels": ["a", "b", "B"]}), "different names"),
        (file(about={"labels": ["a", "b", ""]}), "different names"),
        (file(about={"labels": ["a", "b"]}), "check its weights"),
        (file({"bias": np.zeros(1, np.float32)}, {"labels": ["a"]}), "2 to 6 classes"),
        (file(about={"labels": list("abcdefg")}), "2 to 6 classes"),
        (file(drop="scale"), "does not contain a head"),
        (file({"more": np.zeros(3, np.float32)}), "does not contain a head"),
        (file({"bias": np.zeros(3)}), "does not contain a head"),
        (file({"bias": np.zeros(3, np.float16)}), "does not contain a head"),
        (file({"bias": np.zeros(3, np.int32)}), "does not contain a head"),
        (file({"bias": np.zeros((3, 1), np.float32)}), "check its bias"),
        (file({"bias": np.zeros(4, np.float32)}), "check its bias"),
        (file({"weights": np.zeros((3, 128), np.float32)}), "check its weights"),
        (file({"weights": np.zeros(384, np.float32)}), "check its weights"),
        (file({"mean": np.zeros(127, np.float32)}), "check its weights"),
        (file({"mean": np.zeros((), np.float32)}), "check its weights"),
        (file({"scale": np.ones((128, 1), np.float32)}), "check its scale"),
        (file({**arrays(0)}), "check its weights"),
        (file({"mean": np.full(128, np.nan, np.float32)}), "not finite"),
        (file({"weights": np.full((128, 3), np.inf, np.float32)}), "not finite"),
        (file({"scale": np.zeros(128, np.float32)}), "divides by zero"),
        (file({"scale": np.full(128, -1, np.float32)}), "divides by zero"),
    ],
)
def test_invalid_heads_are_refused_in_one_sentence(data, message):
    with pytest.raises(HeadError, match=message) as refused:
        load_head(data)
    assert ". " not in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_file_with_any_byte_changed_is_read_or_refused_but_never_fails_otherwise():
    data, chance = file(), np.random.default_rng(0)
    header = 8 + int.from_bytes(data[:8], "little")
    refused = 0
    for offset in chance.integers(0, header, 300):
        changed = bytearray(data)
        changed[offset] = chance.integers(256)
        try:
            load_head(bytes(changed))
        except HeadError:
            refused += 1
    assert refused > 100


def test_a_head_must_fit_the_model():
    model = load("cifar10_cnn")
    check_fit(head(), model)
    smaller = Head(**arrays(64), labels=("a", "b", "c"), backbone="cifar10_cnn")
    with pytest.raises(HeadError, match=r"takes 64 features, but CIFAR-10 residual network gives 128"):
        check_fit(smaller, model)
    other = Head(**arrays(), labels=("a", "b", "c"), backbone="mobilenet_v2")
    with pytest.raises(HeadError, match="trained on MobileNetV2, not on CIFAR-10"):
        check_fit(other, model)


def test_the_largest_head_is_below_the_limit():
    size = 4096  # VGG's features
    largest = Head(**arrays(size, 6), labels=tuple(str(n) * 40 for n in range(6)), backbone="vgg16")
    assert len(save_head(largest)) < heads.MAX_HEAD_BYTES / 4
