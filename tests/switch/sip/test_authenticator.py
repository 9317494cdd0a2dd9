"""Our own challenges: who passes, what is stale, that nothing is forged or used twice."""

from dataclasses import replace

import pytest
from sip_world import tokens

from switch.sip import authenticator as module
from switch.sip.authenticator import NONCE_LIFE_NS, Authenticator, Verdict
from switch.sip.digest import Algorithm, Authorization, Secret, Way, parse_authorization, parse_challenges
from switch.sip.message import Headers, Request
from switch.sip.peer import DEFAULT_ALGORITHMS, PeerProfile, Realm

LEVEL3 = PeerProfile(name="level3")
REALM = Realm(name="payphone", accounts={"carrier": (LEVEL3, Secret("pw"))})
URI = "sip:+18005550100@192.0.2.1"
S = 1_000_000_000


def made() -> Authenticator:
    return Authenticator(tokens("k"))


def answer(
    ours: Authenticator,
    *,
    now_ns: int = 0,
    algorithm: Algorithm = Algorithm.SHA_256,
    secret: str = "pw",  # noqa: S107
    username: str = "carrier",
    uri: str = URI,
    nc: int | None = 1,
    realm: Realm = REALM,
) -> Authorization:
    """A client's credentials for a fresh challenge."""
    offers = [each for _, text in ours.challenges(realm, now_ns, is_stale=False) for each in parse_challenges(text)]
    challenge = next(each for each in offers if each.way.algorithm is algorithm)
    blank = Authorization(
        username=username,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri,
        response="",
        way=challenge.way,
        nc=nc,
        cnonce=None if nc is None else "abc",
    )
    return signed(blank, secret)


def signed(given: Authorization, secret: str = "pw", method: str = "INVITE") -> Authorization:  # noqa: S107
    return replace(given, response=given.expected(Secret(secret), method))


def verdict(
    ours: Authenticator, given: Authorization | str, *, now_ns: int = 0, uri: str = URI
) -> tuple[Verdict, PeerProfile | None]:
    request = Request(method="INVITE", uri=uri, headers=Headers([("Authorization", str(given))]))
    return ours.verify(request, REALM, now_ns)


def test_challenges_offer_both_algorithms_the_strongest_first() -> None:
    fields = made().challenges(REALM, 5, is_stale=True)
    challenges = [each for name, text in fields for each in parse_challenges(text) if name == "WWW-Authenticate"]
    assert [each.way for each in challenges] == [Way(Algorithm.SHA_256), Way(Algorithm.MD5)]
    assert {(each.realm, each.is_stale, each.has_qop, each.nonce) for each in challenges} == {
        ("payphone", True, True, challenges[0].nonce)
    }


def test_a_realm_offers_and_takes_its_own_algorithms_in_its_order() -> None:
    ours, both, one = (
        made(),
        replace(REALM, algorithms=(Algorithm.MD5, Algorithm.SHA_256)),
        replace(REALM, algorithms=(Algorithm.MD5,)),
    )
    offered = [[parse_challenges(text) for _, text in ours.challenges(each, 0, is_stale=False)] for each in (both, one)]
    ways = [[challenge.way for found in texts for challenge in found] for texts in offered]
    assert ways == [[Way(Algorithm.MD5), Way(Algorithm.SHA_256)], [Way(Algorithm.MD5)]]
    given = answer(ours)
    request = Request(method="INVITE", uri=URI, headers=Headers([("Authorization", str(given))]))
    assert ours.verify(request, one, 0) == (Verdict.NONE, None)  # SHA-256 is not taken there
    assert ours.verify(request, both, 0) == (Verdict.GOOD, LEVEL3)


@pytest.mark.parametrize("algorithm", DEFAULT_ALGORITHMS)
def test_right_credentials_name_the_trunk(algorithm: Algorithm) -> None:
    ours = made()
    assert verdict(ours, answer(ours, algorithm=algorithm)) == (Verdict.GOOD, LEVEL3)


def test_no_credentials() -> None:
    ours = made()
    assert ours.verify(Request(method="INVITE", uri=URI, headers=Headers()), REALM, 0) == (Verdict.NONE, None)
    assert verdict(ours, "Basic Zm9v") == (Verdict.NONE, None)
    assert verdict(ours, signed(replace(answer(ours), realm="other"))) == (Verdict.NONE, None)
    assert verdict(ours, signed(replace(answer(ours), way=Way(Algorithm.MD5, is_session=True)))) == (Verdict.NONE, None)


