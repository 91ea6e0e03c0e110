"""The cluster's parts that need no Ray: settings, batches, remote models, and the sentences for visitors."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cnn_demo.images.samples import sample_photos
from cnn_demo.models import ModelUnavailable, find, load, load_here, warm_up
from cnn_demo.models.catalogue.specs import ModelSpec
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.cluster import client, command
from cnn_demo.models.cluster import starting as cluster_starts
from cnn_demo.models.cluster.remote_models import made_remote
from cnn_demo.models.cluster.replica import Call, describe, run_all
from cnn_demo.models.cluster.settings import Settings, settings_here, uses_cluster
from cnn_demo.models.cluster.starting import _State as State
from cnn_demo.models.detection.yolo_detector import YoloDetector
from cnn_demo.models.explanation.cams import class_gradients
from cnn_demo.turns import Busy, network_turns


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    return [sample.load(max_side=320).pixels for sample in sample_photos()[:3]]


class Elsewhere:
    """A network on a cluster that is in this process, and records its calls."""

    def __init__(self, key: str) -> None:
        self.model = load_here(key)
        self.calls: list[str] = []

    def describe(self):
        return describe(self.model)

    def call(self, method: str, *args, **kwargs):
        self.calls.append(method)
        ((succeeded, result),) = run_all(self.model, [Call(method, args, kwargs)])
        if not succeeded:
            raise result
        return result


def test_settings_come_from_the_environment(monkeypatch):
    assert not uses_cluster()
    assert settings_here() == Settings()
    for name, value in {"REPLICAS": "2:5", "BATCH": "4", "QUEUE": "9", "CPUS": "3", "GPUS": "0.25"}.items():
        monkeypatch.setenv(f"CNN_DEMO_{name}", value)
    assert settings_here() == Settings(2, 5, batch=4, queue=9, cpus=3, gpus=0.25)
    monkeypatch.setenv("CNN_DEMO_REPLICAS", "3")
    assert (settings_here().min_replicas, settings_here().max_replicas) == (3, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [("REPLICAS", "4:1"), ("REPLICAS", "many"), ("BATCH", "0"), ("GPUS", "-1"), ("GPUS", "nan"), ("CPUS", "0")],
)
def test_wrong_settings_are_refused(monkeypatch, name, value):
    monkeypatch.setenv(f"CNN_DEMO_{name}", value)
    with pytest.raises(ValueError):  # noqa: PT011
        settings_here()


def test_a_backend_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setenv("CNN_DEMO_BACKEND", "spark")
    with pytest.raises(ValueError, match="must be local or ray, not 'spark'"):
        load("cifar10_cnn")


def test_without_ray_the_visitor_reads_a_sentence(monkeypatch):
    monkeypatch.setenv("CNN_DEMO_BACKEND", "ray")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ModelUnavailable, match=r"Ray is not installed: please install requirements-scale\.txt"):
        load("cifar10_cnn")
    assert load("cifar10_cnn", "cpu").device == "cpu"  # a device that was asked for is this machine's


def test_as_many_turns_as_the_replicas_accept(monkeypatch):
    monkeypatch.setenv("CNN_DEMO_BACKEND", "ray")
    monkeypatch.setenv("CNN_DEMO_REPLICAS", "1:3")
    monkeypatch.setenv("CNN_DEMO_BATCH", "4")
    assert network_turns.__wrapped__()._at_once == 3 * 2 * 4


def test_a_batch_has_the_predictions_of_single_photos(photos):
    model = load_here("cifar10_cnn")
    calls = [Call("predict", (photo,), {"fit": "crop"}) for photo in photos]
    calls.insert(1, Call("predict", (photos[0][:, :, 0],), {}))
    outcomes = run_all(model, calls)
    assert [succeeded for succeeded, _ in outcomes] == [True, False, True, True]
    assert isinstance(outcomes.pop(1)[1], ValueError)
    for photo, (_, found) in zip(photos, outcomes, strict=True):
        np.testing.assert_allclose(found.probabilities, model.predict(photo).probabilities, atol=1e-5)
        assert (found.labels, found.engine) == (model.labels, model.predict(photo).engine)


def test_calls_of_other_networks_keep_their_order_and_errors(photos):
    model = load_here("caltech_localizer")
    outcomes = run_all(model, [Call("predict", (photos[0],), {}), Call("predict", (photos[1],), {"threshold": 2})])
    assert outcomes[0][1].probability == model.predict(photos[0]).probability
    assert not outcomes[1][0]
    assert isinstance(outcomes[1][1], ValueError)


def test_a_remote_model_is_one_of_its_class_and_predicts_elsewhere(photos):
    network = Elsewhere("cifar10_cnn")
    model = made_remote(find("cifar10_cnn"), network)
    assert isinstance(model, Classifier)
    assert f"{type(model).__module__}.{type(model).__qualname__}" == f"{Classifier.__module__}.Classifier"
    assert model.labels == network.model.labels
    expected = network.model.predict(photos[0])
    np.testing.assert_array_equal(model.predict(photos[0]).probabilities, expected.probabilities)
    assert model.prepare(photos[0]).shape == (32, 32, 3)
    with pytest.raises(ValueError, match="fit"):
        model.predict(photos[0], fit="stretch")
    assert network.calls == ["predict", "predict"]


def test_gradients_use_the_network_of_this_process(photos):
    network = Elsewhere("cifar10_cnn")
    model = made_remote(find("cifar10_cnn"), network)
    seen = model.prepare(photos[0])
    for found, expected in zip(class_gradients(model, seen, 3), class_gradients(network.model, seen, 3), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert network.calls == []


def test_a_remote_detector_has_what_pages_show():
    network = Elsewhere("everyday_detector")
    model = made_remote(find("everyday_detector"), network)
    assert isinstance(model, YoloDetector)
    for name in ("device", "labels", "sides", "strides", "needs_nms"):
        assert getattr(model, name) == getattr(network.model, name)
    model.wait_for_export()
    assert not network.calls


class Overloaded(Exception): ...


class Died(Exception): ...


class Answer:
    """A handle of Ray Serve that fails as often as it is told."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def remote(self, *args):
        return self

    def result(self, timeout_s: float):
        if self.errors:
            raise self.errors.pop(0)
        return True, "found"


