"""Detail that is lost: defocus, movement, a clouded lens, few pixels, compression.

Every function takes ``(H, W, 3)`` uint8 RGB, its :class:`~kerasdr.imaging.field.Field`, a severity above 0 up to 5 and a
generator, and returns a new picture. Light is mixed as light (gamma undone), and only within the retina: the edge of a fundus
photograph is a stop inside the camera, which stays sharp however blurred the retina is.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.field import Field, from_light, to_light

Picture = NDArray[np.uint8]

_JPEG_DIAMETER = 1024
_JPEG_QUALITIES = (100, 40, 25, 15, 10, 6)


def blur(rgb: Picture, field: Field, severity: float, random: np.random.Generator) -> Picture:
    """Defocus: each point becomes a disc of 1% of the retina's diameter for each step.

    In a photograph of 45 degrees, some 13 mm of retina, a step is about 130 micrometres, so that microaneurysms go first. The
    disc kernel is that of ImageNet-C's defocus (Hendrycks and Dietterich, ICLR 2019), relative to the retina.
    """
    radius = 0.005 * severity * field.diameter
    count = max(16, int(np.ceil(4 * radius)))
    line = (np.arange(count) + 0.5) / count * 2 - 1
    x, y = (part.ravel() for part in np.meshgrid(line, line))
    disc = x**2 + y**2 <= 1.0
    return _blurred(rgb, field, _kernel(radius * x[disc], radius * y[disc]))


def motion(rgb: Picture, field: Field, severity: float, random: np.random.Generator) -> Picture:
    """The eye moved during the flash: each point becomes a line of 1% of the diameter for each step, in one direction.

    The direction is drawn. ImageNet-C's motion blur (Hendrycks and Dietterich, 2019), with a constant speed.
    """
    angle = random.uniform(0.0, np.pi)
    length = 0.01 * severity * field.diameter
    along = (np.linspace(-0.5, 0.5, max(16, int(np.ceil(4 * length)))) * length).astype(np.float64)
    return _blurred(rgb, field, _kernel(along * np.cos(angle), along * np.sin(angle)))


def haze(rgb: Picture, field: Field, severity: float, random: np.random.Generator) -> Picture:
    """A clouded lens, as with a cataract: 14% of the light for each step is scattered.

    What passes straight is blurred by a Gaussian of 0.1% of the diameter for each step; what is scattered spreads over the
    retina (a Gaussian of a quarter of its diameter), and light of the flash that the lens throws back adds a white veil of up
    to 8% of full scale at step 5. The form, attenuated picture plus a smooth veil, is that of Peli and Peli, "Restoration of
    retinal images obtained through cataracts", IEEE Transactions on Medical Imaging 8(4), 1989; the numbers are ours.
    """
    scattered = 0.14 * severity
    light = to_light(rgb)
    straight = _gaussian_inside(light, field, 0.001 * severity * field.diameter)
    spread = _gaussian_inside(light, field, 0.25 * field.diameter)
    hazy = (1.0 - scattered) * straight + scattered * spread + np.float32(0.12 * scattered)
    return field.put(from_light(hazy.astype(np.float32)), rgb)


def small(rgb: Picture, field: Field, severity: float, random: np.random.Generator) -> Picture:
    """Few pixels: the retina is stored 1024 / 2^(0.75 severity) pixels across, and enlarged again.

    Steps 1 to 5 are 609, 362, 215, 128 and 76 px. A photograph that has no more pixels than that stays as it is.
    """
    factor = 1024 * 2.0 ** (-0.75 * severity) / field.diameter
    if factor >= 1.0:
        return rgb.copy()
    height, width = rgb.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    fewer = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(fewer, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def jpeg(rgb: Picture, field: Field, severity: float, random: np.random.Generator) -> Picture:
    """Compression: the errors of a JPEG of quality 40, 25, 15, 10 or 6 in which the retina is 1024 px across.

    Blocks of 8 px are larger beside the lesions of a small photograph than beside those of a large one, so the errors are
    made at that size and added to the photograph at its own. From quality 25 on, the qualities are near those of ImageNet-C.
    """
    quality = round(float(np.interp(severity, range(6), _JPEG_QUALITIES)))
    height, width = rgb.shape[:2]
    factor = _JPEG_DIAMETER / field.diameter
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR
    scaled = cv2.cvtColor(cv2.resize(rgb, size, interpolation=how), cv2.COLOR_RGB2BGR)
    stored = cv2.imencode(".jpg", scaled, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    error = np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.float32) - scaled
    how = cv2.INTER_LINEAR if factor < 1.0 else cv2.INTER_AREA
    back = cv2.cvtColor(cv2.resize(error, (width, height), interpolation=how), cv2.COLOR_BGR2RGB)
    return np.clip(np.rint(rgb + back), 0, 255).astype(np.uint8)


def _blurred(rgb: Picture, field: Field, kernel: NDArray[np.float32]) -> Picture:
    weight = field.inside.astype(np.float32)
    above = cv2.filter2D(to_light(rgb) * weight[..., None], -1, kernel, borderType=cv2.BORDER_CONSTANT)
    below = cv2.filter2D(weight, -1, kernel, borderType=cv2.BORDER_CONSTANT)
    return field.put(from_light(_divided(above, below)), rgb)


def _gaussian_inside(light: NDArray[np.float32], field: Field, sigma: float) -> NDArray[np.float32]:
    """Blur within the retina; a wide blur is done on a small copy, where it costs little."""
    height, width = field.inside.shape
    weight = field.inside.astype(np.float32)
    planes = np.dstack([light * weight[..., None], weight])
    factor = min(1.0, 8.0 / sigma)
    if factor < 1.0:
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        planes = cv2.resize(planes, size, interpolation=cv2.INTER_AREA)
    planes = cv2.GaussianBlur(planes, (0, 0), max(sigma * factor, 0.05), borderType=cv2.BORDER_CONSTANT)
    if factor < 1.0:
        planes = cv2.resize(planes, (width, height), interpolation=cv2.INTER_LINEAR)
    return _divided(planes[..., :3], planes[..., 3])


def _divided(above: NDArray[np.float32], below: NDArray[np.float32]) -> NDArray[np.float32]:
    return (above / np.maximum(below, 1e-6)[..., None]).astype(np.float32)


def _kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the kernel that averages a picture over shifts ``(m,)`` in pixels, with bilinear interpolation between pixels."""
    reach = int(np.ceil(max(np.abs(x).max(), np.abs(y).max()))) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    for step_x in (0, 1):
        for step_y in (0, 1):
            share = np.abs(1 - step_x - (x - left)) * np.abs(1 - step_y - (y - top))
            np.add.at(kernel, (top + step_y + reach, left + step_x + reach), share)
    return (kernel / kernel.sum()).astype(np.float32)
