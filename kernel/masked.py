"""Values that do not print themselves. Masking is a matter of type, so no log line has to remember it."""

from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_VISIBLE = 4


class Masked:
    """Text that shows only how to recognise it; `reveal` is the one way to the value, and easy to search for."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def masked(self) -> str:
        """What may be shown to anyone."""
        return "••••"

    def __str__(self) -> str:
        return self.masked()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masked()})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> Any:
        raise TypeError("a masked value is not pickled")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validated as a string, dumped as its mask; constraints of an Annotated type go on the inner string."""
        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.to_string_ser_schema()
        )


class Secret(Masked):
    """A password, token or key: nothing of it is ever shown."""

    __slots__ = ()


class PersonName(Masked):
    """A person's or a company's name: its first letter is shown."""

    __slots__ = ()

    def masked(self) -> str:
        """The first letter."""
        return f"{self._value[:1]}•••"


class AccountNumber(Masked):
    """An IBAN or a domestic account number: its last four characters are shown, if it is long enough to hide."""

    __slots__ = ()

    def masked(self) -> str:
        """The last four characters."""
        return f"••••{self._value[-_VISIBLE:]}" if len(self._value) >= 2 * _VISIBLE else "••••"

    @classmethod
    def compact(cls, text: str) -> Self:
        """Without the spaces that people write between groups, in capitals."""
        return cls("".join(text.split()).upper())
