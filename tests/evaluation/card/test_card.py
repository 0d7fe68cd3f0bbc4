"""The card: every item of three guidelines has a place, and each place an answer or a gap."""

import json
import re
from pathlib import Path

import pytest
import yaml

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.card.card import read_answers, write_card
from kerasdr.evaluation.card.from_run import _OF_FILES, _OF_PARTS
from kerasdr.evaluation.card.items import load_items
from tests.evaluation.page.conftest import MakeRun, make_run

__all__ = ["make_run"]


def topic(text: str, title: str) -> str:
    """Return what stands under a heading."""
    found = re.search(rf"\n### {re.escape(title)}\n(.*?)(?=\n##)", text, re.S)
    assert found
    return found[1]


def test_all_items_of_the_guidelines_have_a_topic() -> None:
    guidelines, topics = load_items()
    # As published: 27 items of TRIPOD+AI in 52 parts, 40 of STARD-AI in 48, 44 of CLAIM.
    assert {guideline.name: len(guideline.items) for guideline in guidelines} == {
        "TRIPOD+AI": 52,
        "STARD-AI": 48,
        "CLAIM 2024": 44,
    }
    for guideline, main in zip(guidelines, (27, 40, 44), strict=True):
        used = [number for topic in topics for number in topic.items[guideline.key]]
        assert set(used) == set(guideline.items)
        assert sorted({int(re.sub(r"\D", "", number)) for number in guideline.items}) == list(range(1, main + 1))
    keys = [one.key for one in topics]
    assert len(keys) == len(set(keys)) and set(_OF_FILES) | set(_OF_PARTS) <= set(keys)
    assert {one.key for one in topics if not one.ask} <= set(_OF_FILES) | set(_OF_PARTS)


def test_a_card_of_a_run(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a", description="a *try* | <b>")
    card = write_card([run], tmp_path / "card.md")
    text = card.path.read_text()
    assert card.items == 144 == card.answered + card.partly + card.filled + card.gaps and card.filled == 0
    figure = json.loads((run / "metrics_test.json").read_text())["ensemble"]["quadratic_kappa"]
    line = f"test part, by eye, quadratic weighted kappa: {figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
    assert line in topic(text, "Performance with intervals")
    assert "share not graded" in topic(text, "Performance with intervals")
    assert "**Not recorded:** the committee" in topic(text, "Ethical approval and consent")
    assert "a \\*try\\* \\| \\<b\\>" in text and "<b>" not in text
    assert "phantoms" in topic(text, "Where the photographs come from")
    assert "**Not recorded" not in topic(text, "Networks")
    assert re.search(r"\| 17 \| Ethical approval and consent \| gap \|", text)
    assert re.search(r"\| 23a \| Performance with intervals \| answered by the run \|", text)


def test_not_recorded_stands_alone_and_commands_are_code(make_run: MakeRun, tmp_path: Path) -> None:
    figure = {"value": 0.5, "low": 0.25, "high": 0.75, "n_images": 9, "n_people": 8}
    more = {"explanations": {"rightly called referable": {"gradcam": {"pointing": figure}}}}
    more["robustness"] = {"not graded at severity 5: blur": figure}
    bare = write_card([make_run("a")], tmp_path / "bare.md").path.read_text()
    text = write_card([make_run("b", more=more)], tmp_path / "card.md").path.read_text()
    for one in (bare, text):
        blocks = re.split(r"\n### ", one.partition("## Items of")[0])[1:]
        assert len(blocks) == len(load_items()[1])
        for block in blocks:
            if "**Not recorded:**" in block:
                assert block.count("\n* ") == 1, block
        assert "\\`" not in one and "`kerasdr predict PHOTOGRAPHS --model RUN` computes" in one
    for title in ("Explanations", "Robustness"):
        assert "**Not recorded:**" in topic(bare, title) and "Not recorded" not in topic(text, title)
    assert "gradcam, pointing game: 0.5 (0.25 to 0.75)" in topic(text, "Explanations")
    assert "Left to a person" not in topic(text, "Explanations")
    assert "* **Left to a person:** figures on other cameras." in topic(text, "Robustness")
    assert "* **Left to a person:** why this threshold suits" in topic(text, "Output, thresholds and poor input")
    assert "explanations:" not in text.partition("```yaml")[2]
    assert 'robustness: ""  # figures on other cameras\n' in text.partition("```yaml")[2]


def test_answers_fill_gaps(make_run: MakeRun, tmp_path: Path) -> None:
    answers = tmp_path / "ours.yaml"
    answers.write_text(yaml.safe_dump({"ethics": "None was asked: public data.", "annotators": ["Two.", "In Bern."]}))
    before = write_card([make_run("a")], tmp_path / "bare.md")
    card = write_card([make_run("b")], tmp_path / "card.md", answers)
    text = card.path.read_text()
    # TRIPOD+AI 8b, 17; STARD-AI 6, 12; CLAIM 16, 17, 18.
    assert card.filled == 7 and before.gaps - card.gaps == 7
    assert "* **Added by a person:** None was asked: public data." in topic(text, "Ethical approval and consent")
    assert "Not recorded" not in topic(text, "Ethical approval and consent")
    assert topic(text, "Graders, procedure and disagreement").count("Added by a person") == 2
    assert re.search(r"\| 17 \| Ethical approval and consent \| answered by a person \|", text)
    # The card's own list of gaps is a file of answers, once it is filled in.
    block = re.search(r"```yaml\n(.*?)```", text, re.S)
    assert block and "ethics:" not in block[1]
    answers.write_text(block[1].replace('""', '"said"'))
    filled = write_card([make_run("c")], tmp_path / "filled.md", answers)
    assert filled.gaps == before.gaps - card.gaps and filled.partly == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ethic: x", r"there is no topic 'ethic' \(did you mean ethics\?\)"),
        ("ethics: 3", "ethics must be a text or a list of texts"),
        ("ethics: ''", "ethics must be a text"),
        ("- ethics", "must hold topics and texts"),
        ("ethics: [", "is not valid YAML"),
        (None, "cannot read the answers"),
    ],
)
def test_answers_that_cannot_be_used(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "ours.yaml").write_text(text)
    with pytest.raises(KerasdrError, match=said) as refused:
        read_answers(tmp_path / "ours.yaml")
    assert "\n" not in str(refused.value)


def test_a_card_is_of_one_run_and_opens_nothing(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("a", test=False), make_run("b")]
    with pytest.raises(KerasdrError, match="a card is of one run, and these are 2"):
        write_card(runs, tmp_path / "card.md")
    text = write_card(runs[:1], tmp_path / "card.md").path.read_text()
    performance = topic(text, "Performance with intervals")
    assert "The test part has not been opened" in performance and "test part, by" not in performance
    assert not (runs[0] / "metrics_test.json").exists()
