"""Semantic segmenters with random weights, compared with torch's functions and the libraries' own loading."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from random_networks import fit_normalizations

from cnn_demo.models import ModelUnavailable, find, frameworks, load
from cnn_demo.models.catalogue.registry import PET_LABELS
from cnn_demo.models.files.weights import find_weights
from cnn_demo.models.preprocessing import SCALINGS
from cnn_demo.models.segmentation import postprocessing
from cnn_demo.models.segmentation.engines import TorchLogits
from cnn_demo.models.segmentation.postprocessing import postprocess
from cnn_demo.models.segmentation.segmenters import (
    SemanticSegmenter,
    build_smp,
    build_torchvision,
    load_torch_segmenter,
)
from cnn_demo.models.segmentation.tiling import Frame
from cnn_demo.results import Segmentation

STRIDE = 8
CLASSES = 5
OWN = replace(
    find("fcn_resnet50"),
    key="own_unet",
    family="smp",
    input_size=(64, 64),
    labels=PET_LABELS,
    weights="own_unet.safetensors",
    scaling="tf",
    builder="Unet",
    options=(
        ("encoder", "tu-resnet18"),
        ("decoder_channels", (128, 64, 32, 16, 16)),
        ("channels", (32, 64, 128, 256)),
    ),
)


def photo(height: int = 64, width: int = 96, seed: int = 0) -> np.ndarray:
    """Coloured blots, with more on them than noise would leave after a stride."""
    import cv2

    coarse = np.random.default_rng(seed).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def lively(network, picture) -> None:
    """Fit the batch normalizations to their inputs, and make the last layer separate the classes."""
    fit_normalizations(network, frameworks.torch().cat([picture, picture.flip(2)]))


@pytest.fixture(scope="module")
def small() -> SemanticSegmenter:
    """Three convolutions and a pooling: the receptive field is small, so that tiles can be exact."""
    torch = frameworks.torch()
    torch.manual_seed(3)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.Tanh(),
        torch.nn.AvgPool2d(STRIDE),
        torch.nn.Conv2d(8, 8, 3, padding=1),
        torch.nn.Tanh(),
        torch.nn.Upsample(scale_factor=STRIDE, mode="nearest"),
        torch.nn.Conv2d(8, CLASSES, 3, padding=1),
    )
    with torch.no_grad():
        network[-1].weight *= 20
    spec = replace(find("fcn_resnet50"), key="small", labels=tuple("abcde"), input_size=(64, 64))
    return SemanticSegmenter(spec, network, "cpu", STRIDE)


@pytest.fixture
def folder(no_models, monkeypatch, tmp_path):
    """An empty weights folder, and no cache."""
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path / "own"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "own").mkdir()
    return tmp_path


def plainly(model: SemanticSegmenter, pixels: np.ndarray, frame: Frame) -> np.ndarray:
    """Probabilities (C, H, W) by torch's own interpolation and softmax, all at once."""
    torch = frameworks.torch()
    scaled = SCALINGS[model.spec.scaling].apply(frame.apply(pixels))
    with torch.inference_mode():
        logits = model.network(torch.tensor(scaled.transpose(2, 0, 1)[None]))
        logits = logits[:, :, : frame.scaled[0], : frame.scaled[1]]
        logits = torch.nn.functional.interpolate(logits, frame.photo, mode="bilinear", align_corners=False)
        return logits.softmax(1)[0].numpy()


@pytest.mark.parametrize("size", [(64, 96), (61, 83), (150, 40), (20, 31), (1, 1), (3, 60)], ids=str)
@pytest.mark.parametrize("side", [None, 40, 128])
def test_post_processing_agrees_with_torch(small, size, side):
    pixels = photo(*size)
    result = small.predict(pixels, side=side, keep_probabilities=True)
    expected = plainly(small, pixels, small.frame(size, side))
    assert isinstance(result, Segmentation)
    assert result.class_map.shape == result.confidence.shape == size
    assert result.class_map.dtype == np.uint8
    best = expected.max(0)
    np.testing.assert_allclose(result.confidence, best, atol=1e-4)
    np.testing.assert_allclose(np.take_along_axis(expected, result.class_map[None].astype(int), 0)[0], best, atol=1e-4)
    np.testing.assert_allclose(result.probabilities, expected, atol=1e-3)
    entropy = -(expected * np.log(np.maximum(expected, 1e-30))).sum(0) / np.log(CLASSES)
    np.testing.assert_allclose(result.entropy(), entropy, atol=1e-4)
    assert result.device == "cpu"
    assert result.milliseconds > 0


def test_the_photo_may_be_left_as_large_as_it_is(small):
    frame = small.frame((123, 77), 77)
    assert frame.scaled == frame.photo == (123, 77)
    assert frame.input == (128, 80)


