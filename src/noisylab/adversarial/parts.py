"""Attacks on many images by many models, in parts that run side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from noisylab.adversarial.smallest import smallest_change
from noisylab.adversarial.steps import attack
from noisylab.config.settings import AdversarialConfig
from noisylab.core.errors import WorkerDiedError
from noisylab.learning.network import SimpleModel, dump_weights, load_weights
from noisylab.learning.precision import find_device, own_stream
from noisylab.many.engines import map_trainings

PART = 256  # images of a part; the searches compare the images of a part, so results depend on it

#: Attacks for the smallest change: to the target, and to the target with the confidence asked for.
SEARCHES = ("smallest", "confident")


@dataclass(frozen=True, eq=False)
class Victim:
    """A model, the images to attack, and images that it predicts as the target.

    images, known: (N, 32, 32, 3) and (M, 32, 32, 3) uint8.
    """

    model: SimpleModel
    images: np.ndarray
    known: np.ndarray


@dataclass(frozen=True, eq=False)
class _Job:
    """One attack on one part. attack: the epsilon of the steps, or one of SEARCHES."""

    victim: str
    attack: str | float
    images: np.ndarray


def attack_images(
    victims: Mapping[str, Victim],
    target: int,
    config: AdversarialConfig,
    device: str,
    engine: str,
) -> dict[str, dict[str | float, np.ndarray]]:
    """The images of each victim by attack: `original`, each epsilon as a number, and SEARCHES.

    Parts are of a fixed size and each runs on one thread, so results do not depend on the engine;
    engine: as for map_trainings(). Raises what an attack raised.
    """
    attacks: list[str | float] = [*config.epsilons, *SEARCHES]
    attacked: dict[str, dict[str | float, np.ndarray]] = {
        name: {"original": victim.images, **{one: victim.images.copy() for one in attacks}}
        for name, victim in victims.items()
    }
    jobs, places = [], []
    for one in attacks[::-1]:  # the slowest first
        for name, victim in victims.items():
            for start in range(0, len(victim.images), PART):
                part = slice(start, start + PART)
                jobs.append(_Job(name, one, victim.images[part]))
                places.append(attacked[name][one][part])
    weights = {name: dump_weights(victim.model) for name, victim in victims.items()}
    known = {name: victim.known for name, victim in victims.items()}
    shared = (weights, known, target, config, device)
    if engine == "local:1":  # no other process has to start
        for place, job in zip(places, jobs, strict=True):
            place[:] = _attack_part(job, *shared)
        return attacked
    on_gpu = find_device(device).type == "cuda"
    for index, images, error in map_trainings(_attack_part, jobs, engine, shared, on_gpu=on_gpu):
        if isinstance(error, WorkerDiedError):
            job = jobs[index]
            name = f"attack {job.attack} on the model {job.victim}"
            raise WorkerDiedError(name, *error.args[1:])
        if error:
            raise error
        places[index][:] = images
    return attacked


def _attack_part(
    job: _Job,
    weights: Mapping[str, bytes],
    known: Mapping[str, np.ndarray],
    target: int,
    config: AdversarialConfig,
    device: str,
) -> np.ndarray:
    torch.set_num_threads(1)  # the last bits of a sum depend on it
    place = find_device(device)
    targets = np.full(len(job.images), target)
    with own_stream(place):
        model = load_weights(weights[job.victim]).to(place)
        if isinstance(job.attack, str):
            confidence = config.confidence if job.attack == "confident" else None
            return smallest_change(
                model, job.images, targets, confidence=confidence, known=known[job.victim]
            ).images
        return attack(
            model, job.images, targets, epsilon=job.attack, steps=config.steps, norm=config.norm
        ).images
