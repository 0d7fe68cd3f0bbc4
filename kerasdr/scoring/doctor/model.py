"""The model: whether it is whole, what runs it here, and whether it gives its known answers."""

from collections.abc import Callable
from pathlib import Path

from kerasdr.errors import KerasdrError
from kerasdr.machine import available_cores
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.doctor.point import Point, ok, problem, warning
from kerasdr.scoring.engine import Engine
from kerasdr.scoring.engines import EngineName, choose_engine, make_engine
from kerasdr.scoring.golden import compare_golden, refuse_different
from kerasdr.scoring.golden_host import precision_of
from kerasdr.scoring.pointer import find_bundle
from kerasdr.scoring.sealed import SIGNATURE

# Generous figures of what `kerasdr predict` takes: libraries; networks, compiled and at work, for each byte of their weights; a
# process that reads photographs, for each core. On two cores they come to 0.8 GB for the demo's networks and to 1.7 GB for
# ResNet18, ResNet34 and DenseNet121 at 224 px, where the largest process was seen to take 0.2 and 0.8 GB.
_LIBRARIES, _EACH_BYTE, _EACH_CORE = 300 * 2**20, 6.0, 256 * 2**20
_OF_KERAS = 900 * 2**20


def check_bundle(path: Path) -> tuple[list[Point], Bundle | None]:
    """Load a bundle, which reads every byte of it, and its weights."""
    try:
        bundle = load_bundle(path)
        for member in bundle.members:
            len(member.weights)
        signed = (find_bundle(path) / SIGNATURE).exists()
    except KerasdrError as error:
        return [problem("model", str(error))], None
    kept = "signed; see `kerasdr bundle verify`" if signed else "not signed"
    points = [ok("model", f"{bundle.label} is whole, {kept}")]
    if bundle.caution:
        points.append(warning("model", f"{bundle.caution}: take one that was trained on photographs of people"))
    return points, bundle


def check_engine(
    bundle: Bundle, name: EngineName, before_keras: Callable[[], None]
) -> tuple[Point, Engine | None, EngineName]:
    """Make the engine that a job would take; ``before_keras`` is called if that is Keras, before it is loaded."""
    try:
        name = choose_engine(bundle, name)
        if name == "keras":
            before_keras()
        engine = make_engine(bundle, engine=name)
    except KerasdrError as error:
        return problem("engine", str(error)), None, name
    except Exception as error:  # whatever a library that was badly installed raises
        return (
            problem("engine", f"{name} does not load ({type(error).__name__}): install it again, or take another"),
            None,
            name,
        )
    return ok("engine", f"{name}, {precision_of(bundle, name)}"), engine, name


def check_answers(bundle: Bundle, engine: Engine, name: EngineName) -> Point:
    """Grade the golden photographs."""
    if bundle.golden is None:
        return warning(
            "golden check", f"{bundle.label} carries no golden photographs: make it again with `bundle build`"
        )
    try:
        found = compare_golden(bundle, engine, precision_of(bundle, name))
        refuse_different(bundle, name, found)
    except KerasdrError as error:
        return problem("golden check", str(error))
    most = max((one.largest.get("probability", 0.0) for one in found), default=0.0)
    return ok("golden check", f"{len(found)} photographs give the known answers; largest difference {most:.1e}")


def needed_memory(bundle: Bundle | None, name: EngineName = "openvino") -> float:
    """Return about how many bytes a job of a bundle takes; of no network if there is no bundle."""
    arrays = 0 if bundle is None else sum(array.nbytes for m in bundle.members for array in m.weights.values())
    return _LIBRARIES + _EACH_BYTE * arrays + _EACH_CORE * available_cores() + (_OF_KERAS if name == "keras" else 0)
