"""The languages of the portal. English sentences are their own keys; a table for every other language stands in `languages_*.py`."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from services.api.pages.languages_hi import HINDI
from shared.domain.notice_texts import Language

TABLES: Mapping[Language, Mapping[str, str]] = {Language.ENGLISH: {}, Language.HINDI: HINDI}


class Speaker:
    """Says English sentences in one language; what its table does not have stays English."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = table
        self._patterns = [(_pattern(english), said) for english, said in table.items() if "{" in english]

    def __call__(self, sentence: str, **values: Any) -> str:
        """The sentence, its `{name}` filled with the values."""
        return _filled(self._table.get(sentence, sentence), values)

    def told(self, detail: str) -> str:
        """A sentence that came with its values in it, such as a refusal; an unknown one stays English behind a title of ours."""
        if not self._table or not detail:
            return detail
        if detail in self._table:
            return self._table[detail]
        for pattern, said in self._patterns:
            found = pattern.fullmatch(detail)
            if found:
                return _filled(said, {name: self(value) for name, value in found.groupdict().items()})
        return f"{self('This could not be done.')} ({detail})"


@cache
def speaker(language: Language) -> Speaker:
    """Who speaks a language."""
    return Speaker(TABLES[language])


def _filled(sentence: str, values: Mapping[str, Any]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], found[0])), sentence) if values else sentence


def _pattern(english: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", english)
    told = "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile(told, re.DOTALL)
