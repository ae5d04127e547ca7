from upstreams.postgres.replica_proof import NEVER, Position, Proof


def at(lsn, timeline=1, system=7):
    return Position(system, timeline, lsn)


def proven(*steps):
    """When the replica had everything, after each pair of the primary's and the replica's position, one a second."""
    proof, found = Proof(), []
    for second, (written, applied) in enumerate(steps):
        proof.sample(second, written)
        proof.prove(applied)
        found.append(proof.at)
    return found


def test_an_idle_primary_does_not_make_the_replica_late():
    assert proven(*[(at(5), at(5))] * 3) == [0, 1, 2]


def test_a_replica_is_as_late_as_the_newest_position_that_it_has():
    assert proven((at(5), at(5)), (at(8), at(6)), (at(9), at(8)), (at(9), at(8))) == [0, 0, 1, 1]


def test_a_replica_that_stands_still_proves_nothing_new():
    assert proven((at(5), at(4)), (at(8), at(4)), (at(9), at(9))) == [NEVER, NEVER, 2]


def test_a_server_of_another_system_or_timeline_proves_nothing():
    assert proven((at(5), at(9, system=8)), (at(5), at(9, timeline=2)), (at(5), None)) == [NEVER] * 3


def test_after_a_fail_over_only_the_new_timeline_counts():
    assert proven((at(5), at(5)), (at(6, 2), at(7)), (at(8, 2), at(8, 2))) == [0, 0, 2]
