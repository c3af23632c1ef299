"""What an operator asked for and cannot be done. No refusal of the domain: no actor was asked, and nothing is recorded."""

from inspect import cleandoc
from typing import Any, ClassVar


class Impossible(Exception):
    """It cannot be done as it was asked."""

    code: ClassVar[str] = "impossible"

    def __init__(self, **facts: Any) -> None:
        self.detail = cleandoc(self.__doc__ or "").format(**facts)
        super().__init__(self.detail)
