"""Images of a data set, each with a ball around it: an input in the ball that the network takes for something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sweep.config.attack_facts import CLOSEST, OUTPUT
from sweep.config.rules import FUNCTION, NO_DATASET
from sweep.config.schema import Settings
from sweep.errors import ConfigError, SweepError
from sweep.tasks.attacking import AttackedNetwork, AttackInstance, AttackTask
from sweep.tasks.base import TaskWork
from sweep.terminal.wording import count

if TYPE_CHECKING:
    from surrogate.networks import ReluNetwork


class ImageTask(AttackTask):
    """The images that ``instances`` draws, ``instances.count`` of them."""

    of_the_instance = ("attack.norm", "attack.radius", "attack.target")

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
        self._check_ball(settings)

    def counted(self, section: str, settings: Settings, found: dict[str, Any]) -> dict[str, Any] | None:
        if section == "instances":
            return {**{name: found[name] for name in ("seed", "split")}, "count": found["count"] or 1}
        return found

    def data_use(self, settings: Settings) -> str | None:
        return f"attack.objective={settings.attack.objective}"

    def prepare(self, work: TaskWork) -> AttackedNetwork:
        return AttackedImages(self, work)

    def drawn(self, work: TaskWork, dense: ReluNetwork) -> tuple[Sequence[AttackInstance], int]:
        return drawn_images(work, dense)

    def _check_count(self, settings: Settings) -> None:
        from surrogate.data import image_count

        instances, name = settings.instances, settings.dataset.name
        images = image_count(name, instances.split)
        if instances.count is not None and instances.count > images:
            raise ConfigError(
                f"instances.count={instances.count} with instances.split={instances.split}: {name} has {images} such images; "
                f"ask for fewer"
            )

    def _check_ball(self, settings: Settings) -> None:
        attack = settings.attack
        if attack.objective == CLOSEST:
            return
        if attack.radius is None and attack.norm != "l1":
            raise ConfigError(
                f"attack.radius is null with attack.norm={attack.norm}: a radius is only drawn for l1 (uniform in 4.5 to 5.5); "
                f"set attack.radius to a number above 0"
            )
        if attack.norm == "l2" and attack.method == "surrogate":
            raise ConfigError(
                "attack.norm=l2 with attack.method=surrogate: a linear solver has no l2 ball; "
                "choose attack.norm=l1 or linf, or an attack without a MILP such as attack=branch_and_bound"
            )


class AttackedImages(AttackedNetwork):
    """A network attacked at images."""

    @property
    def opening(self) -> str:
        return f", {count(self.skipped, 'image')} left out as misclassified" if self.skipped else ""


def drawn_images(work: TaskWork, dense: ReluNetwork) -> tuple[list[AttackInstance], int]:
    """Return the images of a trial, and how many were left out because the network misclassifies them.

    Raises:
        SweepError: the images do not fit the network, or too few are classified correctly.
    """
    from sweep.tasks.image.drawing import draw_instances

    data, i, a = work.inputs.data, work.settings.instances, work.settings.attack
    assert data is not None, "a configuration that attacks images without a data set is refused"
    images, labels = (data.train_images, data.train_labels) if i.split == "train" else (data.test_images, data.test_labels)
    if images.shape[1] != dense.input_size:
        raise SweepError(
            f"the network takes {dense.input_size} inputs and the images of {data.name} have {images.shape[1]} pixels: choose "
            f"another dataset or dataset.side"
        )
    return draw_instances(
        dense,
        images,
        labels,
        seed=i.seed,
        count=i.count or 1,
        norm=a.norm,
        radius=a.radius,
        targeted=a.target == "runner_up",
        source=f"{data.name} {data.side}x{data.side} {i.split}",
        closest=a.objective == CLOSEST,
    )
