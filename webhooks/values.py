"""Values on the path of every delivery."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_Class = TypeVar("_Class")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def value(cls: type[_Class]) -> type[_Class]:
    """A dataclass that is frozen for the type checker, which refuses whoever assigns to it, and plain at run time.

    A frozen one sets each field through `object.__setattr__`, which makes it two and a half times as dear to build
    (measured: 2.3 against 0.9 µs for 16 fields), and a delivery is made of a hundred fields.
    """
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(cls)