def test_a_long_photo_fits(small):
    assert small.frame((30, 6000)).input == (24, 4000)


def test_many_rows_at_a_time_or_few_are_the_same(small, monkeypatch):
    whole = small.predict(photo(90, 70), side=50)
    monkeypatch.setattr("cnn_demo.models.segmentation.postprocessing.AT_ONCE", 1)
    rows = small.predict(photo(90, 70), side=50)
    np.testing.assert_array_equal(rows.class_map, whole.class_map)
    np.testing.assert_allclose(rows.entropy(), whole.entropy(), atol=1e-6)


def test_probabilities_are_kept_on_request(small):
    assert small.predict(photo()).probabilities is None
    kept = small.predict(photo(), keep_probabilities=True).probabilities
    assert kept.dtype == np.float16
    np.testing.assert_allclose(kept.astype(np.float32).sum(0), 1, atol=5e-3)


@pytest.mark.parametrize("overlap", [0.25, 0.5])
def test_one_pass_and_tiles_give_the_same_mask(small, overlap):
    pixels = photo(300, 420)
    whole = small.predict(pixels, side=300)
    tiled = small.predict(pixels, "tiled", side=300, tile=128, overlap=overlap)
    assert np.mean(whole.class_map == tiled.class_map) > 0.995
    np.testing.assert_allclose(tiled.confidence, whole.confidence, atol=0.1)
    corner = (slice(50), slice(50))  # of one tile alone
    np.testing.assert_allclose(tiled.confidence[corner], whole.confidence[corner], atol=1e-5)


def test_a_photo_of_one_tile_is_one_pass(small):
    whole, tiled = (small.predict(photo(), mode, tile=512) for mode in ("whole", "tiled"))
    np.testing.assert_array_equal(tiled.confidence, whole.confidence)


def test_nothing_is_stretched_at_the_edges(small):
    """A photo whose size is no multiple of the stride gets the predictions of a longer one that begins with it."""
    longer = photo(96, 96)
    shorter = longer[:, :83]
    result, reference = small.predict(shorter, side=83), small.predict(longer, side=96)
    np.testing.assert_allclose(result.confidence[:, :70], reference.confidence[:, :70], atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "magic"}, "There is no mode 'magic'"),
        ({"side": 0}, "must be 1 or more"),
        ({"side": 9000}, "choose a smaller image size"),
        ({"mode": "tiled", "tile": 100}, "must be a multiple of 8"),
        ({"mode": "tiled", "overlap": 1.5}, "The overlap must be"),
    ],
)
def test_invalid_input_is_refused(small, settings, message):
    with pytest.raises(ValueError, match=message):
        small.predict(photo(), **settings)
    with pytest.raises(ValueError, match="uint8"):
        small.predict(photo().astype(np.float32))


def test_eight_concurrent_visitors_get_the_same_predictions(small):
    photos = [photo(50 + 9 * seed, 90 - 7 * seed, seed) for seed in range(5)]
    serial = [small.predict(pixels, "tiled", tile=32) for pixels in photos]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda i: small.predict(photos[i % 5], "tiled", tile=32), range(40)))
    for i, result in enumerate(together):
        np.testing.assert_array_equal(result.class_map, serial[i % 5].class_map)


@pytest.mark.parametrize(("mode", "runs"), [("whole", 1), ("tiled", 6)])
def test_the_network_runs_only_while_its_lock_is_held(small, monkeypatch, mode, runs):
    engine, held = small._engine, []

    class Watched(TorchLogits):
        def __call__(self, batch):
            held.append(small.lock.locked())
            return engine(batch)

    monkeypatch.setattr(small, "_engine", Watched(small.network, "cpu"))
    small.predict(photo(), mode, tile=32, overlap=0)
    assert held == [True] * runs
    assert not small.lock.locked()


def test_more_classes_than_a_byte_can_count():
    torch = frameworks.torch()
    logits = torch.randn(300, 8, 8)
    result = postprocess(logits, Frame((8, 8), (8, 8), (8, 8)))
    assert result["class_map"].dtype == np.int16
    np.testing.assert_array_equal(result["class_map"], logits.argmax(0).numpy())


@pytest.mark.parametrize("scaled", [(40, 52), (80, 104), (23, 30)])
def test_numpy_and_torch_postprocess_alike(scaled):
    """Torch does so on a GPU, here with a tensor on the CPU; the map is cut, resized and processed in several parts."""
    torch = frameworks.torch()
    torch.manual_seed(1)
    logits = torch.nn.functional.interpolate(3 * torch.randn(1, 21, 12, 14), (96, 112), mode="bilinear")[0]
    frame, rows = Frame((80, 104), scaled, (96, 112)), slice(17, 60)
    logits = logits[:, : scaled[0], : scaled[1]]
    theirs = np.empty((2, 21, 43, 104), np.float16)
    one = postprocessing._rows_in_torch(logits, frame, rows, theirs[0])
    other = postprocessing._rows_in_numpy(logits.numpy(), frame, rows, theirs[1])
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_allclose(one[1:], other[1:], atol=1e-4)
    np.testing.assert_allclose(theirs[0], theirs[1], atol=1e-3)


