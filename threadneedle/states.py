"""docs/states.md, made from the code: `make docs` writes it, tests/repository holds it."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from adapters.declaration import OperationKind
from kernel.ids import Environment
from payments.states.moves import OPERATOR_MOVES, PAYMENT_MOVES, SUBMISSION_MOVES
from payments.states.names import EvidenceSource, Finality, OperationState, PaymentStatus, SubmissionState
from webhooks.dispatch.outcome import DELIVERY_MOVES, DeliveryState
from webhooks.endpoints.model import EndpointState
from webhooks.sending.model import Cause

_ROOT = Path(__file__).resolve().parents[1]
