"""Images of a data set, each with a ball around it: is there an input in the ball that the network takes for something else?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from surrogate.problems.objectives import CLOSEST, OUTPUT
from sweep.config.rules import FUNCTION, NO_DATASET
from sweep.config.schema import Settings
from sweep.config.sections import source_of
from sweep.config.users_data import USERS, read_data
from sweep.errors import ConfigError, SweepError
from sweep.tasks.attacking import BALL, AttackInstance, AttackTask
from sweep.tasks.base import TaskWork

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from surrogate.attack import Instance
    from surrogate.data import Dataset
    from surrogate.networks import ReluNetwork


class ImageTask(AttackTask):
    """The images that ``instances`` draws, ``instances.count`` of them."""

    of_the_instance = tuple(f"attack.{name}" for name in BALL)

    def check(self, settings: Settings) -> None:
        data, instances = settings.dataset.name, settings.instances
        if instances.properties is not None:
            raise ConfigError("task=image with instances.properties: choose task=property, or set instances.properties=null")
        if settings.attack.objective == OUTPUT:
            raise ConfigError("task=image with attack.objective=output: choose task=output, or set attack.objective=margin")
        if data == NO_DATASET:
            raise ConfigError(
                "dataset=none without instances.properties: there are no images to attack; name VNN-LIB files, choose a data "
                "set or set attack.objective=output"
            )
        if data == FUNCTION:
            raise ConfigError("dataset=function has no classes to attack: set attack.objective=output")
        self._check_count(settings)
        if settings.attack.objective == CLOSEST:
            self._check_closest(settings)
        else:
            self._check_ball(settings)

    def counted(self, section: str, settings: Settings, found: dict[str, Any]) -> dict[str, Any] | None:
        if section == "instances":
            return {**{name: found[name] for name in ("seed", "split")}, "count": found["count"] or 1}
        return found

    def data_use(self, settings: Settings) -> str | None:
        return f"attack.objective={settings.attack.objective}"

    def drawn(self, work: TaskWork, dense: ReluNetwork) -> tuple[Sequence[AttackInstance], int]:
        data = work.inputs.data
        assert data is not None, "a configuration that attacks images without a data set is refused"
        images, _ = split_of(data, work.settings.instances.split)
        if images.shape[1] != dense.input_size:
            raise SweepError(
                f"the network takes {dense.input_size} inputs and the images of {data.name} have {images.shape[1]} pixels: "
                f"choose another dataset or dataset.side"
            )
        shape = () if data.shape is None else data.shape
        drawn, skipped = drawn_as_set(work.settings, data, dense, f"{source_name(data)} {'x'.join(map(str, shape))}")
        form: dict[str, Any] = {} if data.side is not None or data.shape is None else {"shape": list(shape)}
        named = [dataclasses.replace(one, facts={**form, **class_facts(data, one.attacked)}) for one in drawn]
        return named, skipped

    def _check_count(self, settings: Settings) -> None:
        from surrogate.data import image_count

        instances, name = settings.instances, settings.dataset.name
        if name in USERS:
            images = len(split_of(read_data(settings.dataset), instances.split)[0])
        else:
            images = image_count(name, instances.split)
        if instances.count is not None and instances.count > images:
            raise ConfigError(
                f"instances.count={instances.count} with instances.split={instances.split}: {name} has {images} such "
                f"{self.words('').instance}s; ask for fewer"
            )

    def _check_closest(self, settings: Settings) -> None:
        from surrogate.attack import CLOSEST_METHODS

        if CLOSEST not in self.method_class(source_of(settings)).objectives:
            raise ConfigError(
                f"attack.objective={CLOSEST} with attack.method={settings.attack.method}: only {' and '.join(CLOSEST_METHODS)} "
                f"look for the closest perturbation; choose one of these or attack.objective=margin"
            )

    def _check_ball(self, settings: Settings) -> None:
        attack = settings.attack
        if attack.radius is None and attack.norm != "l1":
            from sweep.tasks.image.drawing import RADIUS_RANGE

            low, high = RADIUS_RANGE
            raise ConfigError(
                f"attack.radius is null with attack.norm={attack.norm}: a radius is only drawn for l1 (uniform in {low} to "
                f"{high}); set attack.radius to a number above 0"
            )
        if attack.norm == "l2" and not self.method_class(source_of(settings)).takes_l2:
            raise ConfigError(
                f"attack.norm=l2 with attack.method={attack.method}: a linear solver has no l2 ball; "
                f"choose attack.norm=l1 or linf, or an attack without a MILP such as attack=branch_and_bound"
            )


def drawn_as_set(
    settings: Settings, data: Dataset, dense: ReluNetwork, source: str, **more: Any
) -> tuple[list[AttackInstance], int]:
    """Return what :func:`sweep.tasks.image.drawing.draw_instances` does of a split of a data set, as a trial's settings ask.

    Args:
        settings: of the trial.
        data: whose images or rows are drawn.
        dense: the network that must classify them rightly.
        source: what says which data set this is, in keys of instances; the split is added.
        more: further arguments of ``draw_instances``.
    """
    from sweep.tasks.image.drawing import draw_instances

    i, a = settings.instances, settings.attack
    images, labels = split_of(data, i.split)
    return draw_instances(
        dense,
        images,
        labels,
        seed=i.seed,
        count=i.count or 1,
        norm=a.norm,
        radius=a.radius,
        targeted=a.target == "runner_up",
        source=f"{source} {i.split}",
        closest=a.objective == CLOSEST,
        **more,
    )


def source_name(data: Dataset) -> str:
    """Return what says which data set this is, in keys of instances: of the user's data the contents do, not the name."""
    return f"{data.name} {data.checksum}" if data.name in USERS else data.name


def split_of(data: Dataset, split: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the images ``(n, d)`` and labels ``(n,)`` of a data set that are trained on, or of its ``test`` split."""
    return (data.train_images, data.train_labels) if split == "train" else (data.test_images, data.test_labels)


def class_facts(data: Dataset, attacked: Instance) -> dict[str, Any]:
    """Return the names of label and target, for the record; nothing where classes are called by their numbers."""
    classes = data.classes
    if classes is None or all(name == str(number) for number, name in enumerate(classes)):
        return {}
    numbers = {"label": attacked.label, "target": attacked.target}
    return {which: classes[number] for which, number in numbers.items() if number is not None}
