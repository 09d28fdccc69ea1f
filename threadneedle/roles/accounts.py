"""The accounts room as the roles build it: on what payments stand on, with the engine's lane for reads."""

from accounts.policy import AccountsPolicy
from accounts.tools import ReadCalls, Tools
from adapters.registry import discover_readers
from config.sections import DAY_SECONDS, AccountSettings
from config.settings import Settings
from payments.tools import Tools as PaymentTools


def accounts_policy(settings: AccountSettings) -> AccountsPolicy:
    """Consents and reads."""
    return AccountsPolicy(
        authorise_seconds=settings.authorise_seconds,
        valid_seconds_max=settings.valid_days_max * DAY_SECONDS,
        ask_wait_seconds=settings.ask_wait_seconds,
        waiting_per_bank_max=settings.waiting_per_bank_max,
        return_wait_seconds=settings.return_wait_seconds,
        bank_concurrency=settings.bank_concurrency,
        reads_per_bank_max=settings.reads_per_bank_max,
        read_wait_seconds=settings.read_wait_seconds,
        accounts_age_max_seconds=settings.list_age_seconds_max,
    )


def account_tools(settings: Settings, payments: PaymentTools, engine: ReadCalls) -> Tools:
    """What the room needs of the outside: holders come back to the gateway's public URL."""
    return Tools(
        pool=payments.pool,
        vault=payments.vault,
        banks=payments.banks,
        readers=discover_readers(),
        engine=engine,
        events=payments.events,
        enqueuer=payments.enqueuer,
        clock=payments.clock,
        policy=accounts_policy(settings.accounts),
        callback_base=settings.gateway.public_url,
    )
