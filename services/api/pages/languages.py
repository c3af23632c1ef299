"""The languages of the portal. English sentences are their own keys; a table for every other language stands in `languages_*.py`."""

from collections.abc import Callable, Mapping
from functools import cache

from services.api.pages.languages_hi import HINDI
from shared.domain.notice_texts import Language

TABLES: Mapping[Language, Mapping[str, str]] = {Language.ENGLISH: {}, Language.HINDI: HINDI}


@cache
def speaker(language: Language) -> Callable[[str], str]:
    """Says an English sentence in a language; what its table does not have stays English."""
    table = TABLES[language]
    return lambda sentence: table.get(sentence, sentence)
