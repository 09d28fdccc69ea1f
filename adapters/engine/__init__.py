"""The one place that talks to banks: sessions, credentials, deadlines, breakers, and what our transport can prove."""

from adapters.engine.engine import Engine, EngineMetrics, EngineSettings

__all__ = ["Engine", "EngineMetrics", "EngineSettings"]
