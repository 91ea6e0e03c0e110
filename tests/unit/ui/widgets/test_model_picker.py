"""Notes on models: the published one that could be downloaded instead, and the source of each figure."""

import pandas as pd
import pytest

from cnn_demo.models import find, list_models
from cnn_demo.ui.widgets.model_picker import OFFICIAL, official_instead
from cnn_demo.ui.widgets.model_table import figures, models_table, where_weights_are

BUNDLED = find("assorted_yolo11n")


@pytest.fixture(autouse=True)
def empty_caches(monkeypatch, tmp_path):
    for variable in ("CNN_DEMO_WEIGHTS", "TORCH_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.delenv("CNN_DEMO_DOWNLOADS", raising=False)
    return tmp_path


def test_beside_a_bundled_network_the_published_one_is_named(empty_caches, monkeypatch):
    sentence = official_instead(BUNDLED)
    assert "downloads YOLO11n (6 MB), which has 80 classes" in sentence
    assert official_instead(find("yolo11s")) == ""  # published itself
    monkeypatch.setenv("CNN_DEMO_DOWNLOADS", "off")
    assert official_instead(BUNDLED) == ""  # no visitor could download it
    monkeypatch.delenv("CNN_DEMO_DOWNLOADS")
    (empty_caches / find("yolo11n").weights).touch()
    assert official_instead(BUNDLED) == ""  # it is here already


def test_suggested_models_have_the_same_task_and_can_be_downloaded():
    for task, key in OFFICIAL.items():
        assert find(key).task == task
        assert find(key).url


def test_the_table_finds_a_network_of_the_hub_by_its_repository(empty_caches):
    spec = find("segformer-b0-512x512-ade-160k")
    assert where_weights_are([spec]) == {spec.key: "to download"}
    snapshot = empty_caches / f"models--smp-hub--{spec.key}" / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").touch()
    assert spec.availability() == "at hand"
    assert where_weights_are([spec]) == {spec.key: "on this machine"}


@pytest.mark.parametrize(("task", "name"), [("detection", "mAP50-95"), ("semantic-segmentation", "mean IoU")])
def test_figures_of_other_photos_stand_in_a_column_of_their_own(task, name):
    specs = list_models(task)
    table = models_table(specs, {spec.key: "bundled" for spec in specs}, {name: figures(specs, name)})
    for spec, (_, row) in zip(specs, table.iterrows(), strict=True):
        own = row["Metric of a bundled model"]
        assert pd.notna(own) == (spec.url is None)
        if spec.url is None:
            assert spec.metric.dataset in own
            assert pd.isna(row[name])
            assert pd.isna(row["Dataset"])
