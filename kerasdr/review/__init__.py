"""The morning after a job: a page on which a person looks at its grades, and the merge of what readers decided there."""

PAGE_BEGINS = "<!DOCTYPE html><!-- kerasdr review -->"
"""How the page begins, and no other page."""
