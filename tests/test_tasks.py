"""Tasks of the report: what the shipped files name, and what wrong files are told."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from kerasdr.config import MemberConfig, shipped_names
from kerasdr.errors import KerasdrError
from kerasdr.tasks import load_task, merge, row_experiment, task_names

SMALL: dict[str, Any] = {
    "task": "mine",
    "title": "a task",
    "seeds": [1, 2],
    "mini_seeds": [1],
    "defaults": {"model": {"trunk": "tiny", "weights": "none", "dropout": 0.5}, "imaging": {"size": 64}},
    "mini": {"imaging": {"size": 32}},
    "rows": [
        {"name": "a", "set": {"model": {"dropout": 0.1}}},
        {"name": "b", "set": {"model": {"weights": "row:a"}}, "mini": {"imaging": {"size": 48}}, "seeds": [7]},
    ],
    "tables": [
        {
            "number": "1",
            "title": "t",
            "columns": ["best_test"],
            "entries": [{"label": "A", "row": "a", "published": {"best_test": 0.5}}],
        }
    ],
}


def three(average_test: float, best_test: float, best_validation: float) -> dict[str, float]:
    return {"average_test": average_test, "best_test": best_test, "best_validation": best_validation}


def two(average_test: float, best_test: float) -> dict[str, float]:
    return {"average_test": average_test, "best_test": best_test}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(content: dict[str, Any]) -> str:
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(content))
        return str(path)

    return write


def test_the_tasks_are_shipped_and_every_row_resolves_at_both_scales() -> None:
    assert task_names() == ("task-a", "task-b", "task-c", "task-d", "task-e", "task-eyepacs")
    assert set(task_names()) < set(shipped_names())
    for name in task_names():
        task = load_task(name)
        for row in task.rows:
            for scale in ("full", "mini"):
                for seed in task.seeds_of(row, scale):  # type: ignore[arg-type]
                    assert row_experiment(task, row, seed, scale).name == f"{name}.{row.name}"  # type: ignore[arg-type]


# What the report and the course's code say of every network of tasks A to D, where nothing else is said below.
REPORT: dict[str, Any] = {
    "size": 256,
    "recipe": "none",
    "batch_size": 24,
    "class_weights": "none",
    "label_smoothing": 0.0,
    "checkpoint": "kappa",
    "horizontal_flip": True,
    "vertical_flip": True,
    "rotation": 30.0,
    "rotation_probability": 0.5,
    "crop": 0.18,  # 210 of 256 px
    "crop_place": "pad",
    "color_jitter": "darken",
    "zoom": 0.0,
    "shift": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "blur": 0.0,
    "weights": "imagenet",
    "trunk_end": "last",
    "mode": "single",
    "attention": "none",
    "initial_head": "keep",
    "head": "mlp",
    "head_units": (256, 128),
    "head_norm": False,
    "dropout": 0.5,
    "epochs": 20,
    "train": "all",
    "batch_norm": "train",
    "optimizer": "adam",
    "learning_rate": 1e-4,
    "weight_decay": 1e-3,
    "schedule": "step",
    "warmup_epochs": 0,
    "early_stop": None,
}
DUAL = {"mode": "dual", "pairing": "same-eye", "shared_branches": False, "partner_dropout": 0.0}
APTOS = {"batch_size": 64}
STAGE_2 = {"weights": "row:task-b/aptos-deepdrid-densenet121", "trunk": "densenet121", "dropout": 0.4}
SPATIAL = {"attention": "spatial", "attention_at": "features", "attention_relu": True}
GIVEN = tuple({"trunk": trunk, "weights": f"given/{trunk}.pth"} for trunk in ("densenet121", "resnet34", "resnet18"))
TABLE_10 = {"trunk": "resnet18", "color_jitter": "none", **DUAL}

# What differs from it, for each member of each row.
ROWS: dict[tuple[str, str], tuple[dict[str, Any], ...]] = {
    **{
        ("task-a", f"{mode}-{trunk}"): ({"trunk": trunk, "recipe": "clahe", **more},)
        for mode, more in (("single", {}), ("dual", DUAL))
        for trunk in ("resnet18", "resnet34", "densenet121")
    },
    ("task-b", "aptos-resnet34"): ({"trunk": "resnet34", **APTOS},),
    ("task-b", "aptos-densenet121"): ({"trunk": "densenet121", **APTOS},),
    ("task-b", "aptos-mobilenet"): ({"trunk": "mobilenet", "head_norm": True, **APTOS},),
    ("task-b", "aptos-vgg16"): ({"trunk": "vgg16", "head_norm": True, **APTOS},),
    ("task-b", "aptos-deepdrid-densenet121"): (
        {
            "trunk": "densenet121",
            "weights": "row:aptos-densenet121",
            "dropout": 0.4,
            "train": "after:dense_block_1",
        },
    ),
    ("task-b", "given-densenet121"): GIVEN[:1],
    ("task-b", "given-resnet34"): GIVEN[1:2],
    ("task-b", "given-resnet18"): GIVEN[2:],
    ("task-c", "spatial-7"): ({**STAGE_2, **SPATIAL, "attention_kernel": 7},),
    ("task-c", "spatial-11"): ({**STAGE_2, **SPATIAL, "attention_kernel": 11},),
    ("task-c", "channel"): ({**STAGE_2, "attention": "channel"},),
    ("task-c", "self"): ({**STAGE_2, "attention": "self"},),
    ("task-d", "ensemble"): GIVEN,
    ("task-d", "bagging"): GIVEN,
    ("task-d", "boosting"): GIVEN,
    ("task-d", "preprocessing-none"): (TABLE_10,),
    ("task-d", "preprocessing-clahe-crop"): ({**TABLE_10, "recipe": "clahe-crop"},),
    ("task-d", "preprocessing-clahe-crop-graham"): ({**TABLE_10, "recipe": "clahe-crop-graham"},),
    ("task-d", "preprocessing-clahe-crop-blur"): ({**TABLE_10, "recipe": "clahe-crop-blur"},),
}


def everything(member: MemberConfig) -> dict[str, Any]:
    (stage,) = member.stages
    parts = (member.model, member.imaging, member.augment, member.training, stage)
    return {key: value for part in parts for key, value in part.model_dump().items()}


@pytest.mark.parametrize("name", ["task-a", "task-b", "task-c", "task-d"])
def test_the_reports_settings_are_in_the_files_word_for_word(name: str) -> None:
    task = load_task(name)
    assert {row.name for row in task.rows} == {row for other, row in ROWS if other == name}
    for row in task.rows:
        experiment = row_experiment(task, row, task.seeds_of(row)[0])
        aptos = row.name.startswith("aptos-") and "deepdrid" not in row.name
        assert (experiment.data.layout, experiment.data.target) == (
            ("aptos", "eye") if aptos else ("deepdrid", "person")
        )
        for member, own in zip(experiment.members, ROWS[name, row.name], strict=True):
            expected = {**REPORT, **own}
            assert {key: everything(member)[key] for key in expected} == expected, row.name


def test_how_often_rows_are_trained() -> None:
    for name in ("task-a", "task-b", "task-c"):
        task = load_task(name)
        assert {task.seeds_of(row) for row in task.rows} == {(40, 41, 42)}
        assert {task.seeds_of(row, "mini") for row in task.rows} == {(40,)}
    task = load_task("task-d")
    seeds = {row.name: (task.seeds_of(row), task.seeds_of(row, "mini")) for row in task.rows}
    once = {row: ((29,), (29,)) for _, row in ROWS if row.startswith("preprocessing-")}
    # Table 8 is of seed 40; table 9 has an average and a best, so there must be more than one run to take them over.
    several = ((40, 41, 42), (40,))
    assert seeds == {"ensemble": ((40,), (40,)), "bagging": several, "boosting": several, **once}


def test_task_e_is_a_simple_network_over_20_epochs_with_curves_and_gradcam() -> None:
    task = load_task("task-e")
    single, dual = task.rows
    for row, mode in ((single, "single"), (dual, "dual")):
        (member,) = row_experiment(task, row, 40).members
        given = everything(member)
        assert (given["mode"], given["epochs"], given["optimizer"], given["size"]) == (mode, 20, "adam", 256)
        assert row.figures.explain > 0


def test_the_mini_scale_is_one_and_the_same_in_all_tasks() -> None:
    """So that rows of one task can start from another's, and what was found to be learnt from holds for all."""
    fit = {"epochs": 6, "learning_rate": 5e-4, "step_size": 3, "batch_size": 16, "size": 80, "class_weights": "sqrt"}
    for name in ("task-a", "task-b", "task-c", "task-d", "task-e"):
        task = load_task(name)
        for row in task.rows:
            experiment = row_experiment(task, row, 40, "mini")
            phantom = experiment.data.phantom
            assert phantom is not None
            people = 240 if experiment.data.layout == "aptos" else 80
            assert (phantom.people, phantom.size) == (people, 160)
            for member in experiment.members:
                expected = {**fit, **({"size": 48} if row.name == "aptos-vgg16" else {})}
                if name == "task-e":  # curves over the report's 20 epochs, of a network that is small
                    expected |= {"epochs": 20, "learning_rate": 1e-3, "step_size": 7}
                assert {key: everything(member)[key] for key in expected} == expected, row.name