@pytest.fixture
def network(monkeypatch):
    monkeypatch.setattr(client, "_errors", lambda: ((Died,), Overloaded))
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.0)

    def make(*errors: Exception) -> client.RemoteNetwork:
        monkeypatch.setattr(client, "handle_of", lambda spec: Answer(*errors))
        return client.RemoteNetwork(find("cifar10_cnn"))

    return make


def test_a_call_is_repeated_while_replicas_die(network):
    assert network(*[Died()] * (client.ATTEMPTS - 1)).call("predict") == "found"
    with pytest.raises(ModelUnavailable, match="does not answer"):
        network(*[Died()] * client.ATTEMPTS).call("predict")


def test_a_full_queue_is_told_in_a_sentence(network):
    with pytest.raises(Busy, match="The networks are busy, and 40 visitors are waiting already"):
        network(Overloaded(40, 40)).call("predict")
    with pytest.raises(Busy, match="took too long"):
        network(TimeoutError()).call("predict")


def test_the_networks_that_pages_begin_with_are_deployed_beforehand(monkeypatch):
    loaded = []
    monkeypatch.setattr(warm_up, "_run", lambda key, pixels: loaded.append(key))
    monkeypatch.setattr(
        warm_up, "load_classifier", lambda key: SimpleNamespace(activations=lambda _: loaded.append(key))
    )
    monkeypatch.setattr(warm_up.frameworks, "openvino", lambda: None)
    monkeypatch.setattr(warm_up.frameworks, "keras", lambda: None)
    for step in warm_up.steps():
        step()
    assert {warm_up.WALK, *warm_up.COMPARED} <= set(loaded) <= {spec.key for spec in command._defaults()}


@pytest.fixture
def starting(monkeypatch):
    """A cluster on which a network has one state after the other, each after a minute."""
    now = [0.0]
    monkeypatch.setattr(cluster_starts, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: None))

    def begin(*states: State) -> ModelSpec:
        left = list(states)

        def state_of(spec):
            now[0] += 60
            return left.pop(0) if len(left) > 1 else left[0]

        monkeypatch.setattr(cluster_starts, "_state_of", state_of)
        return find("cifar10_cnn")

    return begin


STARTING, RUNNING = State("DEPLOYING", "", 0), State("RUNNING", "", 1)
NO_CORE = State("DEPLOYING", "1 replicas that have taken more than 30s to be scheduled.", 0)
HALF = replace(NO_CORE, running=1)


def test_a_start_ends_with_the_first_replica_for_visitors_and_with_the_last_for_operators(starting):
    cluster_starts.wait_for_first_replica(starting(STARTING, STARTING, HALF))
    cluster_starts.wait_for_all_replicas(starting(STARTING, NO_CORE, RUNNING))
    with pytest.raises(ModelUnavailable, match="no free cores or GPUs for all of its replicas"):
        cluster_starts.wait_for_all_replicas(starting(STARTING, HALF))


def test_a_full_cluster_and_a_long_start_are_told_in_a_sentence(starting):
    with pytest.raises(Busy, match=r"has no free core for “.*” now: please .* \(CNN_DEMO_REPLICAS\)\.$"):
        cluster_starts.wait_for_first_replica(starting(STARTING, NO_CORE))
    with pytest.raises(Busy, match="is still starting on the cluster: please try again"):
        cluster_starts.wait_for_first_replica(starting(STARTING))
    with pytest.raises(ModelUnavailable, match="takes too long to start"):
        cluster_starts.wait_for_all_replicas(starting(STARTING))


def test_a_cluster_that_is_not_reached_is_not_tried_by_every_visitor(monkeypatch):
    tries = []

    def init(*args, **kwargs):
        tries.append(args)
        raise ConnectionError("nothing there")

    fake = SimpleNamespace(is_initialized=lambda: False, init=init, exceptions=SimpleNamespace(RayError=OSError))
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setattr(client, "_LATER", [0.0])
    for _ in range(3):
        with pytest.raises(ModelUnavailable, match="run on a cluster, which cannot be reached now"):
            client.connect()
    assert len(tries) == 1
    client._LATER[0] = 0.0
    with pytest.raises(ModelUnavailable):
        client.connect()
    assert len(tries) == 2
