"""Networks on a real Ray cluster of this machine: same predictions, no lost request, a full queue, a light app."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from cnn_demo.images.samples import sample_photos
from cnn_demo.models import find, load, load_here
from cnn_demo.models.cluster.client import NAMESPACE, deploy
from cnn_demo.models.cluster.remote_models import remote_model
from cnn_demo.models.cluster.settings import Settings
from cnn_demo.turns import Busy

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]
ROOT = Path(__file__).resolve().parents[4]
KEY = "cifar10_cnn"


@pytest.fixture(scope="module")
def cluster():
    """A cluster whose processes have the tests' priority; Ray's default is a low one."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements-scale.txt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("CNN_DEMO_BACKEND", "ray")
        context = ray.init("local", num_cpus=8, namespace=NAMESPACE, include_dashboard=False, log_to_driver=False)
        yield context.address_info["gcs_address"]
        ray.shutdown()


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    return [sample.load(max_side=320).pixels for sample in sample_photos()[:3]]


def replicas(key: str) -> list[psutil.Process]:
    """The processes of this test that run a network."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if f"ServeReplica:{key}:" in " ".join(child.cmdline())]


def test_predictions_are_those_of_this_process(cluster, photos):
    classifier, detector = load(KEY), load("everyday_detector")
    assert remote_model(find(KEY)) is classifier
    here = load_here("everyday_detector")
    here.wait_for_export()
    for photo in photos:
        np.testing.assert_allclose(
            classifier.predict(photo).probabilities, load_here(KEY).predict(photo).probabilities, atol=1e-6
        )
        found, expected = detector.predict(photo, confidence=0.3), here.predict(photo, confidence=0.3)
        np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=1e-2)
        np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-4)
        assert found.data["class_name"].tolist() == expected.data["class_name"].tolist()
    with pytest.raises(ValueError, match="fit"):
        classifier.predict(photos[0], fit="stretch")


def test_a_killed_replica_loses_no_request(cluster, photos):
    deploy(find(KEY), Settings(2, 2))
    model = load(KEY)
    expected = load_here(KEY).predict(photos[0]).probabilities
    while len(replicas(KEY)) < 2:
        time.sleep(0.2)
    victim = replicas(KEY)[0]
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(model.predict, photos[0]) for _ in range(200)]
        answers[20].result()
        victim.send_signal(signal.SIGKILL)
        for answer in answers:
            np.testing.assert_allclose(answer.result().probabilities, expected, atol=1e-5)
    assert not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE


def test_a_full_queue_is_told(cluster, photos):
    deploy(find(KEY), Settings(1, 1, batch=1, queue=1))
    model = load(KEY)

    def outcome(_: int) -> str:
        try:
            return model.predict(photos[0]).engine
        except Busy as error:
            return str(error)

    with ThreadPoolExecutor(30) as threads:
        outcomes = list(threads.map(outcome, range(120)))
    busy = [text for text in outcomes if text.startswith("The networks are busy")]
    assert 0 < len(busy) < len(outcomes)


def test_a_network_that_finds_no_core_is_refused_and_others_go_on(cluster, photos, monkeypatch):
    monkeypatch.setenv("CNN_DEMO_CPUS", "100")
    with ThreadPoolExecutor(2) as threads:
        waiting = threads.submit(load, "caltech_localizer")
        assert load(KEY).predict(photos[0]).labels
        with pytest.raises(Busy, match="The cluster has no free core"):
            waiting.result()
    with pytest.raises(Busy, match="The cluster has no free core"):  # at once, since Ray has found out
        load("caltech_localizer")
    monkeypatch.delenv("CNN_DEMO_CPUS")
    deploy(find("caltech_localizer"), Settings(1, 1))
    assert load("caltech_localizer").predict(photos[0]).device == "cpu"


def test_the_app_imports_no_framework(cluster):
    program = """
import sys
import numpy as np
from cnn_demo.models import load
for key in ("cifar10_cnn", "everyday_detector"):
    load(key).predict(np.zeros((64, 64, 3), np.uint8))
print(sorted({"torch", "tensorflow", "keras", "triton", "openvino", "ultralytics"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "RAY_ADDRESS": cluster},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr[-2000:]
