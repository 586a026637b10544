"""Picture searches: one file a service, asked in this order until there are enough."""

from core.data.search.commons import Commons
from core.data.search.duckduckgo import DuckDuckGo
from core.data.search.fallback import search_all
from core.data.search.hit import Hit, Provider, ProviderOutcome
from core.data.search.openverse import Openverse
from core.data.search.phrases import phrases

PROVIDERS: dict[str, Provider] = {provider.name: provider for provider in (DuckDuckGo(), Openverse(), Commons())}

__all__ = ["PROVIDERS", "Hit", "Provider", "ProviderOutcome", "phrases", "search_all"]
