"""What is said to be typed exists: every command line of README and deploy/ that begins with kerasdr."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file())
# Behind a prompt, a quote mark, `ExecStart=` and the like, or with a path, it is a call; elsewhere if a command follows.
_CALL = re.compile(r"(\$ |`|=|command: |test: |[\w.~$-]*/)?\bkerasdr (?=[a-z])")
_END = re.compile(r"\s[#|;>]|[;|`]|&&|\|\||\s2?>|, | \(")


def calls(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of kerasdr in a text."""
    from kerasdr.cli.main import COMMANDS

    for line in text.replace("\\\n", " ").splitlines():
        for match in _CALL.finditer(line):
            rest = line[match.end() :]
            if not match[1] and rest.split()[0] not in COMMANDS:
                continue  # prose, or a user's name
            end = _END.search(rest)
            cut = rest[: end.start()] if end else rest
            try:
                yield shlex.split(cut)
            except ValueError:  # a quote that closes behind the call
                yield shlex.split(cut.replace("'", " ").replace('"', " "))


def problem(arguments: list[str]) -> str:
    """Return what is wrong with a call; empty if its commands and options exist."""
    from kerasdr.cli.main import cli

    command: click.Command = cli
    left = list(arguments)
    context = click.Context(cli)
    while isinstance(command, click.Group) and left and not left[0].startswith("-"):
        found = command.get_command(context, left[0])
        if found is None:
            return f"no command {left[0]!r}"
        command = found
        left.pop(0)
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"--help", "-h"}
    flags = {name for option in command.params if getattr(option, "is_flag", False) for name in option.opts}
    while left:
        name, _, value = left.pop(0).partition("=")
        if re.fullmatch(r"--?[a-zA-Z][\w-]*", name):
            if name not in known:
                return f"{command.name} has no option {name}"
            if not value and name not in flags and left and not left[0].startswith("--"):
                left.pop(0)
    return ""


@pytest.mark.parametrize("path", [ROOT / "README.md", *DEPLOY], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_line_is_one(path: Path) -> None:
    for arguments in calls(path.read_text(encoding="utf-8")):
        assert problem(arguments) == "", arguments


def test_the_command_lines_are_found() -> None:
    counts = {
        path.relative_to(ROOT).as_posix(): len(list(calls(path.read_text(encoding="utf-8"))))
        for path in (ROOT / "README.md", *DEPLOY)
    }
    assert counts["README.md"] > 40
    wanted = {
        "deploy/README.md": 5,
        "deploy/compose.yaml": 3,
        "deploy/kerasdr.cron": 2,
        "deploy/systemd/kerasdr.service": 1,
        "deploy/systemd/kerasdr-watch.service": 1,
    }
    assert all(counts[name] >= count for name, count in wanted.items()), counts
    windows = re.search(r"\$arguments = '(.*)'", (ROOT / "deploy/windows-task.ps1").read_text(encoding="utf-8"))
    assert windows and problem(windows[1].replace("\\", "/").split()) == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("$ kerasdr predict in --out g.csv --modle m", "predict has no option --modle"),
        ("ExecStart=/opt/kerasdr/bin/kerasdr jobs healthy g.csv", "no command 'healthy'"),
        ("see `kerasdr watch in --evry 1m`, which", "watch has no option --evry"),
        (
            "30 22 * * * kerasdr /x/kerasdr predit in --out g.csv --quiet || logger -t kerasdr -p x",
            "no command 'predit'",
        ),
        ("    kerasdr kerasdr predict /p --out /r/g.csv --mode /m", "predict has no option --mode"),
        ("a job of kerasdr grades photographs", ""),
    ],
)
def test_a_slip_is_seen(line: str, words: str) -> None:
    assert [problem(arguments) for arguments in calls(line)] == ([words] if words else [])


def test_options_of_the_environment_file_exist() -> None:
    text = (ROOT / "deploy/systemd/kerasdr.conf").read_text(encoding="utf-8")
    values = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    assert problem(["predict", *values["OPTIONS"].split()]) == ""
    assert problem(["watch", *values["WATCH_OPTIONS"].split()]) == ""
    units = "".join((ROOT / "deploy/systemd" / f"{name}.service").read_text() for name in ("kerasdr", "kerasdr-watch"))
    assert set(re.findall(r"\$\{?([A-Z_]+)", units)) == set(values)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", ["kerasdr.service", "kerasdr-watch.service", "kerasdr.timer"])
def test_systemd_takes_the_units_and_finds_them_closed(name: str, tmp_path: Path) -> None:
    for unit in (ROOT / "deploy/systemd").glob("kerasdr*.[st]*"):
        if unit.suffix in (".service", ".timer"):  # the command itself need not be installed
            text = unit.read_text(encoding="utf-8").replace("/opt/kerasdr/bin/kerasdr", "/bin/true")
            (tmp_path / unit.name).write_text(text, encoding="utf-8")
    ran = subprocess.run(["systemd-analyze", "verify", str(tmp_path / name)], capture_output=True, text=True)
    own = [line for line in ran.stderr.splitlines() if "kerasdr" in line]
    assert (ran.returncode, own) == (0, []), ran.stderr
    if name.endswith(".service"):
        command = [
            "systemd-analyze",
            "security",
            "--offline=yes",
            "--threshold=10",
            "--json=short",
            str(tmp_path / name),
        ]
        ran = subprocess.run(command, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout  # exposure is above 1.0
        open_ones = {line["json_field"] for line in json.loads(ran.stdout) if line["set"] is False}
        assert "PrivateNetwork" not in open_ones


def test_the_lean_list_is_that_of_readme_and_constraints() -> None:
    listed = [line for line in (ROOT / "deploy/lean.txt").read_text().splitlines() if not line.startswith("#")]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if match := re.search(r"pip install -c constraints\.txt (click .*)", readme):
        assert match[1].split() == listed
    pinned = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert set(listed) <= {name.replace("_", "-") for name in pinned}