@pytest.fixture(scope="module")
def unet():
    torch = frameworks.torch()
    torch.manual_seed(0)
    network = build_smp(OWN)
    lively(network, torch.tensor(SCALINGS["tf"].apply(photo()).transpose(2, 0, 1)[None]))
    return network


def test_own_weights_are_loaded_into_an_architecture_built_here(unet, folder):
    from safetensors.torch import save_file

    torch = frameworks.torch()
    save_file({name: value.contiguous() for name, value in unet.state_dict().items()}, folder / "own" / OWN.weights)
    model = load_torch_segmenter(OWN, "cpu")
    assert model.stride == 32
    with torch.inference_mode():
        expected = unet(torch.tensor(SCALINGS["tf"].apply(photo()).transpose(2, 0, 1)[None])).softmax(1)[0].numpy()
    result = model.predict(photo())
    np.testing.assert_allclose(result.confidence, expected.max(0), atol=1e-5)
    assert np.mean(result.class_map == expected.argmax(0)) > 0.999
    assert len(result.coverage()) > 1
    assert result.labels == PET_LABELS
    with pytest.raises(ModelUnavailable, match=r"cannot be read: please replace own_unet\.safetensors\.$"):
        load_torch_segmenter(replace(OWN, labels=("cat", "dog")), "cpu")


@pytest.mark.parametrize("content", [None, b"", b"no weights", bytes(300)])
def test_missing_and_broken_weights_are_one_sentence(folder, content):
    if content is None:
        with pytest.raises(ModelUnavailable, match=r"not on this machine: own_unet\.safetensors is missing\.$"):
            load_torch_segmenter(OWN, "cpu")
        return
    (folder / "own" / OWN.weights).write_bytes(content)
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        load_torch_segmenter(OWN, "cpu")


def test_a_network_of_the_hub_equals_the_librarys_own(folder):
    """Its file as the hub's cache keeps it; SMP's own `from_pretrained` reads the same."""
    torch, smp = frameworks.torch(), frameworks.segmentation_models_pytorch()
    spec = find("segformer-b0-512x512-ade-160k")
    assert spec.availability() == "download"
    snapshot = folder / "hub" / f"models--smp-hub--{spec.key}" / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    torch.manual_seed(1)
    network = build_smp(spec)
    assert sum(parameter.numel() for parameter in network.parameters()) == spec.parameters
    lively(network, torch.tensor(SCALINGS["torch"].apply(photo()).transpose(2, 0, 1)[None]))
    network._save_pretrained(snapshot)
    (snapshot / "config.json").write_text(json.dumps(dict(network.config) | {"_model_class": "Segformer"}))
    assert spec.availability() == "at hand"
    assert find_weights(spec.weights).path == snapshot / "model.safetensors"
    theirs = smp.from_pretrained(str(snapshot)).eval()
    model = load(spec.key, "cpu")
    seen = torch.tensor(SCALINGS["torch"].apply(photo()).transpose(2, 0, 1)[None])
    with torch.inference_mode():
        expected = theirs(seen)[0]
    with model.lock:
        ours = model.run(model.batch(photo()))
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=1e-5)
    result = model.predict(photo(50, 70), side=50)
    assert result.class_map.shape == (50, 70)
    assert len(result.labels) == 150


@pytest.mark.parametrize("key", ["lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large"])
def test_a_segmenter_of_torchvision_equals_torchvisions_own(key, folder):
    torch, models = frameworks.torch(), frameworks.torchvision().models
    spec = find(key)
    torch.manual_seed(2)
    network = build_torchvision(spec)
    assert sum(parameter.numel() for parameter in network.parameters()) == spec.parameters
    seen = torch.tensor(SCALINGS["torch"].apply(photo()).transpose(2, 0, 1)[None])
    lively(network, seen)
    state = {name: value for name, value in network.state_dict().items() if not name.endswith("batches_tracked")}
    torch.save(state, folder / "own" / spec.weights)
    weights = models.get_model_weights(spec.builder).DEFAULT
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(weights), "get_state_dict", lambda *_args, **_settings: network.state_dict())
        theirs = models.get_model(spec.builder, weights=weights).eval()
    with torch.inference_mode():
        expected = theirs(seen)["out"].softmax(1)[0].numpy()
    result = load(spec.key, "cpu").predict(photo(), side=64)
    np.testing.assert_allclose(result.confidence, expected.max(0), atol=1e-4)
    assert np.mean(result.class_map == expected.argmax(0)) > 0.99
