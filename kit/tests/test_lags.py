"""Which partitions of a worker stand: rules alone, without servers."""

from kafka import TopicPartition

from vetika_kit.lags import Movement, Place

ONE, OTHER = TopicPartition("t", 0), TopicPartition("t", 1)


def _standing(looks, *, held=(ONE, OTHER)):
    movement = Movement()
    for now, places in looks:
        movement.look(
            {partition: Place(position=at, lag=lag) for partition, (at, lag) in places.items()},
            held=held,
            now=now,
        )
    return movement.standing(seconds=60, now=looks[-1][0])


def test_a_partition_with_nothing_to_do_may_stand_for_ever():
    """An idle topic is no fault."""
    assert _standing([(0, {ONE: (5, 0)}), (1000, {ONE: (5, 0)})]) == []


def test_a_partition_that_stands_does_not_hide_behind_one_that_moves():
    """It is named, however busy the other is."""
    looks = [(now, {ONE: (5, 1), OTHER: (now, 9)}) for now in range(0, 70, 10)]
    assert _standing(looks) == [ONE]


def test_one_that_moves_slowly_is_no_fault_however_far_it_is_behind():
    """Lag is work; only standing is a fault."""
    assert _standing([(now, {ONE: (now // 50, 1_000_000 + now)}) for now in range(0, 600, 10)]) == []


def test_the_time_counts_from_when_there_was_something_to_do():
    """What came a moment ago has not waited since the last event before it."""
    looks = [(0, {ONE: (5, 0)}), (990, {ONE: (5, 0)}), (1000, {ONE: (5, 1)})]
    assert _standing(looks) == []
    assert _standing([*looks, (1049, {ONE: (5, 1)})]) == []
    assert _standing([*looks, (1050, {ONE: (5, 1)})]) == [ONE]


def test_a_partition_that_is_lost_and_given_back_stands_all_the_same():
    """Two workers that take it from each other do not look well to anybody."""
    assert _standing([(0, {ONE: (5, 1)}), (30, {}), (60, {ONE: (5, 1)})]) == [ONE]


def test_a_partition_that_is_another_workers_now_is_not_ours_to_judge():
    """It is forgotten, and begins anew when it comes back."""
    movement = Movement()
    movement.look({ONE: Place(position=5, lag=1)}, held=[ONE], now=0)
    movement.look({}, held=[], now=30)
    assert movement.standing(seconds=0, now=100) == []
    movement.look({ONE: Place(position=5, lag=1)}, held=[ONE], now=60)
    assert movement.standing(seconds=60, now=100) == []
