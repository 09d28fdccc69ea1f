"""Registers what a run needs: one partner, and a merchant with an endpoint for each lane."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.load.api import Api, Credentials
from bench.load.scene import Lane, Scene
from bench.target import Target

_STEP_SECONDS_MAX = 60.0


async def register(
    api: Api, target: Target, lanes: Sequence[Lane], values: Mapping[str, Any], receivers_url: str
) -> Scene:
    """Do the target file's steps; afterwards the API is logged in. Raises NotAnswered."""
    common = dict(values)
    for step in (step for step in target.register_steps if not step.each_lane):
        common |= await api.must(step, common, _STEP_SECONDS_MAX)
    api.credentials = Credentials(common["client_id"], common["client_secret"])
    registered = []
    for lane in lanes:
        kept = common | {"lane": lane.name, "ordered": lane.ordered, "url": f"{receivers_url}/hooks/{lane.name}"}
        for step in (step for step in target.register_steps if step.each_lane):
            kept |= await api.must(step, kept, _STEP_SECONDS_MAX)
        named = {name: kept[name] for name in ("merchant", "endpoint", "secret")}
        registered.append(lane.model_copy(update=named))
    return Scene(
        partner=common["partner"],
        client_id=common["client_id"],
        client_secret=common["client_secret"],
        lanes=tuple(registered),
    )


def told_to_receivers(scene: Scene) -> dict[str, dict[str, str]]:
    """What `PUT /lanes` of the receivers takes."""
    return {lane.name: {"behaviour": lane.behaviour, "secret": lane.secret} for lane in scene.lanes}
