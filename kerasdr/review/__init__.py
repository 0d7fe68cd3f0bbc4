"""The morning after a job: a page on which a person looks at its grades, and the merge of what readers decided there."""
