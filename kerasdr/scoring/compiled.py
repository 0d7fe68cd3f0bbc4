"""Networks as OpenVINO compiled them, kept in the user's cache folder so that the next job starts sooner.

Several jobs may start at once: a file is written beside and renamed, each holds its own checksum, and whatever cannot be
used is compiled again. A cache that cannot be written costs time only. What was not used for longest goes when it is larger
than 2 GiB.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasdr.errors import KerasdrError
from kerasdr.files import sha256_of, write_bytes_atomically
from kerasdr.machine import cache_folder
from kerasdr.no_telemetry import import_openvino
from kerasdr.scoring.graphs import MemberGraph

_LARGEST = 2**31
_FORGOTTEN = 24 * 3600.0
# Of what is done to a graph before it is compiled.
_FORM = 1
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Wanted:
    """What is to be compiled.

    Attributes:
        graph: the network.
        shapes: of its inputs by name.
        outputs: which of its outputs are wanted.
        settings: of OpenVINO.
    """

    graph: MemberGraph
    shapes: Mapping[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    settings: Mapping[str, Any]


def compiled_network(core: Any, wanted: Wanted) -> Any:
    """Return a graph compiled for this processor, from the cache if it is there.

    Args:
        core: OpenVINO's.
        wanted: which, and how.

    Raises:
        KerasdrError: if this OpenVINO cannot read the graph.
    """
    file = _file(core, wanted)
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        network = core.import_model(_whole(file), "CPU", dict(wanted.settings))
        with contextlib.suppress(OSError):  # a cache that can be read and not written is of use
            os.utime(file)
        return network
    network = compile_network(core, wanted)
    with contextlib.suppress(OSError, RuntimeError, KerasdrError):
        file.parent.mkdir(parents=True, exist_ok=True)
        data = network.export_model().getvalue()
        write_bytes_atomically(file, hashlib.sha256(data).digest() + data)
        _prune(file.parent)
    return network


def compile_network(core: Any, wanted: Wanted) -> Any:
    """Return a graph compiled for this processor, whatever the cache holds; see :func:`compiled_network`."""
    openvino = import_openvino()

    network = _read(core, wanted)
    try:
        return core.compile_model(network, "CPU", dict(wanted.settings))
    except RuntimeError as error:
        raise KerasdrError(
            f"openvino {openvino.__version__} cannot run the model's graph on this processor: make it again here with "
            "`kerasdr bundle build`, or take another --engine"
        ) from error


def _prune(folder: Path) -> None:
    """Remove what was not used for longest, until the rest is small enough."""
    files = sorted(((path.stat(), path) for path in folder.glob("*.blob")), key=lambda item: -item[0].st_mtime_ns)
    total = 0
    for state, path in files:
        total += state.st_size
        if total > _LARGEST:
            path.unlink(missing_ok=True)
    for path in folder.glob(".*.part"):  # of jobs that were killed while they wrote
        if time.time() - path.stat().st_mtime > _FORGOTTEN:
            path.unlink(missing_ok=True)


def _read(core: Any, wanted: Wanted) -> Any:
    openvino = import_openvino()

    xml, numbers = wanted.graph.read()
    try:
        network = core.read_model(xml, numbers)
    except RuntimeError as error:
        raise KerasdrError(
            f"openvino {openvino.__version__} cannot read the model's graph: make it again with `kerasdr bundle build`"
        ) from error
    network.reshape({name: list(shape) for name, shape in wanted.shapes.items()})
    if len(wanted.outputs) < len(network.outputs):
        results = [network.output(name).get_node().input(0).get_source_output() for name in wanted.outputs]
        network = openvino.Model(results, network.get_parameters(), network.get_name())
    return network


def _file(core: Any, wanted: Wanted) -> Path:
    openvino = import_openvino()

    processor = core.get_property("CPU", "FULL_DEVICE_NAME"), core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    key = (
        _FORM,
        openvino.__version__,
        processor,
        wanted.graph.digest,
        sorted(wanted.shapes.items()),
        wanted.outputs,
        sorted(wanted.settings.items()),
    )
    return cache_folder() / "openvino" / f"{sha256_of(repr(key).encode())}.blob"


def _whole(file: Path) -> Any:
    """Return what a file keeps, once it is found whole, as a tensor: OpenVINO copies a stream twice before it reads it.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is damaged.
    """
    openvino = import_openvino()

    with open(file, "rb") as opened:
        digest = opened.read(_DIGEST)
        size = os.fstat(opened.fileno()).st_size - _DIGEST
        if size <= 0:
            raise ValueError("damaged")
        # Its own memory, which lives as long as the network; none of Python's.
        content = openvino.Tensor(openvino.Type.u8, openvino.Shape([size]))
        if opened.readinto(content.data) != size or hashlib.sha256(content.data).digest() != digest:
            raise ValueError("damaged")
    return content