# The report's tables as it prints them: label, average test, best test, best validation; and what fills the line.
PUBLISHED: dict[str, list[tuple[str, dict[str, float], str]]] = {
    "2": [
        ("ResNet18", three(0.7793, 0.7966, 0.8365), "single-resnet18"),
        ("ResNet34", three(0.7968, 0.7991, 0.8293), "single-resnet34"),
        ("DenseNet121", three(0.7881, 0.8015, 0.8509), "single-densenet121"),
    ],
    "3": [
        ("ResNet18", three(0.8139, 0.8346, 0.8735), "dual-resnet18"),
        ("ResNet34", three(0.7675, 0.8100, 0.8540), "dual-resnet34"),
        ("DenseNet121", three(0.7979, 0.8174, 0.7942), "dual-densenet121"),
    ],
    "4": [
        ("ResNet34", {"best_validation": 0.8925}, "aptos-resnet34"),
        ("DenseNet121", {"best_validation": 0.9070}, "aptos-densenet121"),
        ("MobileNet (batch norm + global pooling head)", {}, "aptos-mobilenet"),
        ("VGG16 (batch norm + global pooling head)", {}, "aptos-vgg16"),
    ],
    "5": [("DenseNet121", three(0.8050, 0.8374, 0.8551), "aptos-deepdrid-densenet121")],
    "6": [
        ("DenseNet121", two(0.8688, 0.8738), "given-densenet121"),
        ("ResNet34", two(0.8543, 0.8558), "given-resnet34"),
        ("ResNet18", two(0.8403, 0.8462), "given-resnet18"),
    ],
    "7": [
        ("Spatial (kernel=7)", two(0.8222, 0.8376), "spatial-7"),
        ("Spatial (kernel=11)", two(0.8229, 0.8517), "spatial-11"),
        ("Channel", two(0.8227, 0.8631), "channel"),
        ("Self-attention", two(0.8370, 0.8511), "self"),
    ],
    "8": [
        ("Soft Voting", {"best_test": 0.8644}, "ensemble soft"),
        ("Hard Voting", {"best_test": 0.8627}, "ensemble hard"),
        ("Stacking", {"best_test": 0.8649}, "ensemble stacking"),
        ("Weighted Avg", {"best_test": 0.8712}, "ensemble weighted"),
    ],
    "9": [  # in print 0.8151 and 0.8228 are called best, 0.8345 and 0.8351 average
        ("Boosting", two(0.8151, 0.8345), "boosting"),
        ("Bagging", two(0.8228, 0.8351), "bagging"),
    ],
    "10": [
        ("no pre-processing", {"best_test": 0.8284}, "preprocessing-none"),
        ("CLAHE + circular cropping", {"best_test": 0.8501}, "preprocessing-clahe-crop"),
        ("CLAHE + circular cropping + Ben Graham", {"best_test": 0.7840}, "preprocessing-clahe-crop-graham"),
        ("CLAHE + circular cropping + Gaussian blur", {"best_test": 0.8374}, "preprocessing-clahe-crop-blur"),
    ],
}
TABLES = {"task-a": ["2", "3"], "task-b": ["4", "5", "6"], "task-c": ["7"], "task-d": ["8", "9", "10"], "task-e": []}


