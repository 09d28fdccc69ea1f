"""Making deliveries due again."""

from gateway.handlers.webhooks import replays
from gateway.http.route import Family, Route
from gateway.oauth.scopes import Scope
from gateway.schemas.pages import Page, PageQuery
from gateway.schemas.webhooks.replays import EstimateOut, ReplayIn, ReplayOut, ReplayProgressOut, RetryOut
from gateway.services import Services

_ROWS: Family[Services] = Family(tag="replays", reads=Scope.WEBHOOKS_READ, writes=Scope.WEBHOOKS_MANAGE)

REPLAYS: tuple[Route[Services], ...] = (
    _ROWS.post(
        "/v1/replays",
        replays.create_replay,
        "Replay one delivery, or all that a filter covers; a dry run only counts.",
        request=ReplayIn,
        response=ReplayProgressOut,
        status=201,
        cost=5,
        others={200: EstimateOut},
        gives=("Location",),
        # A replay may reach the endpoints of every merchant, and stands in a list that is the partner's.
        for_limited=False,
        refuses=(
            "delivery_under_way",
            "delivery_waiting",
            "endpoint_not_receiving",
            "endpoint_paused",
            "event_erased",
            "outside_replay_window",
            "replay_too_large",
            "replays_max",
        ),
    ),
    _ROWS.get(
        "/v1/replays", replays.list_replays, "List replays, newest first.", query=PageQuery, response=Page[ReplayOut]
    ),
    _ROWS.get(
        "/v1/replays/{replay_id}",
        replays.get_replay,
        "Read one replay and what became of its deliveries so far.",
        response=ReplayProgressOut,
    ),
    _ROWS.post(
        "/v1/replays/{replay_id}/pause",
        replays.pause_replay,
        "Pause a replay: nothing more is made due for now.",
        response=ReplayProgressOut,
        refuses=("replay_ended",),
    ),
    _ROWS.post(
        "/v1/replays/{replay_id}/resume",
        replays.resume_replay,
        "Resume a paused replay where it stopped.",
        response=ReplayProgressOut,
        refuses=("replay_ended",),
    ),
    _ROWS.post(
        "/v1/replays/{replay_id}/cancel",
        replays.cancel_replay,
        "End a replay; what it has made due is still sent.",
        response=ReplayProgressOut,
        refuses=("replay_ended",),
    ),
    _ROWS.post(
        "/v1/deliveries/{delivery_id}/retry",
        replays.retry_delivery,
        "Try a delivery now; one that has ended gets another round.",
        response=RetryOut,
        status=202,
        refuses=(
            "delivery_waiting",
            "endpoint_not_receiving",
            "endpoint_paused",
            "event_erased",
            "outside_replay_window",
        ),
    ),
)
