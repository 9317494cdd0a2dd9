"""Counters by kind and host, bounded."""

from switch.sip.statistics import MAX_HOSTS, OTHER, Statistic, Statistics


def test_counts_by_kind_host_and_status() -> None:
    statistics = Statistics()
    assert statistics.snapshot() == {}
    statistics.add(Statistic.ODDITY, "192.0.2.1")
    statistics.add(Statistic.ODDITY, "192.0.2.1")
    statistics.add(Statistic.STRANGER)
    statistics.add(Statistic.REFUSED, "192.0.2.1", status=405)
    assert statistics.snapshot() == {"oddity": {"192.0.2.1": 2}, "stranger": {"": 1}, "refused_405": {"192.0.2.1": 1}}


def test_hosts_beyond_the_limit_are_summed_and_each_kind_has_its_own_limit() -> None:
    statistics = Statistics()
    for number in range(MAX_HOSTS):
        statistics.add(Statistic.STRANGER, f"h{number}")
    assert OTHER not in statistics.snapshot()["stranger"]
    statistics.add(Statistic.STRANGER, "one more")
    statistics.add(Statistic.STRANGER, "and one")
    statistics.add(Statistic.STRANGER, "h0")
    hosts = statistics.snapshot()["stranger"]
    assert (len(hosts), hosts[OTHER], hosts["h0"]) == (MAX_HOSTS + 1, 2, 2)
    statistics.add(Statistic.ODDITY, "one more")
    assert statistics.snapshot()["oddity"] == {"one more": 1}


def test_a_snapshot_is_a_copy() -> None:
    statistics = Statistics()
    statistics.add(Statistic.ODDITY, "h")
    statistics.snapshot()["oddity"]["h"] = 9
    assert statistics.snapshot() == {"oddity": {"h": 1}}
