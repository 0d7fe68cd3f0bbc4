"""What jobs have done, entry after entry in one file, so that the same command goes on where a job stopped."""
