"""The settings of account information."""

from typing import Annotated

from pydantic import Field

from config.sections.general import DAY_SECONDS, Count, Seconds, SecondsOrNone, Section


class AccountSettings(Section):
    """Consents and reads of accounts."""

    authorise_seconds: Annotated[float, Field(ge=60, le=30 * DAY_SECONDS)]
    valid_days_max: Annotated[int, Field(ge=1, le=3_660)]
    ask_wait_seconds: SecondsOrNone
    return_wait_seconds: SecondsOrNone
    waiting_per_bank_max: Count
    sweep_interval_seconds: Seconds
    bank_concurrency: Count
    reads_per_bank_max: Count
    read_wait_seconds: Seconds
    list_age_seconds_max: Count
