"""The report of a run as one page of HTML: it needs no network, no script and nothing beside it."""
