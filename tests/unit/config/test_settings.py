from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.loading import SettingsError, load_settings
from config.settings import Settings

SERVERS = {"DATABASE_URL": "postgresql://app:hunter2@db/threadneedle", "REDIS_URL": "redis://:hunter2@cache/0"}


def load(**environment: str) -> Settings:
    return load_settings(SERVERS | environment)


def problems(**environment: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        load(**environment)
    return raised.value.problems


def test_the_defaults_need_only_the_servers() -> None:
    """With the two URLs in the environment everything else has a default."""
    settings = load()
    assert settings.oauth.token_lifetime_seconds == 600
    assert settings.payments.wait_seconds_default == 10
    assert settings.webhooks.retry_delays_seconds[:3] == (0, 5, 300)
    assert settings.database.url.reveal() == SERVERS["DATABASE_URL"]


def test_later_sources_win(tmp_path: Path) -> None:
    """The file is over the defaults, and the environment over the file, setting by setting."""
    file = tmp_path / "threadneedle.toml"
    file.write_text('[gateway]\nport = 9000\nhost = "0.0.0.0"\n', encoding="utf-8")
    settings = load(THREADNEEDLE_CONFIG=str(file), THREADNEEDLE_GATEWAY__PORT="9001")
    assert (settings.gateway.host, settings.gateway.port, settings.gateway.admin_port) == ("0.0.0.0", 9001, 8081)  # noqa: S104 - a value of the test


def test_lists_and_tables_come_as_toml() -> None:
    """The environment can hold whatever the file can."""
    settings = load(
        THREADNEEDLE_WEBHOOKS__PRIVATE_DESTINATIONS='["10.1.0.0/16", "fd00::/8"]',
        THREADNEEDLE_PAYMENTS__CAPS="{GBP = {payment = 1, merchant_day = 2, partner_day = 3}}",
        THREADNEEDLE_LIMITS__TIERS__STANDARD__READS="{capacity = 7, rate_per_second = 0.5}",
        THREADNEEDLE_WEBHOOKS__PLAIN_HTTP_ALLOWED="true",
    )
    assert settings.webhooks.private_destinations == (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    assert settings.payments.caps["GBP"].merchant_day == 2
    assert settings.limits.tiers["standard"].reads.capacity == 7
    assert settings.limits.tiers["standard"].money.capacity == 100
    assert settings.webhooks.plain_http_allowed is True


def test_all_mistakes_are_told_at_once() -> None:
    """Every wrong setting has a line that begins with its name."""
    found = problems(
        DATABASE_URL="",
        THREADNEEDLE_GATEWAY__PORT="70000",
        THREADNEEDLE_GATEWAY__COLOUR="blue",
        THREADNEEDLE_OAUTH__TOKEN_LIFETIME_SECONDS="soon",
        THREADNEEDLE_WEBHOOKS__PRIVATE_DESTINATIONS='["nowhere"]',
        THREADNEEDLE_BANKS__REPLY_BYTES_MAX="[1,",
        THREADNEEDLE_LOGGING_LEVEL="debug",
        THREADNEEDLE_CONFIG="/nonexistent",
    )
    assert {line.split(":")[0] for line in found} == {
        "database.url",
        "gateway.port",
        "gateway.colour",
        "oauth.token_lifetime_seconds",
        "webhooks.private_destinations.0",
        "THREADNEEDLE_BANKS__REPLY_BYTES_MAX",
        "banks.reply_bytes_max",
        "THREADNEEDLE_LOGGING_LEVEL",
        "THREADNEEDLE_CONFIG",
    }


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    """A typing mistake in a file or a variable never goes unseen."""
    file = tmp_path / "threadneedle.toml"
    file.write_text("[gatewy]\nport = 1\n", encoding="utf-8")
    assert problems(THREADNEEDLE_CONFIG=str(file)) == ("gatewy: is not a setting",)
    assert problems(THREADNEEDLE_NOTHING__PORT="1") == ("nothing: is not a setting",)
    file.write_text("not toml", encoding="utf-8")
    assert problems(THREADNEEDLE_CONFIG=str(file)) == ("THREADNEEDLE_CONFIG: the file is not TOML",)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("THREADNEEDLE_RETENTION__EVENTS_DAYS", "35", "retention.events_days must exceed"),
        ("THREADNEEDLE_RETENTION__REPLAY_WINDOW_DAYS", "85", "retention.events_days must exceed"),
        ("THREADNEEDLE_WEBHOOKS__DELIVERY_AGE_SECONDS_MAX", "3600", "delivery_age_seconds_max must not end before"),
        ("THREADNEEDLE_REDIS__QUEUE_CLUSTER", "true", "limits_url must name a server of its own"),
        ("THREADNEEDLE_WEBHOOKS__QUEUE_SHARDS", "0", "queue_shards"),
        ("THREADNEEDLE_PAYMENTS__WAIT_SECONDS_DEFAULT", "60", "wait_seconds_default must not exceed"),
        ("THREADNEEDLE_BATCHES__ROWS_ENOUGH", "600", "rows_enough must not exceed"),
        ("THREADNEEDLE_BATCHES__LINGER_SECONDS_MIN", "1", "linger_seconds_min must not exceed"),
        ("THREADNEEDLE_KEYS__DATA_KEY_SECONDS_MAX", "61", "keys.data_key_seconds_max"),
        ("THREADNEEDLE_LIMITS__TIERS", "{}", ""),
    ],
)
def test_settings_that_contradict_each_other_are_refused(variable: str, value: str, words: str) -> None:
    """What would lose deliveries, keys or batches at run time is refused at start."""
    if variable == "THREADNEEDLE_LIMITS__TIERS":
        with pytest.raises(ValidationError, match="named standard"):
            Settings.model_validate(load().model_dump() | {"limits": load().limits.model_dump() | {"tiers": {}}})
        return
    assert any(words in line for line in problems(**{variable: value}))


def test_the_summary_shows_no_secret() -> None:
    """The line of the start names every setting and says of secrets only that they are there."""
    summary = load().summary()
    assert summary["database.url"] == "configured"
    assert summary["redis.limits_url"] == "not configured"
    assert summary["gateway.port"] == 8080
    assert "hunter2" not in str(summary) + repr(load()) + load().model_dump_json()


def test_settings_are_frozen() -> None:
    """What was decided before the first request stays decided."""
    with pytest.raises(ValidationError):
        setattr(load().gateway, "port", 1)  # noqa: B010 - the type checker knows it too


def test_a_command_may_need_less() -> None:
    """Migrating needs no Redis."""
    settings = load_settings({"DATABASE_URL": "postgresql://h/d"}, required=["database.url"])
    assert settings.redis.queue_url.reveal() == ""
