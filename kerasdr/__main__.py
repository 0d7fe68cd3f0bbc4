"""``python -m kerasdr`` is the command ``kerasdr``."""

from kerasdr.cli.main import main

if __name__ == "__main__":
    main()
