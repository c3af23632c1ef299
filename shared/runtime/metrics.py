"""What the processes count, for Prometheus. Labels are names of actors and routes, never of people or runs."""

from prometheus_client import Counter, Histogram

DELIVERIES = Counter("loomline_deliveries", "Deliveries carried out, by actor and how they ended.", ["actor", "state"])
ACTOR_SECONDS = Histogram(
    "loomline_actor_seconds",
    "Seconds an actor took to decide and write.",
    ["actor"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30),
)
HTTP_REQUESTS = Counter(
    "loomline_http_requests", "Requests answered, by route and status.", ["method", "route", "status"]
)
HTTP_SECONDS = Histogram("loomline_http_seconds", "Seconds to answer a request.", ["method", "route"])
