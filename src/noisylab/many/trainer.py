"""The one object that runs trainings: side by side, and each only once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, field, replace
from functools import partial
from pathlib import Path

from noisylab.core.errors import WorkerDiedError
from noisylab.core.images import ImageSet
from noisylab.learning.kept import Kept, Trained, Training, sets_fingerprint
from noisylab.learning.precision import find_device
from noisylab.learning.training import Epoch
from noisylab.learning.training_state import EpochFile
from noisylab.many.engines import map_trainings
from noisylab.many.memory import keep_freed_memory
from noisylab.many.progress import Reporter, Reports, Unwatched, Watch, pass_on

Trainings = Iterator[tuple[int, Trained]]


@dataclass(frozen=True)
class Trainer:
    """Runs trainings; reads finished ones from disk and resumes interrupted ones, to equal bits.

    kept:   the store of results and of states. Dask keeps no states: trainings start again there.
    engine: as for map_trainings().
    watch:  shows the trainings; on dask, only when they end.
    """

    kept: Kept = field(default_factory=Kept)
    engine: str = "local"
    watch: Watch = field(default_factory=Unwatched)

    def train(self, train: ImageSet, dev: ImageSet, trainings: Sequence[Training]) -> Trainings:
        """Yield (index of the training, result) as trainings end, in any order.

        Each runs on one thread, so results do not depend on the engine. Raises what a training
        raised; divergence is a result.
        """
        if not trainings:
            return
        self.watch.begin(trainings, [training.n_images(train) for training in trainings])
        try:
            yield from self._results(train, dev, trainings)
        finally:
            self.watch.end()

    def keep_used(self) -> None:
        """Remove results and states of trainings that this object was not asked for."""
        self.kept.keep_used()

    def _results(self, train: ImageSet, dev: ImageSet, trainings: Sequence[Training]) -> Trainings:
        sets = sets_fingerprint(train, dev)
        keys = [training.key(sets) for training in trainings]
        equal: dict[str, list[int]] = {}  # trainings that are left, by key
        for index, key in enumerate(keys):
            trained = self._read(key, trainings[index])
            if trained:
                self.watch.done(index, len(trained.history), is_new=False)
                yield index, trained
            else:
                equal.setdefault(key, []).append(index)
        # The longest first: the last to end should be a short one.
        left = sorted(
            (indices[0] for indices in equal.values()),
            key=lambda index: -trainings[index].cost(train),
        )
        if self.engine == "local:1" or (self.engine == "local" and len(left) == 1):
            results = self._train_here(train, dev, trainings, keys, left)
        else:
            results = self._train_on_engine(train, dev, trainings, keys, left)
        for first, trained in results:
            self._write(keys[first], trained)
            for index in equal[keys[first]]:
                self.watch.done(index, len(trained.history), is_new=index == first)
                yield index, replace(trained, config=trainings[index].config)

    def _train_here(
        self,
        train: ImageSet,
        dev: ImageSet,
        trainings: Sequence[Training],
        keys: Sequence[str],
        left: Sequence[int],
    ) -> Trainings:
        """Trainings in turn in this process, which saves the start of another."""
        keep_freed_memory()
        for index in left:
            reporter = Reporter(partial(pass_on, self.watch), index)
            checkpoint = self.kept.checkpoint(keys[index])
            yield index, trainings[index].run(train, dev, reporter, checkpoint)

    def _train_on_engine(
        self,
        train: ImageSet,
        dev: ImageSet,
        trainings: Sequence[Training],
        keys: Sequence[str],
        left: Sequence[int],
    ) -> Trainings:
        if not left:
            return
        is_here = not self.engine.startswith("dask:")
        with tempfile.TemporaryDirectory(prefix="noisylab-") as folder:
            reports = Reports(Path(folder) / "reports") if is_here else None
            jobs = [
                (
                    trainings[index].settled(),
                    index,
                    self.kept.checkpoint(keys[index]) if is_here else None,
                    reports,
                )
                for index in left
            ]
            look = partial(reports.show, self.watch) if reports else None
            devices = {find_device(trainings[index].config.device).type for index in left}
            stop = reports.close if reports else None
            on_gpu = devices == {"cuda"}
            # Closed here: an error holds the frames that it passed, and so all trainings.
            with closing(
                map_trainings(_run, jobs, self.engine, (train, dev), look, stop, on_gpu)
            ) as results:
                for place, trained, error in results:
                    index = left[place]
                    if isinstance(error, WorkerDiedError):
                        raise WorkerDiedError(trainings[index].name, *error.args[1:])
                    if error:
                        raise error
                    if not reports and trained.history:
                        n_images = trainings[index].n_images(train)
                        self.watch.step(index, len(trained.history) * n_images)
                        self.watch.epoch(index, trained.history[-1])
                    yield index, trained

    def _read(self, key: str, training: Training) -> Trained | None:
        values = self.kept.read(key)
        if values is None:
            return None
        rows, weights, losses = values
        history = [Epoch(*row) for row in rows]
        return Trained(training.config, history, weights, losses, training.network)

    def _write(self, key: str, trained: Trained) -> None:
        rows = [astuple(epoch) for epoch in trained.history]
        self.kept.write(key, (rows, trained.weights, trained.losses))


def _run(
    job: tuple[Training, int, EpochFile | None, Reports | None], train: ImageSet, dev: ImageSet
) -> Trained:
    training, index, checkpoint, reports = job
    reporter = Reporter(reports.send, index) if reports else None
    return training.run(train, dev, reporter, checkpoint)
