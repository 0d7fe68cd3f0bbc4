"""Synthetic fundus photographs, one eye at a time."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.data.phantom.anatomy import draw_background, draw_landmarks, place_landmarks
from kerasdr.data.phantom.camera import choose_frame, photograph, sign
from kerasdr.data.phantom.lesions import KINDS, draw_distractors, make_lesions, paint
from kerasdr.data.phantom.people import Eye, Person, make_person


@dataclass(frozen=True)
class Phantom:
    """A synthetic photograph and the truth about it.

    Attributes:
        image: ``(S, S, 3)`` uint8 RGB.
        labels: ``(S, S)`` uint8: 0 where there is no lesion, else 1 + position in :data:`KINDS` of the lesion on top.
        counts: how many lesions of each kind.
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
        """Return where lesions of a kind are on top, ``(S, S)``."""
        return self.labels == KINDS.index(kind) + 1


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
    picture = photograph(retina, random, frame, eye.fault)
    labels = np.zeros((size, size), np.uint8)
    for value, kind in enumerate(KINDS, start=1):
        if kind in lesions.alpha:
            labels[lesions.alpha[kind] > 127] = value
    labels[cv2.max(cv2.max(picture[..., 0], picture[..., 1]), picture[..., 2]) == 0] = 0
    disc, macula = frame.pixels(layout.disc), frame.pixels(layout.macula)
    if eye.eye == "left":
        picture, labels = np.ascontiguousarray(cv2.flip(picture, 1)), np.ascontiguousarray(cv2.flip(labels, 1))
        disc, macula = ((size - 1 - place[0], place[1]) for place in (disc, macula))
    sign(picture)
    return Phantom(
        image=picture,
        labels=labels,
        counts=lesions.counts,
        person=person.number,
        eye=eye.eye,
        grade=eye.grade,
        quality="ungradable" if eye.fault else "gradable",
        disc=(float(disc[0]), float(disc[1])),
        macula=(float(macula[0]), float(macula[1])),
    )


def draw_person(seed: int, number: int, size: int = 512) -> list[Phantom]:
    """Draw all photographs of person ``number`` of the population ``seed``: mostly left and right eye, sometimes one."""
    person = make_person(seed, number)
    return [draw_eye(seed, person, eye, size) for eye in person.eyes]
