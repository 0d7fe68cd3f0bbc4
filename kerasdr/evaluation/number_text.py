"""Differences and p values as text."""

import math


def signed(value: float, digits: int = 3) -> str:
    """Return a difference with its sign, or without one where it rounds to nothing."""
    text = f"{value:+.{digits}f}"
    return text if float(text) else f"{0.0:.{digits}f}"


def p_text(p: float) -> str:
    """Return a p value with as many digits as say something; an empty text for nan."""
    if math.isnan(p):
        return ""
    if p < 0.0001:
        return "<0.0001"
    return f"{p:.4f}" if p < 0.1 else f"{p:.2f}"
