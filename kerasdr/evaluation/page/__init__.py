"""The report of a run as one page of HTML: it needs no network, no script and nothing beside it."""

PAGE_BEGINS = "<!DOCTYPE html><!-- kerasdr report -->"
"""How the page begins, and no other page."""
