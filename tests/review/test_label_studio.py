"""Tasks for Label Studio: the machine's grade is a prediction of what the interface offers."""

from xml.etree import ElementTree

from kerasdr.review.label_studio import label_config, label_studio_tasks
from tests.review.conftest import graded, lost


def test_tasks_are_in_the_order_of_the_worklist_and_predict_what_can_be_chosen() -> None:
    rows = [
        graded("1_left.png", 0, 0.9),
        lost("2_left.png", "ungradable"),
        graded("3_left.png", 4, 0.7),
        graded("4.png", 1),
    ]
    pictures = {row.sha256: f"tasks files/{place}.webp" for place, row in enumerate(rows[:3])}
    tasks = label_studio_tasks(rows, pictures)
    assert [task["data"]["name"] for task in tasks] == ["3_left.png", "2_left.png", "1_left.png"]
    assert tasks[0]["data"]["image"] == "/data/local-files/?d=tasks%20files/2.webp"
    predictions = [task["predictions"][0] for task in tasks]
    assert [one.get("score") for one in predictions] == [0.7, None, 0.9]
    assert {one["model_version"] for one in predictions} == {"demo@0123456789ab"}
    config = ElementTree.fromstring(label_config())
    offered = {choice.attrib["value"] for choice in config.iter("Choice")}
    (result,) = predictions[0]["result"]
    assert result["value"]["choices"] == ["4 PDR"]
    assert {choice for one in predictions for choice in one["result"][0]["value"]["choices"]} < offered and len(
        offered
    ) == 6
    choices = next(config.iter("Choices"))
    assert (result["from_name"], result["to_name"]) == (choices.attrib["name"], choices.attrib["toName"])
    values = {item.attrib["value"].removeprefix("$") for item in config if "value" in item.attrib}
    assert values == {"image", "machine"} <= set(tasks[0]["data"])
