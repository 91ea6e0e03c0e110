"""The table of all figures: every bundled model is in it, and one that cannot be measured here does not end it."""

from cnn_demo.models import ModelUnavailable, list_models
from training import evaluate


def test_every_bundled_model_is_measured():
    bundled = {spec.key for spec in list_models() if spec.card() is not None}
    assert bundled == set(evaluate.EVALUATIONS)


def test_a_model_that_is_not_at_hand_has_its_line(monkeypatch, capsys, tmp_path):
    def missing(folder):
        raise ModelUnavailable("The weights of “MobileNetV2” are not on this machine.")

    figures = {key: lambda folder: [("accuracy", "0.5000", "2 photos")] for key in evaluate.EVALUATIONS}
    monkeypatch.setattr(evaluate, "EVALUATIONS", figures | {"caltech_localizer_mobilenet_v2": missing})
    monkeypatch.setattr("sys.argv", ["evaluate", "--data", str(tmp_path)])
    evaluate.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(figures)
    assert sum("0.5000 | 2 photos" in line for line in lines) == len(figures) - 1
    (line,) = (line for line in lines if "caltech_localizer_mobilenet_v2" in line)
    assert "not measured" in line
    assert "“MobileNetV2” are not on this machine." in line
