"""Synthetic fundus photographs, one eye at a time."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.data.phantom.anatomy import draw_background, draw_landmarks, place_landmarks
from kerasdr.data.phantom.camera import choose_frame, photograph, sign
from kerasdr.data.phantom.lesions import KINDS, make_lesions
from kerasdr.data.phantom.painting import draw_distractors, label, paint
from kerasdr.data.phantom.people import Eye, Person, make_person


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
    random = np.random.default_rng([seed, person.number, 1 + (eye.eye == "right")])
    frame = choose_frame(random, size)
    layout = place_landmarks(random, person)
    retina = draw_background(random, person, frame)
    draw_landmarks(retina, random, person, frame, layout)
    draw_distractors(retina, random, frame, person.drusen)
    lesions = make_lesions(random, eye.grade, frame, layout)
    paint(retina, lesions, random, size / 512)
    picture, inside = photograph(retina, random, frame, eye.fault)
    labels = label(lesions, inside)
    places = np.stack([frame.pixels(layout.disc), frame.pixels(layout.macula)])
    if eye.eye == "left":
        picture, labels = np.ascontiguousarray(cv2.flip(picture, 1)), np.ascontiguousarray(cv2.flip(labels, 1))
        places[:, 0] = size - 1 - places[:, 0]
    sign(picture)
    return Phantom(
        image=picture,
        labels=labels,
        counts=lesions.counts,
        person=person.number,
        eye=eye.eye,
        grade=eye.grade,
        quality="ungradable" if eye.fault else "gradable",
        disc=(float(places[0, 0]), float(places[0, 1])),
        macula=(float(places[1, 0]), float(places[1, 1])),
    )


def draw_person(seed: int, number: int, size: int = 512) -> list[Phantom]:
    """Draw the photographs of person ``number`` of the population ``seed``: mostly both eyes, sometimes one."""
    person = make_person(seed, number)
    return [draw_eye(seed, person, eye, size) for eye in person.eyes]
