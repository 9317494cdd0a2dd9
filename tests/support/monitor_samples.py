"""A switch that something is known of in every respect, as the monitor shows it."""

from collections import Counter

from routing.cap import Counts, Per
from switch.control.messages import CertificateStatus, LedgerStatus, ProcessStatus, Status
from switch.engine.live_view import CapStatus
from switch.engine.peer_state import HealthState, RegistrationState
from switch.engine.status import LineStatus, TrunkStatus
from switch.ledger.monitoring import (
    ANSWER_MS,
    JITTER_MS,
    LOSS,
    MOS,
    RING_MS,
    TALK_MS,
    AttemptTally,
    CallTally,
    QualityTally,
    Spread,
    Tally,
)
from switch.monitor.alerts import AlertKind, AlertState, Firing
from switch.monitor.metrics import Shown
from switch.monitor.tallies import Tallies
from switch.monitor.view import Disk, SwitchView, View

STATUS = Status(
    state="draining",
    since_us=0,
    calls=3,
    config="c1",
    overloaded=True,
    lag_ms=250,
    certificates=(CertificateStatus(file="tls/a.pem", until_us=1_800_000_000_000_000),),
    ledger=LedgerStatus(why="disk full", waiting=7),
    processes=(ProcessStatus(name="media worker", wanted=2, up=1),),
)
LINE = LineStatus(
    name="east",
    advertiser="acme",
    calls=2,
    limit=5,
    total_calls=9,
    resting_until_us=5,
    last_result=None,
    last_result_us=None,
    health=HealthState(is_up=False, last_status=503, changed_us=1),
)
TRUNK = TrunkStatus(
    name="level3",
    calls=3,
    limit=30,
    total_calls=9,
    refused=1,
    malformed=0,
    last_seen_us=1_700_000_000_500_000,
    registration=RegistrationState(until_us=None, status=403, failures=1, next_us=0),
)
ASKED_TRUNK = TrunkStatus(
    name="asked",
    calls=0,
    limit=None,
    total_calls=0,
    refused=0,
    malformed=0,
    last_seen_us=None,
    health=HealthState(is_up=True, last_status=200, changed_us=None),
)
CAP = CapStatus(key="line:east", owner="line:east", counts=Counts.ATTEMPT, per=Per.CONCURRENCY, limit=5, used=2)


def spread(value: float, bounds: tuple[float, ...]) -> Spread:
    return Spread(counts=tuple(int(value <= bound) for bound in bounds), number=1, total=value)


def shown() -> Shown:
    tallies = Tallies()
    none = spread(0, RING_MS)
    call = CallTally(
        outcome="converted",
        cause="caller_hung_up",
        calls=1,
        revenue_micros=25_500_000,
        payout_micros=10,
        talk=spread(90_000, TALK_MS),
    )
    attempt = AttemptTally(line="east", outcome="answered", attempts=1, ring=spread(500, RING_MS), answer=spread(3_000, ANSWER_MS))
    gone = AttemptTally(line="left", outcome="busy", attempts=4, ring=none, answer=spread(1, ANSWER_MS))
    older = AttemptTally(line="gone", outcome="busy", attempts=2, ring=none, answer=spread(1, ANSWER_MS))
    tallies.add(Tally(calls=[call], attempts=[attempt, gone]))
    tallies.add(Tally(calls=[call], attempts=[older]))
    tallies.add_quality(
        [
            QualityTally(
                codec="PCMU",
                loss=spread(0.01, LOSS),
                jitter=spread(5, JITTER_MS),
                mos=spread(4.3, MOS),
                sent_loss=spread(0.2, LOSS),
                sent_mos=spread(1.2, MOS),
            )
        ]
    )
    switch = SwitchView(
        status=STATUS,
        lines=(LINE,),
        trunks=(TRUNK, ASKED_TRUNK),
        caps=(CAP,),
        counts={"stranger": {"192.0.2.1": 2, "192.0.2.2": 3}},
    )
    disk = Disk(device=1, place="/var/lib/payphone", use="recordings", free_bytes=10, total_bytes=100)
    return Shown(
        view=View(at_us=1_700_000_000_000_000, switch=switch, disks=(disk,)),
        currency="USD",
        lines=frozenset({"east"}),
        tallies=tallies,
        untold=Counter({"mail": 1}),
        alerts=AlertState(firing={"line:east": Firing(kind=AlertKind.LINE, level=0, text="x", since_us=0)}),
    )
