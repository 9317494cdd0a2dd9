"""A token is known to nobody who reads what the switch says of its config."""

from pathlib import Path

import pytest
import yaml

from switch.deployment import Api, token_of
from switch.problem_text import as_json, show
from switch.settings.files import without_secrets
from switch.settings.load import Loaded, load, load_kept
from switch.settings.secret import MAX_CHARS
from switch.sip.digest import Secret

SECRET = "correct-horse-battery"  # noqa: S105 (a test's own)
SWITCH = "switch:\n  sip: {listen: 127.0.0.1:5060}\n  api: {listen: 127.0.0.1:8088}\n"


def loaded_with(config: Path, token: str) -> Loaded:
    (config / "switch.yaml").write_text(SWITCH)
    (config / "extra.yaml").write_text(f"advertisers:\n  beta: {{token: {token}, lines: {{}}}}\n")
    return load(config)


def test_whose_token_it_is(config: Path) -> None:
    deployment = loaded_with(config, SECRET).deployment
    assert deployment is not None
    api = deployment.switch.api

    assert api is not None
    assert (api.listen, list(api.tokens)) == (("127.0.0.1", 8088), ["beta"])
    assert api.advertiser_of(SECRET) == "beta"
    assert api.advertiser_of(SECRET[:-1]) is None
    assert api.advertiser_of("\udcff") is None
    assert api.tokens["beta"].matches(SECRET)


def test_it_is_in_nothing_that_is_loaded(config: Path) -> None:
    loaded = loaded_with(config, SECRET)

    assert loaded.deployment is not None
    assert SECRET not in repr(loaded)
    assert SECRET not in str(loaded.deployment.switch.api)
    assert loaded.files["extra.yaml"] == f"advertisers:\n  beta: {{token: {'x' * len(SECRET)}, lines: {{}}}}\n"


def test_another_token_is_another_version(config: Path) -> None:
    one, other = loaded_with(config, SECRET).deployment, loaded_with(config, SECRET + "2").deployment

    assert one is not None
    assert other is not None
    assert one.plan.version != other.plan.version


@pytest.mark.parametrize(
    "text",
    [
        f"beta: {{token: {SECRET}, lines: {{}}, capp: 1}}",
        f"beta: {{token: '{SECRET} {SECRET}', lines: {{}}}}",
        f"beta: {{lines: {{}}, tokn: {SECRET}}}",
        f'beta: {{lines: {{}}, "token": "{SECRET}", token: {SECRET}}}',
        f"beta: {{lines: {{}}, token: {{secret: {SECRET}}}}}",
        f"beta: {{lines: {{}}, token: [{SECRET}, {SECRET}]}}",
        f"beta: {{lines: {{}}, token: '{SECRET}",
        f"beta: {{lines: {{}}, token: &x {SECRET}}}",
        f"beta: {{lines: {{}}, token: !!str {SECRET}}}",
        f"beta:\n    token:{SECRET}\n    lines: {{}}",
        f"beta:\n    lines: {{}}\n    token:{SECRET}",
        f"beta: {{lines: {{}}, token:{SECRET}}}",
        f"beta:\n    token:{SECRET}",
        f"beta:\n    token = {SECRET}\n    lines: {{}}",
        f"beta:\n    token {SECRET}\n    lines: {{}}",
        f"beta:\n    token:\n      {SECRET}\n      more\n    lines: {{}}",
    ],
)
def test_no_problem_shows_it(config: Path, text: str) -> None:
    (config / "switch.yaml").write_text(SWITCH)
    (config / "extra.yaml").write_text(f"advertisers:\n  {text}\n")
    loaded = load(config)

    assert loaded.deployment is None
    assert loaded.problems
    assert SECRET not in repr(loaded)
    assert not any(SECRET in show(problem) or SECRET in str(as_json(problem)) for problem in loaded.problems)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("ledger: postgresql://me:hunter2@db/x\nuri: sip:me@db", "ledger: postgresql://me:xxxxxxx@db/x\nuri: sip:me@db"),
        (
            "ledger: postgresql://db/x?password=hunter2&sslmode=require",
            "ledger: postgresql://db/x?password=xxxxxxx&sslmode=require",
        ),
        ('{ledger: "postgresql://db/x?sslmode=a&SSLPassword=hun"}', '{ledger: "postgresql://db/x?sslmode=a&SSLPassword=xxx"}'),
        ('uri: "sip:me:hunter2@127.0.0.1"', 'uri: "sip:me:xxxxxxx@127.0.0.1"'),
        ("tone: {uri: sip:a@127.0.0.1}", "tone: {uri: sip:a@127.0.0.1}"),
        ("ten: {uri: 'sip:a@127.0.0.1:5060'}", "ten: {uri: 'sip:a@127.0.0.1:5060'}"),
        ("oken: abc", "oken: xxx"),
        ("tokens: abc", "tokens: xxx"),
        ("secret: abc", "secret: xxx"),
        ("{username: me, secrets: 'a b', realm: r}", "{username: me, secrets: 'x x', realm: r}"),
        ("sercet: abc", "sercet: xxx"),
        ("password: abc", "password: xxx"),
        ("secret: {env: NAME}", "secret: {env: NAME}"),
        ("secret: { 'file' : NAME}", "secret: { 'file' : NAME}"),
        ("secret:\n  env: NAME\nx: 1", "secret:\n  env: NAME\nx: 1"),
        ("sector: abc", "sector: abc"),
    ],
)
def test_secrets_and_nothing_else_are_masked(text: str, kept: str) -> None:
    assert without_secrets(text) == kept


