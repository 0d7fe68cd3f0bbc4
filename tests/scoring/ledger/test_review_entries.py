"""A merge of decisions in the ledger's chain."""

from kerasdr.scoring.ledger.book import read_book
from kerasdr.scoring.ledger.chain import extended
from kerasdr.scoring.ledger.review_entries import read_review_entry, review_content


def test_a_merge_is_read_back_and_told() -> None:
    content = review_content("ab", ["cd"], ["Ada", "Grace"], decided=2, overruled=1, table="ef")
    (review,) = read_book(extended(None, [("reviewed", {**content, "of_a_later_version": 1})])).reviews
    assert review == read_review_entry(1, content)
    assert (review.csv, list(review.decisions), review.user) == ("ab", ["cd"], content["user"])
    assert review.sentence() == "2 photographs decided by Ada and Grace, 1 overruled; table ef"