@pytest.mark.parametrize("name", TABLES)
def test_every_line_and_figure_of_the_reports_tables_is_there(name: str) -> None:
    tables = load_task(name).tables
    assert [table.number for table in tables] == TABLES[name]
    for table in tables:
        lines = [(entry.label, entry.published, f"{entry.row} {entry.method or ''}".strip()) for entry in table.entries]
        assert lines == PUBLISHED[table.number], f"table {table.number}"
        printed = {column for _, figures, _ in PUBLISHED[table.number] for column in figures}
        assert set(table.columns) == printed


def test_a_row_may_have_seeds_of_its_own_at_each_scale(write: Any) -> None:
    rows = [{"name": "a", "seeds": [5, 6], "mini_seeds": [5]}, {"name": "b", "mini_seeds": [8]}]
    task = load_task(write({**SMALL, "rows": rows}))
    assert [task.seeds_of(row, scale) for row in task.rows for scale in ("full", "mini")] == [
        (5, 6),
        (5,),
        (1, 2),
        (8,),
    ]


def test_scales_and_seeds(write: Any) -> None:
    task = load_task(write(SMALL))
    a, b = task.rows
    assert (task.seeds_of(a), task.seeds_of(a, "mini"), task.seeds_of(b, "mini")) == ((1, 2), (1,), (7,))
    sizes = [
        row_experiment(task, row, 1, scale).members[0].imaging.size for row in (a, b) for scale in ("full", "mini")
    ]
    assert sizes == [64, 32, 64, 48]
    first = row_experiment(task, a, 2, settings=["training.batch_size=3"])
    assert (first.seed, first.members[0].model.dropout, first.members[0].training.batch_size) == (2, 0.1, 3)


