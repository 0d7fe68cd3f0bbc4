"""What a run is and what it was made on: the sections before its figures."""

from typing import Any

from kerasdr.evaluation.page.markup import Child, Markup, element, joined
from kerasdr.evaluation.page.run_files import RunFiles
from kerasdr.evaluation.page.tables import facts, table
from kerasdr.files import printable_path
from kerasdr.grades import GRADE_NAMES, GRADES

PHANTOMS = (
    "The photographs are synthetic (phantoms): drawn by a program, for trying out. No figure here says anything "
    "about people."
)


def data_words(run: RunFiles) -> str:
    """Return what the photographs are, in one sentence."""
    kind = "synthetic (phantoms), all or some of them" if run.phantoms else "of people"
    layout = (run.config.get("data") or {}).get("layout", "unknown")
    counts = f"{run.data.get('photographs', '?')} photographs of {run.data.get('people', '?')} people"
    return f"{counts}, layout {layout}: {kind}"


def member_words(member: dict[str, Any]) -> str:
    """Return what a member is, in a few words."""
    model, imaging = member.get("model") or {}, member.get("imaging") or {}
    kind = str(model.get("mode", "?"))
    if kind == "dual":
        kind += f" ({model.get('pairing', '?')})"
    attention = model.get("attention", "none")
    with_attention = "" if attention == "none" else f" with {attention} attention"
    stages = ", ".join(
        f"{stage.get('name', '?')} {stage.get('epochs', '?')} epochs" for stage in member.get("stages") or []
    )
    return (
        f"{model.get('trunk', '?')}{with_attention}, {kind}; began with weights: {model.get('weights', '?')}; "
        f"{imaging.get('recipe', '?')} at {imaging.get('size', '?')} px; {stages}; seed {member.get('seed', '?')}"
    )


def about_section(run: RunFiles, level: int) -> Markup:
    """Return what the run is."""
    environment = run.environment
    packages = ", ".join(f"{name} {version}" for name, version in (environment.get("packages") or {}).items())
    choice = run.metrics.get("choice") or {}
    tested = run.part("test")
    rows: list[tuple[str, Child]] = [
        ("experiment", str(run.config.get("name", "?"))),
        ("description", str(run.config.get("description") or "none was written into the configuration")),
        ("photographs", data_words(run)),
        ("configuration", element("code", f"SHA-256 {run.config_sha256}")),
        ("data and split", element("code", f"SHA-256 {run.data.get('sha256') or 'not recorded'}")),
        ("folder", element("code", printable_path(run.path))),
    ]
    if run.folds:
        rows.append(("cross-validation", f"{run.metrics.get('split', '?')}; {len(run.folds)} runs, one a fold"))
    rows += [(f"network {member.get('name', '?')}", member_words(member)) for member in run.config.get("members") or []]
    if choice:
        how = (choice.get("method") or {}).get("method", "?")
        rows.append(("combined by", f"{how}: {choice.get('reason') or 'no reason was kept'}"))
    rows += [
        (
            "kerasdr",
            f"{environment.get('kerasdr', 'not recorded')}, Python {environment.get('python', 'not recorded')}",
        ),
        ("packages", packages or "not recorded"),
        ("machine", f"{environment.get('platform', 'not recorded')}, {environment.get('processors', '?')} processors"),
        ("training began", str(environment.get("begun", "not recorded"))),
    ]
    if not run.folds:
        unopened = "not opened" if run.has_test_part else "there is none"
        rows.append(("test part opened", tested.opened or "not recorded" if tested else unopened))
    warning = element("p", PHANTOMS, class_="warn") if run.phantoms else None
    return joined(warning, element(f"h{level}", "What this is"), facts(rows))


def data_section(run: RunFiles, level: int) -> Markup:
    """Return how many photographs and people are in each part, of which grades, and what was left out."""
    splits = run.data.get("splits") or {}
    names = [name for name in ("train", "validation", "test") if name in splits]
    rows = []
    for name in [*names, *(name for name in splits if name not in names)]:
        part = splits[name]
        grades = part.get("grades") or {}
        graded = sum(int(grades.get(str(grade), 0)) for grade in GRADES)
        unknown = int(part.get("photographs", 0)) - graded
        rows.append(
            [name, part.get("photographs", "?"), part.get("people", "?")]
            + [grades.get(str(grade), 0) for grade in GRADES]
            + [unknown]
        )
    header = [
        "part",
        "photographs",
        "people",
        *(f"{g} {n}" for g, n in zip(GRADES, GRADE_NAMES, strict=True)),
        "no grade",
    ]
    of_folds = " (of the first fold; the others deal the same people anew)" if run.folds else ""
    parts: list[Child] = [element(f"h{level}", "Photographs and people")]
    if rows:
        parts.append(table(f"photographs by part and true grade{of_folds}", header, rows, numbers=True))
    else:
        parts.append(element("p", "The run kept no counts of its parts.", class_="soft"))
    target = (run.config.get("data") or {}).get("target")
    if target == "person":
        parts.append(
            element("p", "The grade that is learned and judged is the person's (worse eye); the table has the eyes'.")
        )
    parts.append(element("p", "People, not photographs, are dealt into the parts: nobody is in two of them."))
    if run.left_out:
        listed = [
            element("li", f"{count} of {part}: {reason}") for (part, reason), count in sorted(run.left_out.items())
        ]
        parts.append(element("p", "Photographs that were not used:"))
        parts.append(element("ul", *listed))
    return joined(*parts)
