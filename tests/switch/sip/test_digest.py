"""Digest authentication: the published vectors, what can be read, and the client that answers challenges."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip_world import tokens

from switch.sip.digest import (
    MAX_AUTH_CHARS,
    MAX_AUTH_PARAMS,
    MAX_CHALLENGES,
    MAX_TRIES,
    Algorithm,
    Authorization,
    Challenge,
    Credentials,
    DigestClient,
    Secret,
    Way,
    parse_authorization,
    parse_challenges,
)
from switch.sip.message import Headers, Request, Response

NONCE = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
NONCE_7616 = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE_7616 = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
OF_7616 = Authorization(
    username="Mufasa",
    realm="http-auth@example.org",
    nonce=NONCE_7616,
    uri="/dir/index.html",
    response="",
    nc=1,
    cnonce=CNONCE_7616,
    opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
)


class TestPublishedVectors:
    def test_rfc_2617_section_3_5(self) -> None:
        given = Authorization(
            username="Mufasa",
            realm="testrealm@host.com",
            nonce=NONCE,
            uri="/dir/index.html",
            response="",
            nc=1,
            cnonce="0a4f113b",
        )
        assert given.expected(Secret("Circle Of Life"), "GET") == "6629fae49393a05397450978507c4ef1"

    @pytest.mark.parametrize(
        ("algorithm", "response"),
        [
            (Algorithm.MD5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm.SHA_256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ],
    )
    def test_rfc_7616_section_3_9_1(self, algorithm: Algorithm, response: str) -> None:
        assert replace(OF_7616, way=Way(algorithm)).expected(Secret("Circle of Life"), "GET") == response

    def test_rfc_2069_as_its_erratum_749_has_it(self) -> None:
        given = Authorization(username="Mufasa", realm="testrealm@host.com", nonce=NONCE, uri="/dir/index.html", response="")
        assert given.expected(Secret("CircleOfLife"), "GET") == "1949323746fe6a43ef61f9606e7febea"

    @pytest.mark.parametrize("algorithm", Algorithm)
    def test_session_variants_hash_both_nonces_into_a1(self, algorithm: Algorithm) -> None:
        """RFC 7616 §3.4.2, written out: the RFC has no vector of it."""
        name = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}[algorithm]

        def h(text: str) -> str:
            return hashlib.new(name, text.encode()).hexdigest()

        a1 = h(f"{h('Mufasa:http-auth@example.org:Circle of Life')}:{NONCE_7616}:{CNONCE_7616}")
        expected = h(f"{a1}:{NONCE_7616}:00000001:{CNONCE_7616}:auth:{h('GET:/dir/index.html')}")
        assert replace(OF_7616, way=Way(algorithm, is_session=True)).expected(Secret("Circle of Life"), "GET") == expected


class TestReading:
    def test_a_challenge_as_rfc_3261_writes_it(self) -> None:
        text = (
            'Digest realm="atlanta.com",\t domain="sip:ss1.carrier.com", qop="auth,auth-int", '
            f'nonce="{NONCE}", opaque="", stale=TRUE, algorithm=MD5'
        )
        assert list(parse_challenges(text)) == [
            Challenge(realm="atlanta.com", nonce=NONCE, way=Way(Algorithm.MD5), opaque="", is_stale=True)
        ]

    def test_without_algorithm_it_is_md5_and_without_qop_rfc_2069(self) -> None:
        assert list(parse_challenges('digest realm="r", nonce="n"')) == [Challenge(realm="r", nonce="n", has_qop=False)]

    def test_several_in_one_value(self) -> None:
        text = 'Digest realm="r",nonce="n",qop="auth",algorithm=SHA-256, Basic realm="b", Digest realm="q",nonce=m,algorithm="md5-SESS"'
        assert list(parse_challenges(text)) == [
            Challenge(realm="r", nonce="n", way=Way(Algorithm.SHA_256)),
            Challenge(realm="q", nonce="m", way=Way(Algorithm.MD5, is_session=True), has_qop=False),
        ]

    def test_escapes_in_quotes_are_undone_and_written_back(self) -> None:
        (challenge,) = parse_challenges(r'Digest realm="a \"b\" \\c", nonce="n"')
        assert challenge.realm == r'a "b" \c'
        written = str(Authorization(username='me"', realm=challenge.realm, nonce="n", uri="sip:x@y", response="00"))
        assert parse_authorization(written) == Authorization(
            username='me"', realm=challenge.realm, nonce="n", uri="sip:x@y", response="00"
        )

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "Digest",
            "Basic realm=x",
            'Digest nonce="n"',
            'Digest realm="r"',
            'Digest realm="r", nonce=""',
            'Digest realm="r", nonce="n", algorithm=SHA-1',
            'Digest realm="r", nonce="n", qop="auth-int"',
            'Digest realm="r", nonce="n", qop=""',
            'Digest realm="r", realm="q", nonce="n"',
            'Digest realm="r", nonce="n',
            'Digest realm="r" nonce',
        ],
    )
    def test_a_challenge_that_can_not_be_answered(self, text: str) -> None:
        assert list(parse_challenges(text)) == []

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("Digest ", "Basic "),
            ("nc=00000001", "nc=1"),
            ("nc=00000001", "nc=0000000g"),
            ("qop=auth", "qop=auth-int"),
            ("cnonce=", "x="),
            ("uri=", "x="),
            ("response=", "x="),
            ("nonce=", "x="),
            ("realm=", "x="),
            ("username=", "username*="),
            ("algorithm=MD5", "algorithm=SHA-1"),
        ],
    )
    def test_credentials_that_are_none(self, old: str, new: str) -> None:
        text = str(replace(OF_7616, response="00"))
        assert parse_authorization(text) == replace(OF_7616, response="00")
        assert parse_authorization(text.replace(old, new, 1)) is None

    @pytest.mark.parametrize(("chars", "found"), [(MAX_AUTH_CHARS, 1), (MAX_AUTH_CHARS + 1, 0)])
    def test_a_value_may_be_so_long(self, chars: int, found: int) -> None:
        text = 'Digest realm="r", nonce="'
        assert len(list(parse_challenges(text + "n" * (chars - len(text) - 1) + '"'))) == found

    @pytest.mark.parametrize(("more", "found"), [(MAX_AUTH_PARAMS - 2, 1), (MAX_AUTH_PARAMS - 1, 0)])
    def test_a_value_may_have_so_many_parameters(self, more: int, found: int) -> None:
        text = 'Digest realm="r", nonce="n"' + "".join(f", p{number}=x" for number in range(more))
        assert len(list(parse_challenges(text))) == found

    @given(st.text(alphabet='Digest realm="n\\,=;é\t nonce', max_size=200))
    def test_never_raises(self, text: str) -> None:
        list(parse_challenges(text))
        parse_authorization(text)


def invite(*fields: tuple[str, str]) -> Request:
    return Request(method="INVITE", uri="sip:1@192.0.2.9", headers=Headers(fields))


def refusal(*challenges: str, status: int = 401) -> Response:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return Response(status=status, reason="", headers=Headers([(name, text) for text in challenges]))


def client() -> DigestClient:
    return DigestClient(credentials=Credentials(username="me", secret=Secret("pw")), token=tokens("c"))


def read(field: tuple[str, str]) -> Authorization:
    given = parse_authorization(field[1])
    assert given is not None
    return given


class TestClient:
    def test_nothing_before_a_challenge(self) -> None:
        assert client().fields("INVITE", "sip:1@192.0.2.9") == ()

    @pytest.mark.parametrize(
        ("status", "header"), [(401, "Authorization"), (407, "Proxy-Authorization")], ids=["by the line", "by a proxy"]
    )
    def test_the_strongest_of_several_is_answered_with_opaque_and_nc_counting_up(self, status: int, header: str) -> None:
        one = client()
        offers = [
            'Digest realm="r", nonce="n1", qop="auth", algorithm=MD5',
            'Digest realm="r", nonce="n3", qop="auth", algorithm=SHA-1',
            'Digest realm="r", nonce="n2", qop="auth", algorithm=SHA-256, opaque="o"',
        ]
        assert one.takes(refusal(*offers, status=status), invite(), tries=0)
        for count in (1, 2):
            ((name, text),) = one.fields("INVITE", "sip:1@192.0.2.9")
            given = read((name, text))
            assert name == header
            assert (given.way, given.nonce, given.opaque, given.nc, given.cnonce) == (
                Way(Algorithm.SHA_256),
                "n2",
                "o",
                count,
                "c1",
            )
            assert given.response == given.expected(Secret("pw"), "INVITE")

    def test_a_nonce_that_comes_again_begins_at_one(self) -> None:
        one = client()
        one.takes(refusal('Digest realm="r", nonce="n1", qop="auth"'), invite(), tries=0)
        sent = invite(*one.fields("INVITE", "sip:1@192.0.2.9"))
        assert one.takes(refusal('Digest realm="r", nonce="n2", qop="auth", stale=true'), sent, tries=1)
        (field,) = one.fields("INVITE", "sip:1@192.0.2.9")
        assert (read(field).nonce, read(field).nc) == ("n2", 1)

    def test_wrong_credentials_are_not_sent_again(self) -> None:
        one = client()
        one.takes(refusal('Digest realm="r", nonce="n1", qop="auth"'), invite(), tries=0)
        sent = invite(*one.fields("INVITE", "sip:1@192.0.2.9"))
        assert not one.takes(refusal('Digest realm="r", nonce="n2", qop="auth"'), sent, tries=1)

    def test_a_nonce_used_ahead_of_a_challenge_may_have_run_out_unsaid(self) -> None:
        one = client()
        one.takes(refusal('Digest realm="r", nonce="n1", qop="auth"'), invite(), tries=0)
        sent = invite(*one.fields("BYE", "sip:1@192.0.2.9"))
        assert one.takes(refusal('Digest realm="r", nonce="n2", qop="auth"'), sent, tries=0)

    def test_a_proxy_and_the_line_behind_it_are_both_answered(self) -> None:
        one = client()
        assert one.takes(refusal('Digest realm="proxy", nonce="p", qop="auth"', status=407), invite(), tries=0)
        sent = invite(*one.fields("INVITE", "sip:1@192.0.2.9"))
        assert one.takes(refusal('Digest realm="line", nonce="l", qop="auth"'), sent, tries=1)
        assert [name for name, _ in one.fields("INVITE", "sip:1@192.0.2.9")] == ["Proxy-Authorization", "Authorization"]

    @pytest.mark.parametrize(("tries", "again"), [(MAX_TRIES - 1, True), (MAX_TRIES, False)])
    def test_so_often_and_no_more(self, tries: int, again: bool) -> None:  # noqa: FBT001
        assert client().takes(refusal('Digest realm="r", nonce="n", stale=true'), invite(), tries=tries) is again

    @pytest.mark.parametrize("status", [400, 403, 200])
    def test_other_answers_are_no_challenge(self, status: int) -> None:
        assert not client().takes(replace_status(refusal('Digest realm="r", nonce="n"'), status), invite(), tries=0)

    def test_realms_are_bounded(self) -> None:
        one = client()
        offers = [f'Digest realm="r{number}", nonce="n"' for number in range(MAX_CHALLENGES + 1)]
        assert one.takes(refusal(*offers), invite(), tries=0)
        assert len(one.fields("INVITE", "sip:1@192.0.2.9")) == MAX_CHALLENGES
        assert one.takes(refusal('Digest realm="another", nonce="n"'), invite(), tries=0)
        assert len(one.fields("INVITE", "sip:1@192.0.2.9")) == MAX_CHALLENGES

    def test_without_qop_there_is_no_nc(self) -> None:
        one = client()
        one.takes(refusal('Digest realm="r", nonce="n"'), invite(), tries=0)
        (field,) = one.fields("INVITE", "sip:1@192.0.2.9")
        assert (read(field).nc, read(field).cnonce) == (None, None)


def replace_status(response: Response, status: int) -> Response:
    return Response(status=status, reason="", headers=response.headers)


def test_a_secret_is_shown_by_nothing() -> None:
    credentials = Credentials(username="me", secret=Secret("hunter2"))
    assert "hunter2" not in f"{credentials} {credentials!r} {DigestClient(credentials=credentials, token=tokens('c'))!r}"
    assert credentials.secret == Secret("hunter2") != Secret("hunter3")
