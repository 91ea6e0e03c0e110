"""Classes that are being filled: refusals have messages, and photos that were added before stay."""

import io

import numpy as np
import pytest
from PIL import Image

from cnn_demo.models.transfer import photo_set_builder
from cnn_demo.models.transfer.photo_set_builder import PhotoSetBuilder
from cnn_demo.models.transfer.photo_sets import MAX_CLASSES, MAX_PHOTOS, PhotoSetError, gather


def png(seed: int, size: tuple[int, int] = (12, 8)) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def several(count: int, first: int = 0) -> list[tuple[str, bytes]]:
    return [(f"{number}.png", png(number)) for number in range(first, first + count)]


def names(draft: PhotoSetBuilder) -> list[list[str]]:
    return [[photo.name for photo in each.photos] for each in draft.classes]


@pytest.fixture
def filled() -> PhotoSetBuilder:
    """Five photos in each of two classes, called cat and dog."""
    draft = PhotoSetBuilder.begin().renamed(1, "cat").renamed(2, "dog")
    draft, none = draft.with_photos(1, several(5))
    draft, also_none = draft.with_photos(2, several(5, 50))
    assert none == also_none == ()
    return draft


def test_a_filled_draft_is_the_set_that_its_files_make(filled):
    photos, expected = filled.checked(), gather({"cat": several(5), "dog": several(5, 50)})[0]
    assert photos.labels == expected.labels
    assert photos.photos == expected.photos
    np.testing.assert_array_equal(photos.classes, expected.classes)


def test_photos_are_added_to_those_that_are_there_and_made_small(filled):
    more, left_out = filled.with_photos(1, [("large.png", png(7, (500, 1000)))])
    assert names(more) == [[*names(filled)[0], "large.png"], names(filled)[1]]
    assert more.classes[0].photos[-1].pixels.shape == (160, 320, 3)
    assert left_out == ()
    assert filled.photos == 10  # the draft before is as it was


def test_refused_input_gets_a_sentence_and_changes_nothing(filled):
    files = [("notes.pdf", b"%PDF-1.7"), ("new.png", png(99)), ("again.png", png(3)), ("dog.png", png(51))]
    draft, left_out = filled.with_photos(1, [*files, ("new too.png", png(99))])
    assert names(draft) == [[*names(filled)[0], "new.png"], names(filled)[1]]
    assert left_out[0].startswith("“notes.pdf” in “cat” was left out: this looks like a PDF document")
    assert left_out[1] == "“dog.png” in “cat” was left out: it is in “dog” already."
    assert left_out[2:] == ("Left out because they are duplicates: 2 photos.",)


def test_a_full_class_decodes_no_more(filled, monkeypatch):
    full, left_out = filled.with_photos(1, several(MAX_PHOTOS, 100))
    assert len(full.classes[0].photos) == MAX_PHOTOS
    assert left_out == ("Left out because a class has at most 50 photos: 5 photos.",)
    monkeypatch.setattr(photo_set_builder, "read_photo", lambda *given: pytest.fail("decoded a photo without need"))
    assert full.with_photos(1, several(3, 300)) == (
        full,
        ("Left out because a class has at most 50 photos: 3 photos.",),
    )


def test_at_most_fifty_invalid_files_are_read():
    told = []
    files = [(str(number), b"?") for number in range(2 * MAX_PHOTOS)]
    _, left_out = PhotoSetBuilder.begin().with_photos(1, files, lambda done, of: told.append((done, of)))
    assert told == [(done, 2 * MAX_PHOTOS) for done in range(1, MAX_PHOTOS + 1)]
    assert left_out[-1] == "Left out because a class has at most 50 photos: 50 photos."


def test_numbers_of_removed_classes_are_not_reused(filled):
    draft = filled.without_class(2).with_class()
    assert [each.number for each in draft.classes] == [1, 3]
    assert [each.name for each in draft.classes] == ["cat", "Class 3"]
    for _ in range(10):
        draft = draft.with_class()
    assert len(draft.classes) == MAX_CLASSES
    replaced = draft.replaced_by(filled.checked())
    assert names(replaced) == names(filled)
    assert not {each.number for each in replaced.classes} & {each.number for each in draft.classes}
    assert replaced.checked().labels == ("cat", "dog")


def test_one_photo_is_taken_out(filled):
    key = filled.classes[1].photos[2].key
    assert names(filled.without_photo(2, key)) == [names(filled)[0], ["50.png", "51.png", "53.png", "54.png"]]
    assert filled.without_photo(1, key) == filled


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda draft: PhotoSetBuilder.begin(), "Add at least 5 photos"),
        (lambda draft: draft.without_class(1), "“dog” is the only class"),
        (lambda draft: draft.with_class(), "“Class 3” has 0 photos"),
        (lambda draft: draft.without_photo(1, draft.classes[0].photos[0].key), "“cat” has 4 photos"),
        (lambda draft: draft.renamed(1, " \t"), "has no name"),
        (lambda draft: draft.renamed(1, "DOG"), "Two classes are called “DOG” and “dog”"),
    ],
)
def test_an_incomplete_set_names_the_missing_part_in_one_sentence(filled, change, says):
    with pytest.raises(PhotoSetError, match=says) as refused:
        change(filled).checked()
    assert str(refused.value).endswith(".")
    assert ". " not in str(refused.value)
