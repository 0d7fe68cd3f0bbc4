"""Jobs night after night: parts of a listing, a folder that is watched, and what monitoring is told."""
