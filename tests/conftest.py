"""What every test shares: one thread a library, the hypothesis profiles, and where the fixtures live."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

for name, value in {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}.items():
    os.environ.setdefault(name, value)  # before the first numeric library loads, or it is not heard

pytest_plugins = [
    "tests.databases",
    "tests.servers.postgres",
    "tests.servers.redis_server",
    "tests.servers.stripe_server",
]

# A failure in CI is the same on the next run and prints what reproduces it; time limits only measure how busy the machine is.
settings.register_profile(
    "ci",
    max_examples=60,
    derandomize=True,
    print_blob=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("UPTIER_HYPOTHESIS", "ci"))
