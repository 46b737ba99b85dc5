"""The one object that runs trainings: here or on an engine, and each only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace

from noisylab.core.images import ImageSet
from noisylab.learning.kept import Kept, Trained, Training, sets_fingerprint
from noisylab.learning.training import Epoch, Progress
from noisylab.learning.training_state import EpochFile
from noisylab.many.engines import map_trainings

Trainings = Iterator[tuple[int, Trained]]

#: Passes on trainings as they end, of the number given, and may show how many did.
Watch = Callable[[Trainings, int], Trainings]

#: Makes the observer of a training from its name, its epochs and its images per epoch.
Show = Callable[[str, int, int], Progress]


@dataclass(frozen=True)
class Trainer:
    """Runs trainings; those kept are read, those interrupted resume, all with equal bits.

    kept:   the store of results and of states; on dask no states are kept.
    engine: of train(), as for map_trainings().
    watch:  shows the trainings of train(); show: shows one of train_one(). None shows nothing.
    """

    kept: Kept = field(default_factory=Kept)
    engine: str = "local"
    watch: Watch | None = None
    show: Show | None = None

    def train_one(self, name: str, train: ImageSet, dev: ImageSet, training: Training) -> Trained:
        """Train in this process, on the threads of its settings. Raises InputError as fit()."""
        progress = self.show(name, training.config.epochs, len(train)) if self.show else None
        key = training.key(sets_fingerprint(train, dev))
        trained = self._read(key, training)
        if not trained:
            trained = training.run(train, dev, progress, self.kept.checkpoint(key))
            self._write(key, trained)
        elif progress:
            progress.resume(trained.history)
        return trained

    def train(self, train: ImageSet, dev: ImageSet, trainings: Sequence[Training]) -> Trainings:
        """Yield (index of the training, result) as trainings end, in any order.

        Each runs on one thread, whatever its settings, so that results do not depend on the
        engine. Raises what a training raised; divergence is a result.
        """
        single = [replace(one, config=replace(one.config, threads=1)) for one in trainings]
        results = self._results(train, dev, single)
        return self.watch(results, len(single)) if self.watch else results

    def keep_used(self) -> None:
        """Remove results and states of trainings that this object was not asked for."""
        self.kept.keep_used()

    def _results(self, train: ImageSet, dev: ImageSet, trainings: Sequence[Training]) -> Trainings:
        sets = sets_fingerprint(train, dev)
        keys = [training.key(sets) for training in trainings]
        left = []
        for index, key in enumerate(keys):
            trained = self._read(key, trainings[index])
            if trained:
                yield index, trained
            else:
                left.append(index)
        if not left:
            return
        is_here = not self.engine.startswith("dask:")
        jobs = [
            (trainings[index], self.kept.checkpoint(keys[index]) if is_here else None)
            for index in left
        ]
        for place, trained, error in map_trainings(_run, jobs, self.engine, (train, dev)):
            if error:
                raise error
            self._write(keys[left[place]], trained)
            yield left[place], trained

    def _read(self, key: str, training: Training) -> Trained | None:
        values = self.kept.read(key)
        if values is None:
            return None
        rows, weights, losses = values
        return Trained(training.config, [Epoch(*row) for row in rows], weights, losses)

    def _write(self, key: str, trained: Trained) -> None:
        rows = [astuple(epoch) for epoch in trained.history]
        self.kept.write(key, (rows, trained.weights, trained.losses))


def _run(job: tuple[Training, EpochFile | None], train: ImageSet, dev: ImageSet) -> Trained:
    training, checkpoint = job
    return training.run(train, dev, checkpoint=checkpoint)
