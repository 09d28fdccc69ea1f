"""The queue on the admin port."""

from gateway.admin.queue import handlers as do
from gateway.admin.services import AdminServices
from gateway.http.route import Route, admin_family
from gateway.schemas.queue import PartnerUndeliveredFilter, QueueOut
from gateway.schemas.webhooks.completeness import UndeliveredPageOut

_ROWS = admin_family("queue")

QUEUE_ROUTES: tuple[Route[AdminServices], ...] = (
    _ROWS.get(
        "/admin/v1/queue",
        do.read_queue,
        "Read what is due and why it was not sent yet, and which lanes wait longest.",
        response=QueueOut,
    ),
    _ROWS.get(
        "/admin/v1/undelivered",
        do.list_partner_undelivered,
        "List what of a partner's did not arrive, and why.",
        query=PartnerUndeliveredFilter,
        response=UndeliveredPageOut,
    ),
)