def test_merge_goes_into_mappings_and_replaces_the_rest() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": [1, 2]}
    assert merge(base, {"a": {"y": 3}, "b": [9], "c": 4}) == {"a": {"x": 1, "y": 3}, "b": [9], "c": 4}
    assert base == {"a": {"x": 1, "y": 2}, "b": [1, 2]}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"rows": [{"name": "a"}, {"name": "a"}]}, "each row needs a name of its own"),
        ({"candidates": ["z"]}, "candidates names row 'z', which is not there"),
        ({"seeds": []}, "seeds: .*at least 1 item"),
        ({"colour": 1}, "colour: Extra inputs"),
        ({"tables": [{**SMALL["tables"][0], "entries": [{"label": "Z", "row": "z"}]}]}, "table 1 names row 'z'"),
        ({"tables": [{**SMALL["tables"][0], "columns": ["worst"]}]}, r"tables\.0\.columns\.0: Input should be"),
    ],
)
def test_wrong_files_are_said_in_one_line(write: Any, change: dict[str, Any], match: str) -> None:
    with pytest.raises(KerasdrError, match=match) as caught:
        load_task(write({**SMALL, **change}))
    assert "\n" not in str(caught.value)


def test_an_unknown_row_is_suggested() -> None:
    with pytest.raises(
        KerasdrError, match=r"task-d has no row 'bagingg' \(did you mean bagging\?\); its rows are ensemble, "
    ):
        load_task("task-d").row("bagingg")
