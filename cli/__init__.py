"""The ``kerasdr`` command: parses, calls the library, prints."""
