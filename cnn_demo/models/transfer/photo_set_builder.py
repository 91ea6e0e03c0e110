"""Builder of a photo set, for a visitor who adds and removes photos step by step.

Builders are immutable: each step returns a new one, so that steps can be undone. Rejected photos are reported in one
sentence each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from cnn_demo.images import ImageError, Photo, read_photo
from cnn_demo.models.transfer.photo_sets import (
    MAX_CLASSES,
    MAX_PHOTOS,
    MAX_SIDE,
    MIN_CLASSES,
    MIN_PHOTOS,
    PhotoSet,
    PhotoSetError,
    check_labels,
    clean_label,
    left_out,
    photo_set,
    unreadable,
)


@dataclass(frozen=True)
class ClassBuilder:
    """A class of a photo set under construction.

    Attributes:
        number: Identifier, unique among all classes that the builder ever had.
        name: Name as typed by the visitor.
        photos: Photos of the class; no photo occurs twice in the builder.
    """

    number: int
    name: str
    photos: tuple[Photo, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class PhotoSetBuilder:
    """A photo set under construction, with up to six classes and unchecked names.

    Attributes:
        classes: Classes in display order.
        made: Number of classes ever created.
    """

    classes: tuple[ClassBuilder, ...] = ()
    made: int = 0

    @classmethod
    def begin(cls) -> PhotoSetBuilder:
        """Return a builder with the minimum number of classes, without photos."""
        draft = cls()
        for _ in range(MIN_CLASSES):
            draft = draft.with_class()
        return draft

    @property
    def photos(self) -> int:
        """Number of photos."""
        return sum(len(each.photos) for each in self.classes)

    def with_class(self) -> PhotoSetBuilder:
        """Add an empty class, unless the maximum is reached."""
        if len(self.classes) >= MAX_CLASSES:
            return self
        added = ClassBuilder(self.made + 1, f"Class {self.made + 1}")
        return PhotoSetBuilder((*self.classes, added), self.made + 1)

    def without_class(self, number: int) -> PhotoSetBuilder:
        """Remove a class and its photos."""
        return replace(self, classes=tuple(each for each in self.classes if each.number != number))

    def renamed(self, number: int, name: str) -> PhotoSetBuilder:
        """Rename a class; names are validated by `checked`."""
        return self._with(number, lambda each: replace(each, name=name))

    def without_photo(self, number: int, key: str) -> PhotoSetBuilder:
        """Remove one photo from a class, by its key."""
        return self._with(
            number, lambda each: replace(each, photos=tuple(photo for photo in each.photos if photo.key != key))
        )

    def with_photos(
        self,
        number: int,
        files: Sequence[tuple[str, bytes]],
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> tuple[PhotoSetBuilder, tuple[str, ...]]:
        """Add readable photos to a class, without duplicates and up to the maximum.

        Args:
            number: Number of the class.
            files: (name, bytes) of each file.
            progress: Callback that receives the processed and total number of files.

        Returns:
            The builder with the accepted photos, and sentences on the photos that were left out.
        """
        held = {photo.sha256: each for each in self.classes for photo in each.photos}
        target = next(each for each in self.classes if each.number == number)
        photos = list(target.photos)
        refused = []
        twice = 0
        looked_at = files[:MAX_PHOTOS]  # do not decode files for a full class
        for done, (name, data) in enumerate(looked_at, start=1):
            if len(photos) >= MAX_PHOTOS:
                looked_at = files[: done - 1]
                break
            try:
                photo = read_photo(data, name, MAX_SIDE)
            except ImageError as error:
                refused.append(unreadable(name, target.name, error))
            else:
                owner = held.setdefault(photo.sha256, target)
                if owner.number != number:
                    refused.append(f"“{photo.name}” in “{target.name}” was left out: it is in “{owner.name}” already.")
                elif any(photo.sha256 == other.sha256 for other in photos):
                    twice += 1
                else:
                    photos.append(photo)
            progress(done, len(files))
        changed = self._with(number, lambda each: replace(each, photos=tuple(photos)))
        return changed, left_out(refused, twice, len(files) - len(looked_at))

    def replaced_by(self, photos: PhotoSet) -> PhotoSetBuilder:
        """Replace all classes with those of a photo set."""
        classes = tuple(
            ClassBuilder(
                self.made + 1 + index,
                label,
                tuple(photo for photo, of in zip(photos.photos, photos.classes, strict=True) if of == index),
            )
            for index, label in enumerate(photos.labels)
        )
        return PhotoSetBuilder(classes, self.made + len(classes))

    def checked(self) -> PhotoSet:
        """Return the finished photo set.

        Raises:
            PhotoSetError: If the set is incomplete; the message is one sentence for the visitor.
        """
        if not self.photos:
            raise PhotoSetError(
                f"Add at least {MIN_PHOTOS} photos to each of {MIN_CLASSES} classes, or use the sample set."
            )
        labels = [clean_label(each.name) for each in self.classes]
        check_labels(labels)
        return photo_set({label: each.photos for label, each in zip(labels, self.classes, strict=True)})

    def _with(self, number: int, change: Callable[[ClassBuilder], ClassBuilder]) -> PhotoSetBuilder:
        return replace(self, classes=tuple(change(each) if each.number == number else each for each in self.classes))
