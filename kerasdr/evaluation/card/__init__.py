"""The card of a model: what TRIPOD+AI, STARD-AI and CLAIM ask for, as far as a run's folder knows it."""
