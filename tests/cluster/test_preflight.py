"""What a cluster must have: room for a trial on one node, and on every node with CPUs the driver's versions."""

from __future__ import annotations

import pytest

from sweep.config.schema import ClusterSettings
from sweep.errors import SweepError
from sweep.execution.cluster.preflight import PACKAGES, AliveNode, capacity_of, check_versions, installed

HEAD, SMALL, LARGE = (
    AliveNode("a", "10.0.0.1 (head)", 0.0),
    AliveNode("b", "10.0.0.2 (small)", 3.0),
    AliveNode("c", "10.0.0.3 (large)", 8.0),
)


def settings(cpus: int | None = None, cpus_per_trial: int = 1) -> ClusterSettings:
    return ClusterSettings("attach", None, cpus, cpus_per_trial)


class TestCapacity:
    def test_a_trial_stays_on_one_node(self) -> None:
        capacity = capacity_of(settings(cpus_per_trial=2), (HEAD, SMALL, LARGE))
        assert (capacity.cpus, capacity.slots) == (11, 1 + 4)

    def test_a_limit_of_the_user(self) -> None:
        capacity = capacity_of(settings(cpus=5, cpus_per_trial=2), (HEAD, SMALL, LARGE))
        assert (capacity.cpus, capacity.slots) == (5, 2)

    def test_what_fits_no_node_names_the_largest(self) -> None:
        with pytest.raises(SweepError, match=r"cpus_per_trial=9 fits no node .*the largest, 10\.0\.0\.3 \(large\), has 8 CPUs"):
            capacity_of(settings(cpus_per_trial=9), (HEAD, SMALL, LARGE))

    def test_more_than_there_is(self) -> None:
        with pytest.raises(SweepError, match=r"cluster\.cpus=12 is more than the 11 CPUs of the Ray cluster's 3 nodes"):
            capacity_of(settings(cpus=12), (HEAD, SMALL, LARGE))

    def test_one_is_one(self) -> None:
        alone = AliveNode("d", "10.0.0.4 (alone)", 1.0)
        with pytest.raises(SweepError, match=r"more than the 1 CPU of the Ray cluster's 1 node: "):
            capacity_of(settings(cpus=2), (alone,))
        with pytest.raises(SweepError, match="has 1 CPU; lower it"):
            capacity_of(settings(cpus_per_trial=2), (alone,))

    def test_a_head_alone_without_cpus(self) -> None:
        with pytest.raises(SweepError, match="none of the 1 nodes of the Ray cluster has CPUs"):
            capacity_of(settings(), (HEAD,))


class TestVersions:
    def test_the_same_everywhere(self) -> None:
        check_versions(installed(), {SMALL.name: installed(), LARGE.name: installed()})

    @pytest.mark.parametrize("name", [*PACKAGES, "python"])
    def test_another_version_is_named_with_ours_and_the_node(self, name: str) -> None:
        driver = installed()
        with pytest.raises(SweepError) as told:
            check_versions(driver, {SMALL.name: driver, LARGE.name: {**driver, name: "0.0.1"}})
        assert str(told.value).startswith(f"{LARGE.name} has {name} 0.0.1 and the driver {name} {driver[name]}: ")
        assert SMALL.name not in str(told.value)

    def test_a_node_that_lacks_packages(self) -> None:
        driver = installed()
        with pytest.raises(SweepError, match=r"10\.0\.0\.2 \(small\) lacks torch, highspy: install"):
            check_versions(driver, {SMALL.name: {**driver, "torch": None, "highspy": None}, LARGE.name: driver})

    def test_a_solver_that_only_one_side_has_is_no_fault(self) -> None:
        driver = {**installed(), "gurobipy": "13.0.0"}
        check_versions(driver, {SMALL.name: {**driver, "gurobipy": None}})
        with pytest.raises(SweepError, match=r"has gurobipy 12\.0\.0 and the driver gurobipy 13\.0\.0"):
            check_versions(driver, {SMALL.name: {**driver, "gurobipy": "12.0.0"}})

    def test_a_node_that_is_silent(self) -> None:
        with pytest.raises(SweepError, match=r"10\.0\.0\.2 \(small\) does not answer within 20 s: repair the node"):
            check_versions(installed(), {}, {SMALL.name: "does not answer within 20 s"})

    def test_many_nodes_make_one_sentence(self) -> None:
        driver = installed()
        nodes = {f"10.0.1.{number} (n{number})": {**driver, "torch": "1.0"} for number in range(40)}
        with pytest.raises(SweepError, match="and 35 more nodes: install") as told:
            check_versions(driver, nodes)
        assert str(told.value).count("torch 1.0") == 5
