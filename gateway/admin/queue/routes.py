"""The queue on the admin port."""

from gateway.admin.queue import handlers as do
from gateway.admin.services import AdminServices
from gateway.http.route import Access, Route
from gateway.limits.policy import LimitClass
from gateway.schemas.pages import Page
from gateway.schemas.queue import PartnerUndeliveredFilter, QueueOut
from gateway.schemas.webhooks.completeness import UndeliveredOut

QUEUE_ROUTES: tuple[Route[AdminServices], ...] = (
    Route(
        method="GET",
        path="/admin/v1/queue",
        handler=do.read_queue,
        sentence="Read what is due and why it was not sent yet, and which lanes wait longest.",
        access=Access.ADMIN,
        limit=LimitClass.UNLIMITED,
        response=QueueOut,
        tag="queue",
    ),
    Route(
        method="GET",
        path="/admin/v1/undelivered",
        handler=do.list_partner_undelivered,
        sentence="List what of a partner's did not arrive, and why.",
        access=Access.ADMIN,
        limit=LimitClass.UNLIMITED,
        query=PartnerUndeliveredFilter,
        response=Page[UndeliveredOut],
        tag="queue",
    ),
)
