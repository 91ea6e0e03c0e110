"""Masks for cats without any: what the two teachers agree on counts, and what they doubt is ignored."""

from types import SimpleNamespace

import numpy as np
import pytest
import supervision as sv

from cnn_demo.models.mask_scores import IGNORED
from training import more_cats, pet_unet

PHOTO = np.zeros((40, 60, 3), np.uint8)
PHOTO[5:30, 10:40] = 240


class Semantic:
    """Calls what is bright a cat; half of that, a dog."""

    def __init__(self, sure: float = 0.9) -> None:
        self.sure, self.sides = sure, []

    def predict(self, pixels, side, keep_probabilities):
        assert keep_probabilities
        self.sides.append(side)
        pet = np.where(pixels[..., 0] > 128, self.sure, 0.1)
        return SimpleNamespace(probabilities=np.stack([1 - pet, pet / 2, pet / 2]).astype(np.float16))


class Instances:
    """Finds what is bright as one pet, and left of column 20 as another one that it is less sure of."""

    def __init__(self, *confidence: float) -> None:
        self.confidence = confidence

    def predict(self, pixels, confidence):
        assert confidence == more_cats.LEAST_CONFIDENCE
        bright = pixels[..., 0] > 128
        masks = np.array([bright, bright & (np.arange(bright.shape[1]) < 20)])[: len(self.confidence)]
        boxes = np.zeros((len(self.confidence), 4))
        return sv.Detections(boxes, mask=masks, confidence=np.array(self.confidence))


def test_the_opinion_is_the_mean_of_both_over_sizes_and_the_mirrored_photo():
    unet = Semantic(0.8)
    sure = more_cats.opinion(unet, Instances(0.49, 0.25), PHOTO)
    assert unet.sides == [*more_cats.SIDES, *more_cats.SIDES]
    inside = PHOTO[..., 0] > 128
    np.testing.assert_allclose(sure[inside], (0.8 + 0.7) / 2, atol=1e-3)  # the surest instance counts, by its root
    np.testing.assert_allclose(sure[~inside], 0.05, atol=1e-3)


def test_without_any_instance_the_unet_alone_is_not_enough():
    sure = more_cats.opinion(Semantic(0.9), Instances(), PHOTO)
    np.testing.assert_allclose(sure.max(), 0.45, atol=1e-3)
    assert more_cats.mask_from(sure) is None


def test_what_is_doubted_is_ignored():
    sure = np.zeros((10, 10), np.float32)
    sure[:5], sure[5] = 0.9, 0.5
    mask = more_cats.mask_from(sure)
    assert mask.dtype == np.uint8
    assert mask[:, 0].tolist() == [1] * 5 + [IGNORED] + [0] * 4


@pytest.mark.parametrize(("cat", "doubt"), [(0, 0), (2, 0), (60, 40), (40, 30)])
def test_a_photo_without_cat_without_ground_or_full_of_doubt_is_left_out(cat, doubt):
    sure = np.zeros(100, np.float32)
    sure[:cat], sure[cat : cat + doubt] = 0.9, 0.5
    assert more_cats.mask_from(sure.reshape(10, 10)) is None


def test_cats_get_masks_and_are_learned_from(masked_archives, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(more_cats, "load", lambda key, device: Semantic() if key == "pet_unet" else Instances(0.9))
    monkeypatch.setattr("sys.argv", ["more_cats", "--data", str(masked_archives), "--out", str(tmp_path / "masks")])
    more_cats.main()
    assert "3 of 3 cats have a mask now." in capsys.readouterr().out
    photos = more_cats.read_masked(masked_archives, tmp_path / "masks")
    assert [photo.name for photo in photos] == ["More_0", "More_1", "More_2"]
    assert (photos[1].mask == 1)[15:45, 35:55].all()
    assert (photos[1].mask == 0)[:, :25].all()
    arguments = ["--epochs", "1", "--side", "64", "--batch", "2", "--pictures", "4", "--out", str(tmp_path / "run")]
    arguments += ["--data", str(masked_archives), "--more-cats", str(tmp_path / "masks")]
    monkeypatch.setattr("sys.argv", ["pet_unet", *arguments, "--first-side", "32"])
    pet_unet.main()
    assert "15 pets to learn from, 2 held back" in capsys.readouterr().out


def test_without_masks_it_says_how_to_make_them(masked_archives, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"run `python -m training\.more_cats` first"):
        more_cats.read_masked(masked_archives, tmp_path)
