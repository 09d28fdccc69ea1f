"""Making deliveries due again."""

from gateway.handlers.webhooks import replays
from gateway.http.route import Route
from gateway.limits.policy import LimitClass
from gateway.oauth.scopes import Scope
from gateway.schemas.pages import Page, PageQuery
from gateway.schemas.webhooks.replays import EstimateOut, ReplayIn, ReplayOut, ReplayProgressOut, RetryOut
from gateway.services import Services

REPLAYS: tuple[Route[Services], ...] = (
    Route(
        method="POST",
        path="/v1/replays",
        handler=replays.create_replay,
        sentence="Replay one delivery, or all that a filter covers; a dry run only counts.",
        scope=Scope.WEBHOOKS_MANAGE,
        limit=LimitClass.MANAGEMENT,
        request=ReplayIn,
        response=ReplayProgressOut,
        status=201,
        others={200: EstimateOut},
        tag="replays",
    ),
    Route(
        method="GET",
        path="/v1/replays",
        handler=replays.list_replays,
        sentence="List replays, newest first.",
        scope=Scope.WEBHOOKS_READ,
        query=PageQuery,
        response=Page[ReplayOut],
        tag="replays",
    ),
    Route(
        method="GET",
        path="/v1/replays/{replay_id}",
        handler=replays.get_replay,
        sentence="Read one replay and what became of its deliveries so far.",
        scope=Scope.WEBHOOKS_READ,
        response=ReplayProgressOut,
        tag="replays",
    ),
    Route(
        method="POST",
        path="/v1/replays/{replay_id}/pause",
        handler=replays.pause_replay,
        sentence="Pause a replay: nothing more is made due for now.",
        scope=Scope.WEBHOOKS_MANAGE,
        limit=LimitClass.MANAGEMENT,
        response=ReplayProgressOut,
        tag="replays",
    ),
    Route(
        method="POST",
        path="/v1/replays/{replay_id}/resume",
        handler=replays.resume_replay,
        sentence="Resume a paused replay where it stopped.",
        scope=Scope.WEBHOOKS_MANAGE,
        limit=LimitClass.MANAGEMENT,
        response=ReplayProgressOut,
        tag="replays",
    ),
    Route(
        method="POST",
        path="/v1/replays/{replay_id}/cancel",
        handler=replays.cancel_replay,
        sentence="End a replay; what it has made due is still sent.",
        scope=Scope.WEBHOOKS_MANAGE,
        limit=LimitClass.MANAGEMENT,
        response=ReplayProgressOut,
        tag="replays",
    ),
    Route(
        method="POST",
        path="/v1/deliveries/{delivery_id}/retry",
        handler=replays.retry_delivery,
        sentence="Try a delivery now; one that has ended gets another round.",
        scope=Scope.WEBHOOKS_MANAGE,
        limit=LimitClass.MANAGEMENT,
        response=RetryOut,
        status=202,
        tag="replays",
    ),
)
