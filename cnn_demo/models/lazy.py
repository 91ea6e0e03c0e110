"""Properties that are computed once for each object, and never wait for those of other objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class computed_once(Generic[Value]):
    """Property whose value is kept in the object, as by `functools.cached_property`, but without a lock.

    That of Python 3.11 has one lock for all objects of the class: while a network is compiled for one visitor, all
    others who need the property of another network would wait. Where the same object serves several threads, the caller
    holds the object's own lock.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember the name under which the value is kept."""
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> computed_once[Value]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: object | None, owner: type) -> computed_once[Value] | Value:
        """Compute the value the first time; from then on it is an attribute of the object."""
        if instance is None:
            return self
        value = vars(instance)[self._name] = self._compute(instance)
        return value
