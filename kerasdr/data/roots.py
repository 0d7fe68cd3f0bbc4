"""Where photographs lie: one folder, or one for each layout, as ``--data PATH`` and ``--data LAYOUT=PATH`` say it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kerasdr.config import Experiment
from kerasdr.data.readers import layout_names
from kerasdr.errors import KerasdrError


@dataclass(frozen=True)
class DataRoots:
    """Folders of photographs.

    Attributes:
        plain: for the layouts that are not named; None if there is none.
        of_layout: for each layout that is.
    """

    plain: str | None = None
    of_layout: Mapping[str, str] = field(default_factory=dict)

    def of(self, layout: str) -> str | None:
        """Return the folder for photographs in a layout, or None."""
        return self.of_layout.get(layout, self.plain)


def parse_roots(values: Iterable[str]) -> DataRoots:
    """Read ``PATH`` and ``LAYOUT=PATH``.

    Only what stands before ``=`` and is the name of a layout is taken for one, so a path may have a ``=`` in it.

    Raises:
        KerasdrError: if two folders are given for the same photographs, or a layout is named without a folder.
    """
    plain: str | None = None
    of_layout: dict[str, str] = {}
    for value in values:
        layout, equals, path = value.partition("=")
        if not (equals and layout in layout_names()):
            if plain is not None:
                raise KerasdrError(
                    f"--data names both {plain} and {value}: say which layout each is of, as in --data aptos=PATH"
                )
            plain = value
        elif not path:
            raise KerasdrError(f"--data {value} names no folder: give --data {layout}=PATH")
        elif layout in of_layout:
            raise KerasdrError(f"--data names two folders of layout {layout}, {of_layout[layout]} and {path}: give one")
        else:
            of_layout[layout] = path
    return DataRoots(plain, of_layout)


def place_data(
    experiments: Sequence[Experiment], roots: DataRoots, of_whom: str, others: Iterable[str] = ()
) -> list[Experiment]:
    """Return experiments that read the folders given for their layouts; without one, they stay as they are.

    Args:
        experiments: one, or those of a task's rows.
        roots: the folders.
        of_whom: what to call them all in a message.
        others: layouts for which a folder may be given though none of ``experiments`` reads it.

    Raises:
        KerasdrError: if a folder is given for a layout that nothing reads, or one folder for several layouts.
    """
    layouts = list(dict.fromkeys(experiment.data.layout for experiment in experiments))
    known = list(dict.fromkeys([*layouts, *others]))
    for layout, path in roots.of_layout.items():
        if layout not in known:
            raise KerasdrError(
                f"--data {layout}={path}: {of_whom} reads photographs in layout {' and '.join(known)}; "
                f"give {_options(known)}"
            )
    if roots.plain is not None:
        unnamed = [layout for layout in layouts if layout not in roots.of_layout]
        if len(unnamed) > 1:
            raise KerasdrError(
                f"{of_whom} reads photographs in layout {' and '.join(unnamed)}, and --data {roots.plain} is one folder: "
                f"give {_options(unnamed)}, or rows of one layout with --only"
            )
        if set(known) <= set(roots.of_layout):
            raise KerasdrError(
                f"--data {roots.plain} is for no layout: {' and '.join(known)} have folders of their own; leave it out"
            )
    return [_reading(experiment, roots.of(experiment.data.layout)) for experiment in experiments]


def _reading(experiment: Experiment, root: str | None) -> Experiment:
    if root is None:
        return experiment
    return experiment.model_copy(update={"data": experiment.data.model_copy(update={"root": root})})


def _options(layouts: Iterable[str]) -> str:
    return " ".join(f"--data {layout}=PATH" for layout in layouts)
