"""A model card in Markdown: every item of three reporting guidelines, answered by a run, by a person, or shown as a gap."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from kerasdr import __version__
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.card.from_run import known_of
from kerasdr.evaluation.card.items import Guideline, Topic, load_items
from kerasdr.evaluation.page.judged_part import judge_part, run_threshold
from kerasdr.evaluation.page.run_files import find_runs, read_run
from kerasdr.evaluation.table_text import code, markdown, markdown_grid, markdown_prose
from kerasdr.files import printable_path, write_text_atomically
from kerasdr.overrides import suggestion

ANSWERED, PARTLY, FILLED, GAP = "answered by the run", "partly answered by the run", "answered by a person", "gap"


@dataclass(frozen=True)
class Card:
    """A card that was written.

    Attributes:
        path: of the Markdown.
        items: of all guidelines.
        answered, partly, filled, gaps: how many of them a run answers, a run answers in part, a person, nobody.
    """

    path: Path
    items: int
    answered: int
    partly: int
    filled: int
    gaps: int


def write_card(places: Sequence[Path], path: Path, answers: Path | None = None) -> Card:
    """Write the card of one run, or of one cross-validation; its test part is not opened by it.

    Args:
        places: the run, or a pointer to it.
        path: of the Markdown.
        answers: a YAML file with a text for any of the topics.

    Raises:
        KerasdrError: if that is no single finished run, a file cannot be read, or the card cannot be written.
    """
    found = find_runs(places)
    if len(found) != 1:
        raise KerasdrError(f"a card is of one run, and these are {len(found)}: name one of them")
    given = {} if answers is None else read_answers(answers)
    run = read_run(found[0])
    parts = [judge_part(part, int(run.config.get("seed", 0)), run_threshold(run)) for part in run.parts]
    guidelines, topics = load_items()
    known = known_of(run, parts)
    status = {topic.key: _status(topic, known.get(topic.key, []), given) for topic in topics}
    text = [
        f"# Model card: {markdown(run.name)}",
        f"Made by kerasdr {__version__} from {code(printable_path(run.path))}. For research; no medical device, "
        "and a grade is no diagnosis. Lines without a mark are from the run's folder; **Added by a person** and **Not "
        "recorded** say so; **Left to a person** says what has to stand beside what the run knows.",
    ]
    section = ""
    for topic in topics:
        if topic.section != section:
            section = topic.section
            text.append(f"## {section}")
        text.append(_topic(topic, guidelines, known.get(topic.key, []), given.get(topic.key, [])))
    text += [_index(guideline, topics, status) for guideline in guidelines]
    text.append(_how_to_fill(topics, status))
    write_text_atomically(path, "\n\n".join(text) + "\n")
    per_item = [
        _of_item(topics, guideline.key, number, status) for guideline in guidelines for number in guideline.items
    ]
    return Card(
        path,
        len(per_item),
        per_item.count(ANSWERED),
        per_item.count(PARTLY),
        per_item.count(FILLED),
        per_item.count(GAP),
    )


def read_answers(path: Path) -> dict[str, list[str]]:
    """Read a person's answers: YAML with a text, or a list of texts, for each topic that is answered.

    Raises:
        KerasdrError: if it cannot be read, names a topic that there is not, or answers with something else than text.
    """
    shown = printable_path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise KerasdrError(f"cannot read the answers {shown}: {reason}; check the path") from error
    except yaml.YAMLError as error:
        raise KerasdrError(f"{shown} is not valid YAML: {' '.join(str(error).split())}; correct that line") from error
    keys = [topic.key for topic in load_items()[1]]
    if not isinstance(content, dict):
        raise KerasdrError(f"{shown} must hold topics and texts (a YAML mapping); topics are {', '.join(keys)}")
    answers = {}
    for key, value in content.items():
        if key not in keys:
            raise KerasdrError(
                f"{shown}: there is no topic {key!r}{suggestion(str(key), keys)}; there are {', '.join(keys)}"
            )
        texts = value if isinstance(value, list) else [value]
        if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
            raise KerasdrError(
                f"{shown}: {key} must be a text or a list of texts, in quotes where YAML would take it for else"
            )
        answers[str(key)] = [text.strip() for text in texts]
    return answers


def _status(topic: Topic, known: Sequence[str], given: dict[str, list[str]]) -> str:
    if topic.key in given:
        return FILLED
    if not known:
        return GAP
    return PARTLY if topic.ask_beside else ANSWERED


def _topic(topic: Topic, guidelines: Sequence[Guideline], known: Sequence[str], given: Sequence[str]) -> str:
    items = "; ".join(
        f"{guideline.name} {', '.join(topic.items[guideline.key])}"
        for guideline in guidelines
        if topic.items[guideline.key]
    )
    lines = [f"* {markdown_prose(line)}" for line in known]
    # As a person wrote it: it is Markdown of theirs.
    lines += [f"* **Added by a person:** {text}".replace("\n", "\n  ") for text in given]
    if not given and not known:
        lines.append(f"* **Not recorded:** {topic.ask or 'this run does not hold it'}.")
    elif not given and topic.ask_beside:
        lines.append(f"* **Left to a person:** {topic.ask_beside}.")
    return f"### {topic.title}\n\n*{items}*\n\n" + "\n".join(lines)


def _of_item(topics: Sequence[Topic], guideline: str, number: str, status: dict[str, str]) -> str:
    own = [status[topic.key] for topic in topics if number in topic.items[guideline]]
    if len(set(own)) == 1:
        return own[0]
    return PARTLY if GAP in own or PARTLY in own else FILLED


def _index(guideline: Guideline, topics: Sequence[Topic], status: dict[str, str]) -> str:
    rows = []
    for number, title in guideline.items.items():
        where = ", ".join(topic.title for topic in topics if number in topic.items[guideline.key])
        rows.append([number, markdown(title), _of_item(topics, guideline.key, number, status), markdown(where)])
    grid = markdown_grid(["Item", "About", "In this card", "Under"], rows)
    return (
        f"## Items of {guideline.name}\n\n{guideline.source}. Titles are short forms; the items' wording is in the "
        f"publication.\n\n{grid}"
    )


def _how_to_fill(topics: Sequence[Topic], status: dict[str, str]) -> str:
    open_topics = [topic for topic in topics if status[topic.key] in (GAP, PARTLY)]
    if not open_topics:
        return "## Gaps\n\nNone."
    asks = {topic.key: topic.ask_beside if status[topic.key] == PARTLY else topic.ask for topic in open_topics}
    lines = "\n".join(f'{key}: ""  # {ask or "not held by this run"}' for key, ask in asks.items())
    return (
        "## Gaps\n\nWhat the run does not know, as a file of answers: fill in what is known, take the other lines away, and "
        f"give it with `--card-answers FILE.yaml`.\n\n```yaml\n{lines}\n```"
    )
