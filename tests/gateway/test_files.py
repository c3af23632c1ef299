"""The file store: the home's folder by default, another place by its URL."""

from pathlib import Path

import pytest

from shared.runtime import settings
from shared.runtime.settings import SettingsError
from shared.storage.files import Files, StoreAway


def a_store(home: Path, url: str = "") -> Files:
    return Files(settings.read({"LOOMLINE_HOME": str(home), "LOOMLINE_FILES_URL": url}))


@pytest.mark.parametrize("url", ["", "file://{home}/elsewhere", "memory:///"])
def test_what_is_put_can_be_read_until_it_is_deleted(tmp_path: Path, url: str) -> None:
    files, source = a_store(tmp_path, url.format(home=tmp_path)), tmp_path / "source"
    source.write_bytes(b"woven" * 200_000)

    files.put("ab/abc/original", source)
    found = files.get("ab/abc/original")
    assert found is not None
    size, chunks = found

    assert size == 1_000_000
    assert b"".join(chunks) == source.read_bytes()
    files.delete(["ab/abc/original", "ab/abc/never"])
    assert files.get("ab/abc/original") is None


def test_the_default_is_the_folder_of_the_home(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"woven")

    a_store(tmp_path).put("ab/abc/original", source)

    assert (tmp_path / "files" / "ab" / "abc" / "original").read_bytes() == b"woven"


def test_a_store_that_cannot_be_opened_is_away(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")

    with pytest.raises(StoreAway):
        a_store(tmp_path).get("ab/abc/original")


@pytest.mark.parametrize("url", ["ftp://x/y", "s3://", "pictures", "http://x/y"])
def test_a_url_that_means_no_store_is_refused_at_the_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="LOOMLINE_FILES_URL"):
        a_store(tmp_path, url)
