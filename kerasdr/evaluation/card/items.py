"""The items of the three reporting guidelines, and the topics under which a card answers them.

Items go by their number and a short title in our own words; their full wording is in the publications.
"""

import importlib.resources
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Guideline:
    """A reporting guideline.

    Attributes:
        key, name, source: what it is.
        items: short titles by number, in its order.
    """

    key: str
    name: str
    source: str
    items: dict[str, str]


@dataclass(frozen=True)
class Topic:
    """What a card says in one place for items of several guidelines.

    Attributes:
        key: what it is called in a file of answers.
        title: its heading.
        section: the heading above.
        items: numbers of the items that it answers, by the guideline's key.
        ask: what a person has to say where the run knows nothing; empty where a run's folder knows all of it.
        ask_beside: what a person has to add to what the run knows, if that is not the same; empty for nothing.
    """

    key: str
    title: str
    section: str
    items: dict[str, tuple[str, ...]]
    ask: str
    ask_beside: str


def load_items() -> tuple[tuple[Guideline, ...], tuple[Topic, ...]]:
    """Return the guidelines and the topics of a card, in order."""
    place = importlib.resources.files("kerasdr.evaluation.card") / "items.json"
    content = json.loads(place.read_text(encoding="utf-8"))
    guidelines = tuple(Guideline(**one) for one in content["guidelines"])
    topics = tuple(
        Topic(
            one["key"],
            one["title"],
            section["title"],
            {guideline.key: tuple(one[guideline.key]) for guideline in guidelines},
            one["ask"] or "",
            one.get("ask_beside", one["ask"]) or "",
        )
        for section in content["sections"]
        for one in section["topics"]
    )
    return guidelines, topics
