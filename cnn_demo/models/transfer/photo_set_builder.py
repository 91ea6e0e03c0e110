"""A set of photos while a visitor puts it together: what is refused gets a sentence, and takes nothing away.

A draft is never changed: each step gives a new one, so that the one before can be taken back.
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
    """A class that is being filled.

    Attributes:
        number: Tells it from all others that this draft ever had, whatever they are called.
        name: As the visitor typed it.
        photos: No two of the draft are the same file.
    """

    number: int
    name: str
    photos: tuple[Photo, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class PhotoSetBuilder:
    """Classes that are being filled: none to six, whatever they are called.

    Attributes:
        classes: In the order in which they are shown.
        made: How many this draft ever had.
    """

    classes: tuple[ClassBuilder, ...] = ()
    made: int = 0

    @classmethod
    def begin(cls) -> PhotoSetBuilder:
        """Begin with as few classes as there may be, without photos."""
        draft = cls()
        for _ in range(MIN_CLASSES):
            draft = draft.with_class()
        return draft

    @property
    def photos(self) -> int:
        """How many photos it has."""
        return sum(len(each.photos) for each in self.classes)

    def with_class(self) -> PhotoSetBuilder:
        """Add an empty class, where there is room for one."""
        if len(self.classes) >= MAX_CLASSES:
            return self
        added = ClassBuilder(self.made + 1, f"Class {self.made + 1}")
        return PhotoSetBuilder((*self.classes, added), self.made + 1)

    def without_class(self, number: int) -> PhotoSetBuilder:
        """Take a class out, with its photos."""
        return replace(self, classes=tuple(each for each in self.classes if each.number != number))

    def renamed(self, number: int, name: str) -> PhotoSetBuilder:
        """Give a class another name; whether it is a good one is asked when the draft is checked."""
        return self._with(number, lambda each: replace(each, name=name))

    def without_photo(self, number: int, key: str) -> PhotoSetBuilder:
        """Take one photo out of a class, by its key."""
        return self._with(
            number, lambda each: replace(each, photos=tuple(photo for photo in each.photos if photo.key != key))
        )

    def with_photos(
        self,
        number: int,
        files: Sequence[tuple[str, bytes]],
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> tuple[PhotoSetBuilder, tuple[str, ...]]:
        """Add photos to a class: those that can be read, are not there yet, and have room.

        Args:
            number: Of the class.
            files: The (name, bytes) of each.
            progress: Told after each file how many are done, and of how many.

        Returns:
            The draft with what could be taken, and one sentence on each photo that was left out.
        """
        held = {photo.sha256: each for each in self.classes for photo in each.photos}
        target = next(each for each in self.classes if each.number == number)
        photos, refused, twice = list(target.photos), [], 0
        looked_at = files[:MAX_PHOTOS]  # a class that is full already takes none, and none is decoded for it
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
        """Put the classes of a set in the place of all that are there."""
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
        """Return the set to learn from.

        Raises:
            PhotoSetError: If it is none yet; the message says what is missing, in one sentence.
        """
        if not self.photos:
            raise PhotoSetError(
                f"There are no photos yet: please give at least {MIN_CLASSES} classes of {MIN_PHOTOS}, or take the "
                "sample set."
            )
        labels = [clean_label(each.name) for each in self.classes]
        check_labels(labels)
        return photo_set({label: each.photos for label, each in zip(labels, self.classes, strict=True)})

    def _with(self, number: int, change: Callable[[ClassBuilder], ClassBuilder]) -> PhotoSetBuilder:
        return replace(self, classes=tuple(change(each) if each.number == number else each for each in self.classes))