def test_wrong_credentials() -> None:
    ours = made()
    assert verdict(ours, answer(ours, secret="PW")) == (Verdict.WRONG, None)  # noqa: S106
    assert verdict(ours, answer(ours, username="nobody")) == (Verdict.WRONG, None)
    assert verdict(ours, answer(ours, username="nobody", secret="")) == (Verdict.WRONG, None)
    assert verdict(ours, replace(answer(ours), response="é")) == (Verdict.WRONG, None)
    assert verdict(ours, signed(answer(ours), method="BYE")) == (Verdict.WRONG, None)


def test_credentials_for_one_number_do_not_call_another() -> None:
    ours = made()
    assert verdict(ours, answer(ours, uri="sip:+18005550100@sip.example.com")) == (Verdict.GOOD, LEVEL3)
    assert verdict(ours, answer(ours, uri="sip:+19005550100@192.0.2.1")) == (Verdict.WRONG, None)


def test_an_nc_serves_once_and_only_upwards() -> None:
    ours = made()
    given = answer(ours)
    assert [verdict(ours, signed(replace(given, nc=nc)))[0] for nc in (1, 1, 3, 2, 4, 0)] == [
        Verdict.GOOD,
        Verdict.STALE,
        Verdict.GOOD,
        Verdict.STALE,
        Verdict.GOOD,
        Verdict.STALE,
    ]


def test_without_qop_a_nonce_serves_once() -> None:
    ours = made()
    given = answer(ours, nc=None)
    assert [verdict(ours, given)[0] for _ in range(2)] == [Verdict.GOOD, Verdict.STALE]


@pytest.mark.parametrize(("late_ns", "expected"), [(0, Verdict.GOOD), (1, Verdict.STALE)])
def test_a_nonce_runs_out(late_ns: int, expected: Verdict) -> None:
    ours = made()
    given = answer(ours, now_ns=7 * S)
    assert verdict(ours, given, now_ns=7 * S + NONCE_LIFE_NS + late_ns)[0] is expected


def test_a_nonce_of_another_process_or_realm_or_forged_is_stale() -> None:
    ours, other = made(), Authenticator(tokens("x"))
    given = answer(ours)
    assert verdict(ours, signed(replace(answer(other))))[0] is Verdict.STALE
    assert verdict(Authenticator(tokens("k")), given)[0] is Verdict.STALE  # which has challenged nobody yet
    later = f"{S:016x}" + given.nonce[16:]
    assert verdict(ours, signed(replace(given, nonce=later)), now_ns=S)[0] is Verdict.STALE
    foreign = answer(ours, realm=replace(REALM, name="foreign"))
    assert verdict(ours, signed(replace(foreign, realm="payphone")))[0] is Verdict.STALE
    assert verdict(ours, signed(replace(given, nonce="abc")))[0] is Verdict.STALE
    assert verdict(ours, given)[0] is Verdict.GOOD


def test_two_challenges_of_one_moment_are_two_nonces() -> None:
    ours = made()
    assert answer(ours).nonce != answer(ours).nonce


def test_memory_is_bounded_and_what_is_forgotten_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_NONCES", 3)
    ours = made()
    given = [answer(ours) for _ in range(5)]
    assert [verdict(ours, each)[0] for each in given[1:4]] == [Verdict.GOOD] * 3
    assert [verdict(ours, signed(replace(each, nc=2)))[0] for each in given[1:4]] == [Verdict.GOOD] * 3  # the bound itself
    assert verdict(ours, given[4])[0] is Verdict.GOOD
    assert verdict(ours, signed(replace(given[1], nc=3)))[0] is Verdict.STALE  # forgotten
    assert verdict(ours, given[0])[0] is Verdict.STALE  # older than what is forgotten
    assert [verdict(ours, signed(replace(each, nc=3)))[0] for each in given[2:]] == [Verdict.GOOD] * 3


def test_what_was_sent_and_never_answered_is_not_kept() -> None:
    ours = made()
    for _ in range(100):
        ours.challenges(REALM, 0, is_stale=False)
    assert verdict(ours, answer(ours))[0] is Verdict.GOOD
    assert parse_authorization(str(answer(ours))) is not None
