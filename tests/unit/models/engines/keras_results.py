"""Run Keras networks on the backend that CNN_DEMO_KERAS names, and write every kind of result into a file.

`python keras_results.py FILE`; `test_engines.py` runs it once for each backend, as a process holds only one.
"""

import sys

import numpy as np

from cnn_demo.images import Photo
from cnn_demo.images.samples import sample_photos
from cnn_demo.models import frameworks, load_classifier, load_localizer
from cnn_demo.models.engines import engine_name
from cnn_demo.models.explanation.channel_ablation import cut_network, estimated_losses, scaled_logits
from cnn_demo.models.explanation.contrast import channel_evidence, contrast
from cnn_demo.models.explanation.explain import METHODS, effective_field, explain, logit_gradient
from cnn_demo.models.explanation.feature_maps import convolutional_layers, feature_maps
from cnn_demo.models.explanation.one_prediction import explain_prediction
from cnn_demo.models.explanation.targets import BoxTarget, ClassTarget
from cnn_demo.models.explanation.top_patches import ActivationExtractor, window_activations
from cnn_demo.models.robustness.adversarial import Attacker
from cnn_demo.models.robustness.smallest import smallest_noise
from cnn_demo.models.transfer.backbones import features, random_features
from cnn_demo.models.transfer.fine_tuning import fine_tune
from cnn_demo.models.transfer.linear_head import split, train_head

CLASSES = np.repeat([0, 1], 12)


def results() -> dict[str, np.ndarray]:
    """Return named arrays: logits, activations, explanations, features, boxes and fine-tuned values."""
    photo = next(sample for sample in sample_photos() if "chelsea" in sample.key).load()
    found = {}
    for key, methods in (("cifar10_cnn", METHODS), ("efficientnet_lite0", ["grad_cam"])):
        model = load_classifier(key)
        seen = model.prepare(photo.pixels)
        found[f"{key} logits"] = model.logits(np.stack([seen, seen[::-1]]))
        best = int(found[f"{key} logits"][0].argmax())
        found |= {f"{key} map: {method}": explain(model, seen, best, method) for method in methods}
        early = convolutional_layers(model.network)[1]
        found[f"{key} early map"] = explain(model, seen, best, "layer_cam", early)
        found[f"{key} feature maps"] = feature_maps(model, seen, early)
        found[f"{key} gradient"] = logit_gradient(model, seen, np.eye(len(model.labels), dtype=np.float32)[best])
        top = np.argsort(-found[f"{key} logits"][0])[:2].tolist()
        found |= {f"{key} map: {name}": values for name, values in vars(contrast(model, seen, *top)).items()}
        evidence = channel_evidence(model, seen, *top)
        found[f"{key} channels"] = np.append(evidence.contributions, evidence.difference)
        cut = cut_network(model, seen, early)
        found[f"{key} without channels"] = scaled_logits(model, cut, np.eye(cut.channels, dtype=np.float32))
        found[f"{key} estimated losses"] = estimated_losses(model, seen, early, best).values
        attacker = Attacker(model, seen)
        found[f"{key} direction of an attack"] = attacker.first_direction
        found[f"{key} budgets of an attack"] = np.array(sorted(smallest_noise(attacker, "fgsm").tried.items()))
        found[f"{key} features"] = features(model, [photo])
        for name, values in model.activations(photo.pixels).maps.items():
            found[f"{key} activation of {name}"] = values
    model = load_classifier("cifar10_cnn")
    found["effective field"] = effective_field(model, "block3_relu", model.prepare(photo.pixels))
    patches = window_activations(ActivationExtractor(model), photo.pixels)
    found |= {f"patches of {name}": values for name, values in patches.values.items()}
    found |= fine_tuned(model)
    for key in ("caltech_localizer", "everyday_localizer"):
        localizer = load_localizer(key)
        details = localizer.evidence(photo.pixels)
        found |= {f"{key} logits": details.logits, f"{key} box": details.box_xyxy, f"{key} maps": details.maps}
        corners = tuple(details.box_xyxy.tolist())
        for target in (ClassTarget(0), BoxTarget(0, corners, part="box"), BoxTarget(0, corners, part="right")):
            map_of = explain_prediction(localizer, photo.pixels, target).map
            found[f"{key} map of {getattr(target, 'part', 'class')}"] = map_of
        found[f"{key} boxes"] = localizer.outputs(localizer.prepare(photo.pixels)[None])[1]
    assert np.isfinite(random_features(model, [photo])).all()
    return found


def fine_tuned(model) -> dict[str, np.ndarray]:
    """Return the values of the last block after two epochs of fine-tuning on noise."""
    rng = np.random.default_rng(0)
    photos = [Photo(rng.integers(0, 256, (32, 32, 3), np.uint8), str(k), str(k)) for k in range(len(CLASSES))]
    hold_out = split(CLASSES)[1]
    *_, run = train_head(features(model, photos), CLASSES, ("a", "b"), hold_out, epochs=3, backbone="cifar10_cnn")
    *_, tuned = fine_tune(model, photos, CLASSES, hold_out, run.head, epochs=2, rate=1e-3)
    found = {f"fine-tuned {k}": values for k, values in enumerate(tuned.tail.values)}
    return found | {"fine-tuned features": tuned.tail.features(model, photos[:3])}


if __name__ == "__main__":
    frameworks.thread_count = lambda: 1  # other tests run beside it
    arrays = results()
    if frameworks.keras_backend() == "torch":
        assert "tensorflow" not in sys.modules
    print(engine_name())
    np.savez(sys.argv[1], **{name.replace("/", "|"): values for name, values in arrays.items()})
