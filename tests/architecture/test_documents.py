"""Documents that are drawn from tables say what the tables say."""

from services.operator import documents


def test_generated_parts_of_the_documents_are_up_to_date() -> None:
    assert documents.stale() == [], "run ./dev loomline documents"
