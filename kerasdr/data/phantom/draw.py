"""Synthetic fundus photographs, one eye at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.data.phantom.anatomy import Frame, Layout, Random, draw_background, draw_landmarks, place_landmarks
from kerasdr.data.phantom.camera import choose_frame, photograph, sign
from kerasdr.data.phantom.lesions import KINDS, Lesions, make_lesions
from kerasdr.data.phantom.painting import draw_distractors, label, paint
from kerasdr.data.phantom.people import Eye, Person, make_person

# Width of a canvas that holds both views, and where the retina's middle lies on it, in heights of the canvas.
_WIDE: Final = 1.5
_WIDE_X: Final = 0.65


@dataclass(frozen=True)
class Phantom:
    """A synthetic photograph and the truth about it.

    Attributes:
        image: ``(S, S, 3)`` uint8 RGB.
        labels: ``(S, S)`` uint8: 0 where there is no lesion, else 1 + position in :data:`KINDS` of the lesion on top.
        counts: how many lesions of each kind were drawn; some may lie under others or beyond the camera's border.
        person: the person's number.
        eye: ``left`` or ``right``.
        grade: 0-4.
        quality: ``gradable`` or ``ungradable``.
        disc: centre of the optic disc, x and y in pixels.
        macula: centre of the macula, x and y in pixels.
        view: ``1`` macula-centred, ``2`` disc-centred, or an empty string for one that shows both.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    counts: Mapping[str, int]
    person: int
    eye: str
    grade: int
    quality: str
    disc: tuple[float, float]
    macula: tuple[float, float]
    view: str = ""

    def mask(self, kind: str) -> NDArray[np.bool_]:
        """Return where lesions of a kind are on top, ``(S, S)``; an ungradable photograph may not show them."""
        return self.labels == KINDS.index(kind) + 1

    @property
    def masks(self) -> dict[str, NDArray[np.bool_]]:
        """The masks of the kinds that are there, by kind."""
        return {kind: mask for kind in KINDS if (mask := self.mask(kind)).any()}


def draw_eye(seed: int, person: Person, eye: Eye, size: int = 512) -> Phantom:
    """Draw one eye of a person; the same arguments give the same picture.

    A left eye is drawn as a right one and mirrored.
    """
    random = _random(seed, person, eye)
    frame = choose_frame(random, size)
    retina = _draw_retina(random, person, eye, frame)
    return _take(retina, random, person, eye, camera=frame, left=0)


def draw_views(seed: int, person: Person, eye: Eye, size: int = 512) -> list[Phantom]:
    """Draw one eye of a person as DeepDRiD photographs it: a macula-centred view and a disc-centred one.

    The retina is drawn once, wider than a photograph, and photographed twice with the field of view moved sideways:
    vessels and lesions stay where they are, and each view misses what is beyond its border. Light, noise and border are
    each view's own.
    """
    random = _random(seed, person, eye, 0)
    frame = replace(choose_frame(random, size), x=_WIDE_X * size, width=round(_WIDE * size))
    retina = _draw_retina(random, person, eye, frame, nasal=0.6)
    views = []
    for number, place in enumerate((retina.layout.macula, retina.layout.disc), start=1):
        random = _random(seed, person, eye, number)
        camera = replace(choose_frame(random, size), radius=frame.radius)
        aim = frame.pixels(place)[0] + random.uniform(-0.04, 0.04) * frame.radius - camera.x
        left = int(np.clip(round(aim), 0, frame.shape[1] - size))
        views.append(_take(retina, random, person, eye, camera, left, view=str(number)))
    return views


def draw_person(seed: int, number: int, size: int = 512) -> list[Phantom]:
    """Draw the photographs of person ``number`` of the population ``seed``: mostly both eyes, sometimes one."""
    person = make_person(seed, number)
    return [draw_eye(seed, person, eye, size) for eye in person.eyes]


@dataclass(frozen=True)
class _Retina:
    """A retina that is drawn, as a right eye, and not yet photographed."""

    planes: NDArray[np.float32]
    lesions: Lesions
    layout: Layout
    frame: Frame


def _random(seed: int, person: Person, eye: Eye, *more: int) -> Random:
    return np.random.default_rng([seed, person.number, 1 + (eye.eye == "right"), *more])


def _draw_retina(random: Random, person: Person, eye: Eye, frame: Frame, nasal: float = 0.0) -> _Retina:
    layout = place_landmarks(random, person, nasal)
    planes = draw_background(random, person, frame)
    draw_landmarks(planes, random, person, frame, layout)
    draw_distractors(planes, random, frame, person.drusen)
    lesions = make_lesions(random, eye.grade, frame, layout)
    paint(planes, lesions, random, frame.size / 512)
    return _Retina(planes, lesions, layout, frame)


def _take(
    retina: _Retina, random: Random, person: Person, eye: Eye, camera: Frame, left: int, view: str = ""
) -> Phantom:
    """Photograph the part of a retina that begins ``left`` pixels from its canvas's border."""
    size = camera.size
    part = slice(left, left + size)
    # The camera changes what it is given, and the next view needs it as it was.
    planes = retina.planes[:, :, part].copy() if view else retina.planes
    picture, inside = photograph(planes, random, camera, eye.fault)
    labels = label(retina.lesions.part(part), inside)
    places = retina.frame.pixels(np.stack([retina.layout.disc, retina.layout.macula])) - (left, 0)
    if eye.eye == "left":
        picture, labels = np.ascontiguousarray(cv2.flip(picture, 1)), np.ascontiguousarray(cv2.flip(labels, 1))
        places[:, 0] = size - 1 - places[:, 0]
    sign(picture)
    return Phantom(
        image=picture,
        labels=labels,
        counts=retina.lesions.counts,
        person=person.number,
        eye=eye.eye,
        grade=eye.grade,
        quality="ungradable" if eye.fault else "gradable",
        disc=(float(places[0, 0]), float(places[0, 1])),
        macula=(float(places[1, 0]), float(places[1, 1])),
        view=view,
    )