@pytest.mark.parametrize(
    "url",
    ["me:hunter2@db/x", "db/x?password=hunter2", "db/x?sslmode=require&password=hunter2", "db/x?sslpassword=hunter2"],
)
def test_a_ledger_with_a_password_is_refused_and_not_shown(config: Path, url: str) -> None:
    (config / "switch.yaml").write_text(SWITCH + f"  ledger: postgresql://{url}\n")
    loaded = load(config)

    assert [problem.message for problem in loaded.problems] == ["a password in the config"]
    assert "hunter2" not in show(loaded.problems[0]) + repr(loaded)


def test_a_ledger_may_name_the_file_that_has_the_password(config: Path) -> None:
    (config / "switch.yaml").write_text(SWITCH + "  ledger: postgresql://db/x?passfile=/etc/pgpass\n")
    assert load(config).problems == ()


def test_an_advertiser_is_known_by_one_of_many_tokens() -> None:
    api = Api(listen=("127.0.0.1", 1), tokens={name: token_of(name * 16) for name in "abc"})

    assert [api.advertiser_of(name * 16) for name in "abcd"] == ["a", "b", "c", None]


def test_a_comment_behind_a_token_stays_one(tmp_path: Path) -> None:
    """Or the kept file could not be read any more: its words would be part of the token."""
    kept = without_secrets(f"token: {SECRET}   # was {SECRET} before\n")
    assert SECRET not in kept
    assert yaml.safe_load(kept) == {"token": "x" * len(SECRET)}


AUTH = "trunks:\n  t: {{addresses: any, auth: {{username: me, secret: {}}}}}\n"


def with_secret(config: Path, written: str) -> Loaded:
    (config / "extra.yaml").write_text(AUTH.format(written))
    return load(config)


def account(loaded: Loaded) -> Secret:
    assert loaded.deployment is not None, loaded.problems
    realm = loaded.deployment.plan.strangers
    assert realm is not None
    return realm.accounts["me"][1]


def test_a_secret_from_the_environment_or_a_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYPHONE_TEST_SECRET", SECRET)
    (config / "carrier.secret").write_text(f"{SECRET}\nnot this\n")
    written = [SECRET, "{env: PAYPHONE_TEST_SECRET}", "{file: carrier.secret}"]
    assert [account(with_secret(config, each)) for each in written] == [Secret(SECRET)] * 3
    assert [len(with_secret(config, each).problems) for each in written] == [1, 0, 0]


@pytest.mark.parametrize("written", [SECRET, "{env: PAYPHONE_TEST_SECRET}"])
def test_a_secret_is_in_nothing_that_is_loaded(config: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("PAYPHONE_TEST_SECRET", SECRET)
    loaded = with_secret(config, written)
    assert account(loaded) == Secret(SECRET)
    assert SECRET not in repr(loaded)
    assert not any(SECRET in show(problem) or SECRET in str(as_json(problem)) for problem in loaded.problems)


def test_another_secret_is_another_version(config: Path) -> None:
    versions = [loaded.deployment.plan.version for each in "ab" if (loaded := with_secret(config, each)).deployment]
    assert len(set(versions)) == 2


def test_a_config_of_old_is_read_without_its_secrets(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYPHONE_TEST_SECRET", SECRET)
    kept = with_secret(config, "{env: PAYPHONE_TEST_SECRET}").files
    monkeypatch.delenv("PAYPHONE_TEST_SECRET")
    assert load_kept(kept).deployment is not None
    assert load(config).deployment is None


@pytest.mark.parametrize(("chars", "problems"), [(MAX_CHARS, 1), (MAX_CHARS + 1, 1)])
def test_a_secret_may_be_so_long(config: Path, chars: int, problems: int) -> None:
    loaded = with_secret(config, "x" * chars)
    assert len(loaded.problems) == problems
    assert (loaded.deployment is not None) == (chars == MAX_CHARS)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\xff\n", "cannot be read: it is not UTF-8"),
        (b"a\x07b", "has characters that no password has"),
        (b"x" * (MAX_CHARS + 1), "is longer than 256 characters"),
    ],
)
def test_a_file_without_a_secret_is_told(config: Path, content: bytes, told: str) -> None:
    (config / "carrier.secret").write_bytes(content)
    (problem,) = with_secret(config, "{file: carrier.secret}").problems
    assert problem.message.endswith(told)
    assert problem.line == 2
